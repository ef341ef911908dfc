"""An account inside the transaction that holds its lock, its working orders advanced to now.

Every request begins here, so nobody ever sees an order that should have traded already. What
happened on the way is stored in the order of its times, each with its entry in the journal.

Where no order could change, a look needs neither lock nor transaction: one statement says that the
journal has not moved, and the rest is remembered.
"""

import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import lru_cache

from broker.exchange.book import advanced
from broker.exchange.configuration import AccountConfiguration
from broker.exchange.hours import TradingHours
from broker.exchange.kept import FillBook, Kept, Opening
from broker.exchange.ledger import Ledger, Valuation
from broker.exchange.margin import buying_power, reserved_value, valued
from broker.exchange.orders import BookOrder, OrderDraft, OrderEvent
from broker.exchange.prices import PriceSource
from broker.exchange.rows import AccountRows
from broker.exchange.rules import AssetRules, Standing
from broker.exchange.state import ExchangeAccount, ExchangeState
from broker.models import Quote
from config.clock import Clock

AssetRulesAt = Callable[[str, datetime], AssetRules | None]


@dataclass(frozen=True, slots=True)
class Market:
    """What an account trades on: prices, hours, and the rules of instruments, which may change."""

    prices: PriceSource
    clock: Clock
    hours: TradingHours
    assets: Mapping[str, AssetRules]
    asset_rules: AssetRulesAt

    def leverage_of(self, symbol: str) -> int:
        """Return how many times its index a fund moves in a day: mostly 1."""
        asset = self.assets.get(symbol)
        return asset.leverage if asset else 1

    def quotes(self, symbols: Iterable[str], at: datetime) -> dict[str, Quote]:
        """Return the quotes of those symbols that have one at `at`."""
        found = {symbol: self.prices.quote_at(symbol, at) for symbol in symbols}
        return {symbol: quote for symbol, quote in found.items() if quote}

    def valuation(self, ledger: Ledger, at: datetime) -> Valuation:
        """Return what `ledger` was worth at the last trades by `at`."""
        trades = {symbol: self.prices.trade_at(symbol, at) for symbol in ledger.holdings}
        prices = {symbol: trade.price for symbol, trade in trades.items() if trade}
        return valued(ledger, prices, self.leverage_of)


@dataclass(frozen=True, slots=True)
class AccountView:
    """An account as of `now`; `working` are its working orders, `book` holds all its fills."""

    account_number: str
    market: Market
    now: datetime
    opened_at: datetime
    configuration: AccountConfiguration
    working: tuple[BookOrder, ...]
    book: FillBook

    def ledger(self, by: datetime | None = None) -> Ledger:
        """Return cash and holdings now, or after the fills up to and including `by`."""
        return self.book.ledger if by is None else self.book.ledger_by(by)

    def valuation(self) -> Valuation:
        """Return what the account is worth now."""
        return self.market.valuation(self.ledger(), self.now)

    def quote(self, symbol: str) -> Quote | None:
        """Return the quote of `symbol` now."""
        return self.market.prices.quote_at(symbol, self.now)

    def buying_power(self, worth: Valuation) -> Decimal:
        """Return what may be spent by an account `worth` this much.

        It is below zero where open orders hold back more.
        """
        quotes = self.market.quotes((order.symbol for order in self.working), self.now)
        whole = buying_power(worth, self.configuration.multiplier)
        return whole - reserved_value(self.working, quotes)


@dataclass(frozen=True, slots=True)
class OpenedAccount(AccountView):
    """An account under its lock, with the rows to change it by."""

    rows: AccountRows

    async def standing(self, draft: OrderDraft) -> Standing:
        """Return all that `draft` is judged by."""
        worth = self.valuation()
        return Standing(
            asset=self.market.asset_rules(draft.symbol, self.now),
            quote=self.quote(draft.symbol),
            held=self.ledger().quantity(draft.symbol),
            working=self.working,
            same_id=await self.rows.order("client_order_id", draft.client_order_id),
            equity=worth.equity,
            buying_power=self.buying_power(worth),
            configuration=self.configuration,
        )


class AccountOpener:
    """Opens accounts one transaction at a time, and looks at quiet ones without any."""

    def __init__(self, state: ExchangeState, market: Market) -> None:
        self._state = state
        self._kept: dict[str, Kept] = {}
        self.market = market

    @asynccontextmanager
    async def opened(self, account: ExchangeAccount) -> AsyncIterator[OpenedAccount]:
        """Open the account under its lock with all that it holds, advanced to now."""
        async with self._state.locked(account) as rows:
            # Read under the lock: whoever waited for it must not act on an older time.
            now = self.market.clock.now()
            opening = await _opening(rows, account, now)
            before = self._kept.get(account.account_number)
            is_same = before is not None and before.opening == opening
            quiet = before if before and is_same and before.is_quiet else None
            # What happens to an order on the way is known here; what is done inside is read again.
            working, version = ((), 0) if quiet else await self._advanced(rows, now)
            book = quiet.book if quiet else await rows.fills(_book(before, opening))
            yield OpenedAccount(
                account_number=account.account_number,
                market=self.market,
                now=now,
                opened_at=opening.opened_at,
                configuration=configuration_of(opening.configuration),
                working=working,
                book=book,
                rows=rows,
            )
        # Only what is committed is remembered; a version that has moved on is read again.
        reached = replace(opening, version=version or opening.version)
        self._kept[account.account_number] = Kept(reached, book, is_quiet=not working)

    @asynccontextmanager
    async def readable(self, account: ExchangeAccount) -> AsyncIterator[AccountRows]:
        """Open the account's rows to be read, advanced to now."""
        if await self._quiet(account) is not None:
            yield await self._state.reading(account)
            return
        async with self.opened(account) as opened:
            yield opened.rows

    async def viewed(self, account: ExchangeAccount) -> AccountView:
        """Return the account as of now."""
        kept = await self._quiet(account)
        if kept is None:
            async with self.opened(account) as opened:
                view: AccountView = opened
            return view
        return AccountView(
            account_number=account.account_number,
            market=self.market,
            now=self.market.clock.now(),
            opened_at=kept.opening.opened_at,
            configuration=configuration_of(kept.opening.configuration),
            working=(),
            book=kept.book,
        )

    async def _quiet(self, account: ExchangeAccount) -> Kept | None:
        """Return what is remembered of an account in which nothing can have happened since."""
        kept = self._kept.get(account.account_number)
        if kept is None or not kept.is_quiet:
            return None
        rows = await self._state.reading(account)
        return kept if await rows.opening() == kept.opening else None

    async def _advanced(
        self, rows: AccountRows, now: datetime
    ) -> tuple[tuple[BookOrder, ...], int]:
        """Advance the working orders; return those that still work, and what `_record` returns."""
        happened: list[OrderEvent] = []
        left: list[BookOrder] = []
        prices, hours = self.market.prices, self.market.hours
        for order in await rows.working_orders():
            after, events = advanced(order, now, quote_at=prices.quote_at, hours=hours)
            happened += events
            if after != order:
                await rows.save(after)
            if after.is_working:
                left.append(after)
        return tuple(left), await _record(rows, sorted(happened, key=lambda event: event.at))


async def _opening(rows: AccountRows, account: ExchangeAccount, now: datetime) -> Opening:
    """Return how the account began; it begins with the first request."""
    return await rows.opening() or await rows.begin(account.starting_cash_usd, now)


def _book(before: Kept | None, opening: Opening) -> FillBook:
    """Return the remembered fills, or none where the account was put back to an earlier state."""
    if before is not None and opening.continues(before.opening):
        return before.book
    return FillBook.empty(opening.starting_cash)


@lru_cache(maxsize=64)
def configuration_of(text: str) -> AccountConfiguration:
    """Return the settings that are stored as this JSON text."""
    return AccountConfiguration.model_validate(json.loads(text))


async def _record(rows: AccountRows, events: Sequence[OrderEvent]) -> int:
    """Store fills and journal, whichever order they belong to; return the last entry's sequence.

    It is 0 where nothing happened.
    """
    filled, sequence = [event.fill.symbol for event in events if event.fill], 0
    held = await rows.held(filled) if filled else {}
    for event in events:
        fill = event.fill
        if fill:
            held[fill.symbol] = held.get(fill.symbol, Decimal(0)) + fill.signed_quantity
            await rows.add_fill(fill)
        sequence = await rows.journal(event, held[fill.symbol] if fill else None)
    return sequence
