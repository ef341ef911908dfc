"""Orders and fills in PostgreSQL, so that the next process finds what the last one left.

The schema `exchange` is made on first use. Whoever touches an account holds its advisory lock for
the length of one transaction, so several processes can serve the same accounts. Positions and cash
are not stored: they follow from the fills.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import astuple, dataclass, field, fields
from datetime import datetime
from decimal import Decimal
from typing import Any

import asyncpg

from broker.exchange.book import BookFill, BookOrder
from broker.exchange.hours import TimeInForce
from broker.models import OrderStatus, PositionIntent, Side

DEFAULT_STARTING_CASH_USD = Decimal(100_000)

_SCHEMA = """
CREATE SCHEMA IF NOT EXISTS exchange;
CREATE TABLE IF NOT EXISTS exchange.accounts (
    account_number text PRIMARY KEY,
    starting_cash numeric NOT NULL,
    opened_at timestamptz NOT NULL
);
CREATE TABLE IF NOT EXISTS exchange.orders (
    sequence bigint GENERATED ALWAYS AS IDENTITY,
    order_id uuid PRIMARY KEY,
    account_number text NOT NULL REFERENCES exchange.accounts,
    client_order_id text NOT NULL,
    symbol text NOT NULL,
    side text NOT NULL,
    quantity numeric NOT NULL CHECK (quantity > 0),
    limit_price numeric,
    time_in_force text NOT NULL,
    position_intent text NOT NULL,
    submitted_at timestamptz NOT NULL,
    live_at timestamptz NOT NULL,
    next_test_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    status text NOT NULL,
    filled_quantity numeric NOT NULL CHECK (filled_quantity <= quantity),
    filled_value numeric NOT NULL,
    filled_at timestamptz,
    canceled_at timestamptz,
    expired_at timestamptz,
    UNIQUE (account_number, client_order_id)
);
CREATE INDEX IF NOT EXISTS orders_by_status ON exchange.orders (account_number, status);
CREATE TABLE IF NOT EXISTS exchange.fills (
    sequence bigint GENERATED ALWAYS AS IDENTITY,
    execution_id uuid PRIMARY KEY,
    order_id uuid NOT NULL REFERENCES exchange.orders,
    account_number text NOT NULL REFERENCES exchange.accounts,
    symbol text NOT NULL,
    side text NOT NULL,
    quantity numeric NOT NULL CHECK (quantity > 0),
    price numeric NOT NULL CHECK (price > 0),
    filled_at timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS fills_by_account ON exchange.fills (account_number, filled_at);
"""
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"
_ORDER_COLUMNS = tuple(column.name for column in fields(BookOrder))
_FILL_COLUMNS = tuple(column.name for column in fields(BookFill))
_CHANGING = (
    *("next_test_at", "updated_at", "status", "filled_quantity", "filled_value"),
    *("filled_at", "canceled_at", "expired_at"),
)
_TERMINAL = [status.value for status in OrderStatus if status.is_terminal]


@dataclass(frozen=True, slots=True)
class ExchangeAccount:
    """An account that the exchange serves; its key id starts with SIM.

    `starting_cash_usd` counts when the account is first seen; later the stored amount does.
    """

    key_id: str
    secret_key: str = field(repr=False)
    account_number: str
    starting_cash_usd: Decimal = DEFAULT_STARTING_CASH_USD


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """Which orders to list: `status` is open, closed or all; times are exclusive borders."""

    status: str = "open"
    limit: int = 50
    after: datetime | None = None
    until: datetime | None = None
    oldest_first: bool = False
    symbols: tuple[str, ...] | None = None
    side: str | None = None


class AccountRows:
    """One account's rows, inside the transaction that holds its lock."""

    def __init__(self, connection: Any, account_number: str) -> None:
        self._connection = connection
        self._account_number = account_number

    async def opening(self) -> tuple[Decimal, datetime]:
        """Return the starting cash and when the account was first seen."""
        query = "SELECT starting_cash, opened_at FROM exchange.accounts WHERE account_number = $1"
        row = await self._connection.fetchrow(query, self._account_number)
        return row["starting_cash"], row["opened_at"]

    async def working_orders(self) -> tuple[BookOrder, ...]:
        """Return the orders that can still change, oldest first."""
        listed = OrderFilter(oldest_first=True, limit=0)
        return await self.orders(listed)

    async def orders(self, chosen: OrderFilter) -> tuple[BookOrder, ...]:
        """Return the orders that pass the filter; a limit of 0 returns all."""
        rows = await self._connection.fetch(
            _SELECT_ORDERS,
            self._account_number,
            chosen.status,
            _TERMINAL,
            chosen.after,
            chosen.until,
            list(chosen.symbols) if chosen.symbols else None,
            chosen.side,
            chosen.oldest_first,
            chosen.limit or None,
        )
        return tuple(_order(row) for row in rows)

    async def order(self, column: str, value: object) -> BookOrder | None:
        """Return the order whose `order_id` or `client_order_id` is `value`."""
        row = await self._connection.fetchrow(_SELECT_ORDER[column], self._account_number, value)
        return _order(row) if row else None

    async def add(self, order: BookOrder) -> None:
        """Store a new order."""
        await self._connection.execute(_INSERT_ORDER, *astuple(order))

    async def save(self, order: BookOrder, fills: Sequence[BookFill]) -> None:
        """Store how an order has changed, and its new fills."""
        changed = [getattr(order, name) for name in _CHANGING]
        await self._connection.execute(_UPDATE_ORDER, order.order_id, *changed)
        rows = [(self._account_number, *astuple(fill)) for fill in fills]
        await self._connection.executemany(_INSERT_FILL, rows)

    async def fills(self) -> tuple[BookFill, ...]:
        """Return every fill of the account, oldest first."""
        rows = await self._connection.fetch(_SELECT_FILLS, self._account_number)
        return tuple(_fill(row) for row in rows)


class ExchangeState:
    """The exchange's tables behind a pool that somebody else opens and closes."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        self._is_prepared = False

    @asynccontextmanager
    async def locked(
        self, account: ExchangeAccount, *, opened_at: datetime
    ) -> AsyncIterator[AccountRows]:
        """Open a transaction in which nobody else can touch `account`, here or elsewhere."""
        await self._prepare()
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(_LOCK, f"exchange account {account.account_number}")
            await connection.execute(
                "INSERT INTO exchange.accounts VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
                account.account_number,
                account.starting_cash_usd,
                opened_at,
            )
            yield AccountRows(connection, account.account_number)

    async def _prepare(self) -> None:
        """Create the tables unless they are there; processes that start at once take turns."""
        if self._is_prepared:
            return
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(_LOCK, "exchange schema")
            if await connection.fetchval("SELECT to_regclass('exchange.fills_by_account')") is None:
                await connection.execute(_SCHEMA)
        self._is_prepared = True


def _order(row: asyncpg.Record) -> BookOrder:
    columns = {name: row[name] for name in _ORDER_COLUMNS}
    columns["side"] = Side(columns["side"])
    columns["time_in_force"] = TimeInForce(columns["time_in_force"])
    columns["position_intent"] = PositionIntent(columns["position_intent"])
    columns["status"] = OrderStatus(columns["status"])
    return BookOrder(**columns)


def _fill(row: asyncpg.Record) -> BookFill:
    columns = {name: row[name] for name in _FILL_COLUMNS}
    columns["side"] = Side(columns["side"])
    return BookFill(**columns)


def _places(count: int) -> str:
    return ", ".join(f"${number}" for number in range(1, count + 1))


# Only the names of this module's own columns are put into these queries, never a value (S608).
_SELECT_ORDERS = """
SELECT * FROM exchange.orders
WHERE account_number = $1
  AND ($2 = 'all' OR (status = ANY($3)) = ($2 = 'closed'))
  AND ($4::timestamptz IS NULL OR submitted_at > $4)
  AND ($5::timestamptz IS NULL OR submitted_at < $5)
  AND ($6::text[] IS NULL OR symbol = ANY($6))
  AND ($7::text IS NULL OR side = $7)
ORDER BY CASE WHEN $8 THEN sequence ELSE -sequence END
LIMIT $9
"""
_SELECT_ORDER = {
    column: f"SELECT * FROM exchange.orders WHERE account_number = $1 AND {column} = $2"  # noqa: S608 see above
    for column in ("order_id", "client_order_id")
}
_INSERT_ORDER = (
    f"INSERT INTO exchange.orders ({', '.join(_ORDER_COLUMNS)}) "  # noqa: S608 see above
    f"VALUES ({_places(len(_ORDER_COLUMNS))})"
)
_UPDATE_ORDER = (
    f"UPDATE exchange.orders SET ({', '.join(_CHANGING)}) = "  # noqa: S608 see above
    f"({', '.join(f'${number}' for number in range(2, len(_CHANGING) + 2))}) WHERE order_id = $1"
)
_INSERT_FILL = (
    f"INSERT INTO exchange.fills (account_number, {', '.join(_FILL_COLUMNS)}) "  # noqa: S608 see above
    f"VALUES ({_places(len(_FILL_COLUMNS) + 1)})"
)
_SELECT_FILLS = (
    "SELECT * FROM exchange.fills WHERE account_number = $1 ORDER BY filled_at, sequence"
)
