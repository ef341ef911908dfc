"""The statements behind an account's rows; their parameters are described where they are used."""

from dataclasses import fields

from broker.exchange.orders import BookFill, BookOrder

ORDER_COLUMNS = tuple(column.name for column in fields(BookOrder))
FILL_COLUMNS = tuple(column.name for column in fields(BookFill))
CHANGING = (
    *("quantity", "next_test_at", "updated_at", "status", "filled_quantity", "filled_value"),
    *("filled_at", "canceled_at", "expired_at", "triggered_at", "replaced_by", "replaced_at"),
)

ENTRY_COLUMNS = (
    *("event", "order_id", "book_order", "at", "price", "quantity", "position_quantity"),
    "execution_id",
)


def _places(count: int) -> str:
    return ", ".join(f"${number}" for number in range(1, count + 1))


INSERT_ACCOUNT = """
INSERT INTO exchange.accounts (account_number, starting_cash, opened_at)
VALUES ($1, $2, $3)
RETURNING starting_cash, opened_at, configuration::text AS configuration
"""
SELECT_OPENING = """
SELECT starting_cash, opened_at, configuration::text AS configuration,
       (SELECT coalesce(max(sequence), 0) FROM exchange.trade_updates AS news
        WHERE news.account_number = $1) AS version
FROM exchange.accounts WHERE account_number = $1
"""
# Only the names of this module's own columns are put into these queries, never a value (S608).
SELECT_ORDERS = """
SELECT * FROM exchange.orders
WHERE account_number = $1
  AND ($2 = 'all' OR (status = ANY($3)) = ($2 = 'closed'))
  AND ($4::timestamptz IS NULL OR submitted_at > $4)
  AND ($5::timestamptz IS NULL OR submitted_at < $5)
  AND ($6::text[] IS NULL OR symbol = ANY($6))
  AND ($7::text IS NULL OR side = $7)
  AND ($10::uuid IS NULL OR sequence > (SELECT border.sequence FROM exchange.orders AS border
                                        WHERE border.account_number = $1 AND order_id = $10))
  AND ($11::uuid IS NULL OR sequence < (SELECT border.sequence FROM exchange.orders AS border
                                        WHERE border.account_number = $1 AND order_id = $11))
ORDER BY CASE WHEN $8 THEN sequence ELSE -sequence END
LIMIT $9
"""
SELECT_ORDER = {
    column: f"SELECT * FROM exchange.orders WHERE account_number = $1 AND {column} = $2"  # noqa: S608 see above
    for column in ("order_id", "client_order_id")
}
INSERT_ORDER = (
    f"INSERT INTO exchange.orders ({', '.join(ORDER_COLUMNS)}) "  # noqa: S608 see above
    f"VALUES ({_places(len(ORDER_COLUMNS))})"
)
UPDATE_ORDER = (
    f"UPDATE exchange.orders SET ({', '.join(CHANGING)}) = "  # noqa: S608 see above
    f"({', '.join(f'${number}' for number in range(2, len(CHANGING) + 2))}) WHERE order_id = $1"
)
INSERT_FILL = (
    f"INSERT INTO exchange.fills (account_number, {', '.join(FILL_COLUMNS)}) "  # noqa: S608 see above
    f"VALUES ({_places(len(FILL_COLUMNS) + 1)})"
)
_CHANGED = ", ".join(f"new.{name}" for name in CHANGING)
# Rows come as JSON under the names of their columns: however many, it is one statement.
STORE_CHANGES = f"""
WITH added AS (
    INSERT INTO exchange.orders ({", ".join(ORDER_COLUMNS)})
    SELECT {", ".join(ORDER_COLUMNS)}
    FROM jsonb_populate_recordset(NULL::exchange.orders, $2::text::jsonb)
), saved AS (
    UPDATE exchange.orders AS old SET ({", ".join(CHANGING)}) = ROW ({_CHANGED})
    FROM jsonb_populate_recordset(NULL::exchange.orders, $3::text::jsonb) AS new
    WHERE old.order_id = new.order_id
), filled AS (
    INSERT INTO exchange.fills (account_number, {", ".join(FILL_COLUMNS)})
    SELECT $1, {", ".join(FILL_COLUMNS)}
    FROM jsonb_populate_recordset(NULL::exchange.fills, $4::text::jsonb)
)
INSERT INTO exchange.trade_updates (account_number, {", ".join(ENTRY_COLUMNS)})
SELECT $1, {", ".join(ENTRY_COLUMNS)}
FROM jsonb_populate_recordset(NULL::exchange.trade_updates, $5::text::jsonb)
"""  # noqa: S608 see above
SELECT_FILLS = """
SELECT * FROM exchange.fills WHERE account_number = $1 AND sequence > $2
ORDER BY filled_at, sequence
"""
SELECT_EXECUTIONS = """
WITH told AS (
    SELECT f.*, o.quantity AS ordered,
           sum(f.quantity) OVER (PARTITION BY f.order_id ORDER BY f.filled_at, f.sequence)
               AS cumulative,
           row_number() OVER (ORDER BY f.filled_at, f.sequence) AS place
    FROM exchange.fills f JOIN exchange.orders o ON o.order_id = f.order_id
    WHERE f.account_number = $1
), beyond AS (SELECT place FROM told WHERE execution_id = $5)
SELECT * FROM told
WHERE ($2::timestamptz IS NULL OR filled_at > $2)
  AND ($3::timestamptz IS NULL OR filled_at < $3)
  AND ($4::uuid IS NULL OR order_id = $4)
  AND ($5::uuid IS NULL
       OR CASE WHEN $6 THEN place > (SELECT place FROM beyond)
               ELSE place < (SELECT place FROM beyond) END)
ORDER BY CASE WHEN $6 THEN place ELSE -place END
LIMIT $7
"""
SELECT_HELD = """
SELECT symbol, sum(CASE side WHEN 'buy' THEN quantity ELSE -quantity END) AS held
FROM exchange.fills WHERE account_number = $1 AND symbol = ANY($2) GROUP BY symbol
"""
INSERT_UPDATE = f"""
INSERT INTO exchange.trade_updates (account_number, event, order_id, book_order, at, price,
                                    quantity, position_quantity, execution_id)
VALUES ({_places(9).replace("$4", "$4::text::jsonb")})
RETURNING sequence
"""  # noqa: S608 see above
SELECT_UPDATES = """
SELECT *, book_order::text AS as_it_stood FROM exchange.trade_updates
WHERE account_number = $1 AND sequence > $2 ORDER BY sequence
"""
SELECT_LAST_UPDATE = """
SELECT coalesce(max(sequence), 0) FROM exchange.trade_updates WHERE account_number = $1
"""
