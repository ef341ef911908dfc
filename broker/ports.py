"""What the council may ask of a venue and of market data.

Every method may raise broker.errors.VenueUnreachable and BadCredentials, unless it says otherwise.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Protocol

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


class Venue(Protocol):
    """One account at one venue."""

    @property
    def name(self) -> VenueName:
        """Return where this account lives."""
        ...

    async def account(self) -> Account:
        """Return the account; raises AccountMismatch where its number is not the configured one."""
        ...

    async def asset(self, symbol: str) -> Asset:
        """Return what the venue allows for `symbol`; raises UnknownSymbol."""
        ...

    async def positions(self) -> tuple[Position, ...]:
        """Return every open position."""
        ...

    async def open_orders(self) -> tuple[Order, ...]:
        """Return every order that can still change."""
        ...

    async def orders_since(self, after: datetime) -> tuple[Order, ...]:
        """Return every order submitted later than `after`, whatever its status, oldest first.

        Raises VenueRefused where there are more than the venue may be asked for.
        """
        ...

    async def order_by_client_id(self, client_order_id: str) -> Order | None:
        """Return the order with this id, or None where the venue says that it has none."""
        ...

    async def submit(self, request: OrderRequest) -> SubmitOutcome:
        """Send the order once, never twice; what is no clear answer is Unknown. Never raises."""
        ...

    async def cancel(self, order_id: str) -> None:
        """Ask for the cancellation of an order; one that is already final is left as it is."""
        ...

    async def changed(self, longest: timedelta) -> bool:
        """Wait until an order of this account may have changed, at most `longest` by the clock.

        Return whether the venue gave a hint. It is only a hint: it may come late, twice, for
        nothing or never, so ask afterwards. Never raises.
        """
        ...

    async def clock(self) -> MarketClock:
        """Return the venue's clock."""
        ...


class MarketData(Protocol):
    """Prices, computed by nobody: bars and quotes as the market gave them."""

    @property
    def source(self) -> str:
        """Return where the prices come from: "synthetic", "file:NAME" or "alpaca"."""
        ...

    async def daily_bars(
        self, symbols: Sequence[str], start_on: date, end_on: date
    ) -> Mapping[str, tuple[Bar, ...]]:
        """Return daily bars, oldest first, of the sessions from `start_on` through `end_on`.

        A symbol without bars maps to an empty tuple.
        """
        ...

    async def latest_quotes(self, symbols: Sequence[str]) -> Mapping[str, Quote]:
        """Return each symbol's newest quote; a symbol without prices is absent."""
        ...
