"""The exchange's tables behind a pool: accounts, each under its own lock.

Whoever touches an account holds its advisory lock for the length of one transaction, so several
processes can serve the same accounts.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from broker.exchange.remembered_rows import RememberedRows
from broker.exchange.rows import AccountRows
from broker.exchange.schema import bring_up_to_date

DEFAULT_STARTING_CASH_USD = Decimal(100_000)

_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"


@dataclass(frozen=True, slots=True)
class ExchangeAccount:
    """An account that the exchange serves; its key id starts with SIM.

    `starting_cash_usd` counts when the account is first seen; later the stored amount does.
    """

    key_id: str
    secret_key: str = field(repr=False)
    account_number: str
    starting_cash_usd: Decimal = DEFAULT_STARTING_CASH_USD


class ExchangeState:
    """The exchange's tables behind a pool that somebody else opens and closes."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        self._is_prepared = False

    @asynccontextmanager
    async def locked(self, account: ExchangeAccount) -> AsyncIterator[AccountRows]:
        """Open a transaction in which nobody else can touch `account`, here or elsewhere."""
        await self._prepare()
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(_LOCK, f"exchange account {account.account_number}")
            yield AccountRows(connection, account.account_number)

    async def reading(self, account: ExchangeAccount) -> AccountRows:
        """Return the rows of `account` to read one statement at a time, without its lock."""
        await self._prepare()
        return AccountRows(self._pool, account.account_number)

    async def remembered(self, account: ExchangeAccount) -> RememberedRows:
        """Return all rows of `account` for one who alone serves it: nothing here is locked."""
        await self._prepare()
        rows = RememberedRows(self._pool, account.account_number)
        await rows.load()
        return rows

    async def _prepare(self) -> None:
        """Bring the tables up to date once; processes that start at once take turns."""
        if self._is_prepared:
            return
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(_LOCK, "exchange schema")
            await bring_up_to_date(connection)
        self._is_prepared = True
