"""Venues and prices that are asked once an instant: on a virtual clock nothing moves within one.

An account's orders are advanced by the clock alone, and nobody but this process trades on it, so
what was answered stands until the clock moves or an order is sent or cancelled. All that an order's
safety rests on (its own state, the list of orders) is asked for every time.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, TypeVar, cast

from broker.models import (
    Account,
    Asset,
    Bar,
    MarketClock,
    Order,
    OrderRequest,
    Position,
    Quote,
    SubmitOutcome,
    VenueName,
)
from broker.ports import MarketData, Venue
from config.clock import Clock
from council.ports import Deps

_Answer = TypeVar("_Answer")


class InstantVenue:
    """One account's venue, whose answers stand for the instant in which they were given."""

    def __init__(self, venue: Venue, clock: Clock) -> None:
        self._venue = venue
        self._clock = clock
        self._known_at: datetime | None = None
        self._known: dict[str, Any] = {}

    @property
    def name(self) -> VenueName:
        """Return where this account lives."""
        return self._venue.name

    async def account(self) -> Account:
        """Return the account as of this instant."""
        return await self._once("account", self._venue.account)

    async def positions(self) -> tuple[Position, ...]:
        """Return every position open at this instant."""
        return await self._once("positions", self._venue.positions)

    async def clock(self) -> MarketClock:
        """Return the venue's clock."""
        return await self._once("clock", self._venue.clock)

    async def asset(self, symbol: str) -> Asset:
        """Return what the venue allows for `symbol`."""
        return await self._venue.asset(symbol)

    async def open_orders(self) -> tuple[Order, ...]:
        """Return every order that can still change."""
        return await self._venue.open_orders()

    async def orders_since(self, after: datetime) -> tuple[Order, ...]:
        """Return every order submitted later than `after`."""
        return await self._venue.orders_since(after)

    async def order_by_client_id(self, client_order_id: str) -> Order | None:
        """Return the order with this id, if there is one."""
        return await self._venue.order_by_client_id(client_order_id)

    async def submit(self, request: OrderRequest) -> SubmitOutcome:
        """Send the order, and forget what was known before."""
        self._known.clear()
        try:
            return await self._venue.submit(request)
        finally:
            self._known.clear()

    async def cancel(self, order_id: str) -> None:
        """Ask for the cancellation of an order, and forget what was known before."""
        try:
            await self._venue.cancel(order_id)
        finally:
            self._known.clear()

    async def changed(self, longest: timedelta) -> bool:
        """Let `longest` pass on the clock."""
        return await self._venue.changed(longest)

    async def _once(self, what: str, ask: Callable[[], Awaitable[_Answer]]) -> _Answer:
        if self._known_at != self._clock.now():
            self._known.clear()
            self._known_at = self._clock.now()
        if what not in self._known:
            self._known[what] = await ask()
        return cast("_Answer", self._known[what])


class InstantPrices:
    """Prices whose quotes stand for the instant in which they were given.

    Whoever asks for several has those of all `symbols` fetched: somebody else asks for the rest.
    """

    def __init__(self, prices: MarketData, clock: Clock, symbols: Sequence[str]) -> None:
        self._prices = prices
        self._clock = clock
        self._symbols = tuple(symbols)
        self._known_at: datetime | None = None
        self._known: dict[str, Quote | None] = {}

    @property
    def source(self) -> str:
        """Return where the prices come from."""
        return self._prices.source

    async def daily_bars(
        self, symbols: Sequence[str], start_on: date, end_on: date
    ) -> Mapping[str, tuple[Bar, ...]]:
        """Return daily bars, oldest first."""
        return await self._prices.daily_bars(symbols, start_on, end_on)

    async def latest_quotes(self, symbols: Sequence[str]) -> Mapping[str, Quote]:
        """Return each symbol's quote of this instant; one without prices is absent."""
        if self._known_at != self._clock.now():
            self._known = {}
            self._known_at = self._clock.now()
        wanted = symbols if len(symbols) <= 1 else (*self._symbols, *symbols)
        missing = [symbol for symbol in dict.fromkeys(wanted) if symbol not in self._known]
        if any(symbol not in self._known for symbol in symbols):
            found = await self._prices.latest_quotes(missing)
            self._known |= {symbol: found.get(symbol) for symbol in missing}
        known = {symbol: self._known[symbol] for symbol in symbols}
        return {symbol: quote for symbol, quote in known.items() if quote is not None}


def with_instant_answers(deps: Deps) -> Deps:
    """Return `deps` with every desk's venue and prices asked once an instant."""
    symbols = (*deps.config.universe, deps.config.assets.volatility_proxy)
    prices = InstantPrices(deps.market_data, deps.clock, symbols)
    desks = {
        name: replace(desk, venue=InstantVenue(desk.venue, deps.clock), market_data=prices)
        for name, desk in deps.desks.items()
    }
    return replace(deps, desks=desks, market_data=prices)
