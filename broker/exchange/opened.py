"""An account inside the transaction that holds its lock, its working orders advanced to now.

Every request begins here, so nobody ever sees an order that should have traded already. What
happened on the way is stored in the order of its times, each with its entry in the journal.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from broker.exchange.book import advanced
from broker.exchange.configuration import AccountConfiguration
from broker.exchange.hours import TradingHours
from broker.exchange.ledger import Ledger, Valuation, ledger_of
from broker.exchange.margin import buying_power, reserved_value, valued
from broker.exchange.orders import BookFill, BookOrder, OrderDraft, OrderEvent
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
class OpenedAccount:
    """An account as of `now`; `working` are its working orders, `fills` all there ever were."""

    account_number: str
    market: Market
    rows: AccountRows
    now: datetime
    starting_cash: Decimal
    opened_at: datetime
    configuration: AccountConfiguration
    working: tuple[BookOrder, ...]
    fills: tuple[BookFill, ...]

    def ledger(self, by: datetime | None = None) -> Ledger:
        """Return cash and holdings now, or after the fills up to and including `by`."""
        fills = (fill for fill in self.fills if by is None or fill.filled_at <= by)
        return ledger_of(self.starting_cash, fills)

    def valuation(self) -> Valuation:
        """Return what the account is worth now."""
        return self.market.valuation(self.ledger(), self.now)

    def quote(self, symbol: str) -> Quote | None:
        """Return the quote of `symbol` now."""
        return self.market.prices.quote_at(symbol, self.now)

    def buying_power(self) -> Decimal:
        """Return what may be spent now; below zero where open orders hold back more."""
        quotes = self.market.quotes((order.symbol for order in self.working), self.now)
        whole = buying_power(self.valuation(), self.configuration.multiplier)
        return whole - reserved_value(self.working, quotes)

    async def standing(self, draft: OrderDraft) -> Standing:
        """Return all that `draft` is judged by."""
        return Standing(
            asset=self.market.asset_rules(draft.symbol, self.now),
            quote=self.quote(draft.symbol),
            held=self.ledger().quantity(draft.symbol),
            working=self.working,
            same_id=await self.rows.order("client_order_id", draft.client_order_id),
            equity=self.valuation().equity,
            buying_power=self.buying_power(),
            configuration=self.configuration,
        )


class AccountOpener:
    """Opens accounts one transaction at a time."""

    def __init__(self, state: ExchangeState, market: Market) -> None:
        self._state = state
        self.market = market

    @asynccontextmanager
    async def advanced(
        self, account: ExchangeAccount
    ) -> AsyncIterator[tuple[AccountRows, datetime]]:
        """Open the account's rows, advanced to the instant that comes with them."""
        clock = self.market.clock
        async with self._state.locked(account, opened_at=clock.now()) as rows:
            # Read under the lock: whoever waited for it must not act on an older time.
            now = clock.now()
            await self._advance(rows, now)
            yield rows, now

    @asynccontextmanager
    async def opened(self, account: ExchangeAccount) -> AsyncIterator[OpenedAccount]:
        """Open the account with all that it holds."""
        async with self.advanced(account) as (rows, now):
            opening = await rows.opening()
            yield OpenedAccount(
                account_number=account.account_number,
                market=self.market,
                rows=rows,
                now=now,
                starting_cash=opening.starting_cash,
                opened_at=opening.opened_at,
                configuration=AccountConfiguration.model_validate(opening.configuration),
                working=await rows.working_orders(),
                fills=await rows.fills(),
            )

    async def _advance(self, rows: AccountRows, now: datetime) -> None:
        happened: list[OrderEvent] = []
        prices, hours = self.market.prices, self.market.hours
        for order in await rows.working_orders():
            after, events = advanced(order, now, quote_at=prices.quote_at, hours=hours)
            happened += events
            if after != order:
                await rows.save(after)
        await _record(rows, sorted(happened, key=lambda event: event.at))


async def _record(rows: AccountRows, events: Sequence[OrderEvent]) -> None:
    """Store fills and journal, whichever order they belong to."""
    held = await rows.held([event.fill.symbol for event in events if event.fill])
    for event in events:
        fill = event.fill
        if fill:
            held[fill.symbol] = held.get(fill.symbol, Decimal(0)) + fill.signed_quantity
            await rows.add_fill(fill)
        await rows.journal(event, held[fill.symbol] if fill else None)
