"""What an account can do at the exchange: the book and the rules, joined to state, prices and time.

Every request first advances the account's working orders to now, in the transaction that then reads
or changes them, so nobody ever sees an order that should have traded already.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from broker.exchange.book import BookFill, BookOrder, OrderDraft, advanced, canceled, entered
from broker.exchange.errors import RequestRefused
from broker.exchange.hours import TradingHours
from broker.exchange.ledger import Holding, Valuation, ledger_of, valued
from broker.exchange.prices import PriceSource
from broker.exchange.rules import (
    UNFIT,
    AssetRules,
    Standing,
    intent_of,
    refusal,
    reserved_value,
)
from broker.exchange.state import AccountRows, ExchangeAccount, ExchangeState, OrderFilter
from broker.models import Quote
from config.clock import Clock

NOT_FOUND = 40410000


@dataclass(frozen=True, slots=True)
class AccountReport:
    """An account's worth now and at the last close, and what it may still spend, in dollars."""

    account_number: str
    opened_at: datetime
    valuation: Valuation
    last_equity: Decimal
    buying_power: Decimal


@dataclass(frozen=True, slots=True)
class PositionReport:
    """A holding with its last price, the close before today, and the shares no order holds."""

    holding: Holding
    price: Decimal
    last_day_price: Decimal
    available: Decimal


@dataclass(frozen=True, slots=True)
class _Opened:
    """An account inside its transaction, advanced to `now`."""

    rows: AccountRows
    now: datetime
    starting_cash: Decimal
    opened_at: datetime
    working: tuple[BookOrder, ...]
    fills: tuple[BookFill, ...]


class TradingDesk:
    """Serves accounts; refusals are raised as RequestRefused with Alpaca's codes."""

    def __init__(
        self,
        *,
        state: ExchangeState,
        prices: PriceSource,
        clock: Clock,
        hours: TradingHours,
        assets: Mapping[str, AssetRules],
    ) -> None:
        self._state = state
        self._prices = prices
        self._clock = clock
        self._hours = hours
        self.assets = assets

    async def account(self, account: ExchangeAccount) -> AccountReport:
        """Return what the account is worth."""
        async with self._opened(account) as opened:
            close_at = self._hours.calendar.last_closed(opened.now).close_at
            before = (fill for fill in opened.fills if fill.filled_at <= close_at)
            return AccountReport(
                account_number=account.account_number,
                opened_at=opened.opened_at,
                valuation=self._valuation(opened, opened.fills, opened.now),
                last_equity=self._valuation(opened, before, close_at).equity,
                buying_power=max(self._buying_power(opened), Decimal(0)),
            )

    async def submit(self, account: ExchangeAccount, draft: OrderDraft) -> BookOrder:
        """Take an order, or raise RequestRefused and leave no trace of it."""
        async with self._opened(account) as opened:
            held = ledger_of(opened.starting_cash, opened.fills).quantity(draft.symbol)
            refused = refusal(draft, await self._standing(opened, draft, held))
            if refused:
                raise RequestRefused(
                    refused.status, refused.code, refused.message, extras=refused.extras
                )
            order = entered(
                draft,
                intent_of(draft, held),
                account_number=account.account_number,
                at=opened.now,
                hours=self._hours,
            )
            await opened.rows.add(order)
            return order

    async def cancel(self, account: ExchangeAccount, order_id: UUID) -> None:
        """Cancel a working order; raises RequestRefused for one that is final or unknown."""
        async with self._opened(account) as opened:
            order = await opened.rows.order("order_id", order_id)
            if order is None:
                raise RequestRefused(404, NOT_FOUND, f"order not found for {order_id}")
            if not order.is_working:
                wording = f'order is already in "{order.status}" state'
                raise RequestRefused(422, UNFIT, wording)
            await opened.rows.save(canceled(order, opened.now), ())

    async def orders(self, account: ExchangeAccount, chosen: OrderFilter) -> tuple[BookOrder, ...]:
        """Return the orders that pass the filter."""
        async with self._opened(account) as opened:
            return await opened.rows.orders(chosen)

    async def order(self, account: ExchangeAccount, column: str, value: object) -> BookOrder:
        """Return the order whose `order_id` or `client_order_id` is `value`."""
        async with self._opened(account) as opened:
            order = await opened.rows.order(column, value)
        if order is None:
            raise RequestRefused(404, NOT_FOUND, f"order not found for {value}")
        return order

    async def positions(self, account: ExchangeAccount) -> tuple[PositionReport, ...]:
        """Return every open position, by symbol."""
        async with self._opened(account) as opened:
            ledger = ledger_of(opened.starting_cash, opened.fills)
            holdings = sorted(ledger.holdings.values(), key=lambda holding: holding.symbol)
            return tuple(self._position(opened, holding) for holding in holdings)

    @asynccontextmanager
    async def _opened(self, account: ExchangeAccount) -> AsyncIterator[_Opened]:
        async with self._state.locked(account, opened_at=self._clock.now()) as rows:
            # Read under the lock: whoever waited for it must not act on an older time.
            now = self._clock.now()
            await self._advance(rows, now)
            starting_cash, opened_at = await rows.opening()
            working = await rows.working_orders()
            fills = await rows.fills()
            yield _Opened(
                rows, now, starting_cash, opened_at=opened_at, working=working, fills=fills
            )

    async def _advance(self, rows: AccountRows, now: datetime) -> None:
        for order in await rows.working_orders():
            after, fills = advanced(order, now, quote_at=self._prices.quote_at, hours=self._hours)
            if after != order:
                await rows.save(after, fills)

    async def _standing(self, opened: _Opened, draft: OrderDraft, held: Decimal) -> Standing:
        return Standing(
            asset=self.assets.get(draft.symbol),
            quote=self._prices.quote_at(draft.symbol, opened.now),
            held=held,
            working=opened.working,
            same_id=await opened.rows.order("client_order_id", draft.client_order_id),
            equity=self._valuation(opened, opened.fills, opened.now).equity,
            buying_power=self._buying_power(opened),
        )

    def _buying_power(self, opened: _Opened) -> Decimal:
        """Return what may be spent now; below zero where open orders hold back more."""
        quotes: dict[str, Quote] = {}
        for order in opened.working:
            quote = self._prices.quote_at(order.symbol, opened.now)
            if quote:
                quotes[order.symbol] = quote
        whole = self._valuation(opened, opened.fills, opened.now).buying_power
        return whole - reserved_value(opened.working, quotes)

    def _valuation(self, opened: _Opened, fills: Iterable[BookFill], at: datetime) -> Valuation:
        ledger = ledger_of(opened.starting_cash, fills)
        trades = {symbol: self._prices.trade_at(symbol, at) for symbol in ledger.holdings}
        return valued(ledger, {symbol: one.price for symbol, one in trades.items() if one})

    def _position(self, opened: _Opened, holding: Holding) -> PositionReport:
        last = self._prices.trade_at(holding.symbol, opened.now)
        close_at = self._hours.calendar.last_closed(opened.now).close_at
        closed = self._prices.trade_at(holding.symbol, close_at)
        held_back = sum(
            order.remaining
            for order in opened.working
            if order.symbol == holding.symbol and not order.is_opening
        )
        sign = 1 if holding.quantity > 0 else -1
        return PositionReport(
            holding=holding,
            price=last.price if last else holding.average_price,
            last_day_price=closed.price if closed else holding.average_price,
            available=holding.quantity - sign * held_back,
        )
