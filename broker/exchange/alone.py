"""Accounts that one exchange serves alone: opened from memory, and written where they changed.

With nobody else near them there is nothing to lock against and nothing to read twice. Requests for
one account still take turns, so that each sees what the one before it stored.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from broker.exchange.kept import Opening
from broker.exchange.opened import (
    AccountOpener,
    AccountView,
    Market,
    OpenedAccount,
    configuration_of,
)
from broker.exchange.orders import BookOrder
from broker.exchange.remembered_rows import RememberedRows
from broker.exchange.rows import AccountRows
from broker.exchange.state import ExchangeAccount, ExchangeState


class LoneOpener(AccountOpener):
    """Opens accounts that nobody else serves, in this process or another."""

    def __init__(self, state: ExchangeState, market: Market) -> None:
        super().__init__(state, market)
        self._turns: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._known: dict[str, RememberedRows] = {}

    @asynccontextmanager
    async def opened(self, account: ExchangeAccount) -> AsyncIterator[OpenedAccount]:
        """Open the account in its turn with all that it holds, advanced to now."""
        number = account.account_number
        async with self._turns[number]:
            # What ends in an error is read anew: it was undone, or nobody knows.
            rows = self._known.pop(number, None) or await self._state.remembered(account)
            now = self.market.clock.now()
            opening = await rows.opening() or await rows.begin(account.starting_cash_usd, now)
            working, _ = await self._advanced(rows, now)
            yield self._seen(rows, number, now, opening=opening, working=working)
            await rows.write()
            self._known[number] = rows

    @asynccontextmanager
    async def readable(self, account: ExchangeAccount) -> AsyncIterator[AccountRows]:
        """Open the account's rows to be read, advanced to now."""
        rows = self._settled(account)
        if rows is not None:
            yield rows
            return
        async with self.opened(account) as opened:
            yield opened.rows

    async def viewed(self, account: ExchangeAccount) -> AccountView:
        """Return the account as of now."""
        rows = self._settled(account)
        opening = await rows.opening() if rows else None
        if rows and opening:
            number, now = account.account_number, self.market.clock.now()
            return self._seen(rows, number, now, opening=opening, working=())
        async with self.opened(account) as opened:
            view: AccountView = opened
        return view

    def _settled(self, account: ExchangeAccount) -> RememberedRows | None:
        """Return the rows of an account in which nothing can happen by itself, if they are known.

        While a request has its turn they are not: what it does may yet be undone.
        """
        rows = self._known.get(account.account_number)
        return rows if rows is not None and rows.is_quiet else None

    def _seen(
        self,
        rows: RememberedRows,
        number: str,
        now: datetime,
        *,
        opening: Opening,
        working: tuple[BookOrder, ...],
    ) -> OpenedAccount:
        return OpenedAccount(
            account_number=number,
            market=self.market,
            now=now,
            opened_at=opening.opened_at,
            configuration=configuration_of(opening.configuration),
            working=working,
            book=rows.book,
            rows=rows,
        )
