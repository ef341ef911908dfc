"""The exchange's own tables: made when they are missing, and brought up to date where they are old.

The statements can be repeated, so a database of any earlier version ends up with all of them. What
is added last to the script marks it as done.
"""

from typing import Any

NEWEST_OBJECT = "exchange.trade_updates_by_account"

_SCRIPT = """
CREATE SCHEMA IF NOT EXISTS exchange;
CREATE TABLE IF NOT EXISTS exchange.accounts (
    account_number text PRIMARY KEY,
    starting_cash numeric NOT NULL,
    opened_at timestamptz NOT NULL
);
ALTER TABLE exchange.accounts
    ADD COLUMN IF NOT EXISTS configuration jsonb NOT NULL DEFAULT '{}';
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
ALTER TABLE exchange.orders
    ADD COLUMN IF NOT EXISTS stop_price numeric,
    ADD COLUMN IF NOT EXISTS notional numeric,
    ADD COLUMN IF NOT EXISTS extended_hours boolean NOT NULL DEFAULT false,
    ADD COLUMN IF NOT EXISTS triggered_at timestamptz,
    ADD COLUMN IF NOT EXISTS replaces uuid,
    ADD COLUMN IF NOT EXISTS replaced_by uuid,
    ADD COLUMN IF NOT EXISTS replaced_at timestamptz;
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
CREATE TABLE IF NOT EXISTS exchange.trade_updates (
    sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_number text NOT NULL REFERENCES exchange.accounts,
    event text NOT NULL,
    order_id uuid NOT NULL REFERENCES exchange.orders,
    book_order jsonb NOT NULL,
    at timestamptz NOT NULL,
    price numeric,
    quantity numeric,
    position_quantity numeric,
    execution_id uuid
);
CREATE INDEX IF NOT EXISTS trade_updates_by_account
    ON exchange.trade_updates (account_number, sequence);
"""


async def bring_up_to_date(connection: Any) -> None:
    """Create or complete the tables; the caller holds the lock under which processes take turns."""
    # Even an ALTER that adds nothing waits for every reader, so it is asked first.
    if await connection.fetchval("SELECT to_regclass($1)", NEWEST_OBJECT) is None:
        await connection.execute(_SCRIPT)
