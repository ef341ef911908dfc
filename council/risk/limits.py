"""Hard limits of an account, judged before each order: pure, from `risk.yaml` and plain numbers.

A limit gives a verdict and never changes an order. What only brings a position nearer to zero
passes every limit of size, so that no limit ever keeps an account from getting out.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Final, Literal

from broker.models import Position, Side
from config.schema import RiskLimits
from council.model.ticket import Ticket

LimitName = Literal[
    "known_numbers",
    "quote_age_seconds",
    "clock_skew_seconds",
    "one_instrument_a_week",
    "order_notional_usd",
    "shares_a_day",
    "short_minimum_equity_usd",
    "gross_exposure",
    "daily_loss",
]
"""The keys of `risk.yaml`, limits, and the two rules that have no number there."""


@dataclass(frozen=True, slots=True)
class Breach:
    """Which limit refuses and why, in one clause; `is_final` where waiting does not mend it."""

    limit: LimitName
    reason: str
    is_final: bool


@dataclass(frozen=True, slots=True)
class OrderAsk:
    """The order to be judged: whole shares, at `price`, the middle of the newest quote."""

    symbol: str
    side: Side
    quantity: int
    price: Decimal

    @property
    def signed_quantity(self) -> int:
        """Return the shares by which the order moves the position."""
        return self.quantity if self.side is Side.BUY else -self.quantity


@dataclass(frozen=True, slots=True)
class Exposure:
    """What an account holds and has done when its order is judged.

    `shares_today` are the shares bought and sold this New York day, added up. `entered` are the
    symbols in which the account opened or enlarged a position this week.
    """

    equity_usd: Decimal
    positions: tuple[Position, ...]
    shares_today: int = 0
    entered: frozenset[str] = frozenset()
    quote_age: timedelta = timedelta(0)
    """How old the quote is by our clock; negative for one from the future."""
    clock_skew: timedelta = timedelta(0)
    """Our clock less the venue's."""

    def held(self, symbol: str) -> Decimal:
        """Return the signed shares of `symbol`, zero where there are none."""
        return next((p.quantity for p in self.positions if p.symbol == symbol), Decimal(0))


def breach(order: OrderAsk, exposure: Exposure, limits: RiskLimits) -> Breach | None:
    """Return the first limit that `order` breaks, or None.

    What may mend itself comes first: a size is not judged by a price that is old or unknown.
    """
    rules = _ALWAYS if reduces(order, exposure) else (*_ALWAYS, *_OF_SIZE)
    return next((b for rule in rules if (b := rule(order, exposure, limits)) is not None), None)


def ticket_breach(ticket: Ticket, entered: frozenset[str], limits: RiskLimits) -> Breach | None:
    """Return the limit that the ticket's opening order would break as things stand, or None.

    It is judged from where the legs before it leave the account: everything else is closed by
    then. `entered` are the symbols that the account entered this week.
    """
    opening = next((leg for leg in ticket.legs if leg.leg == "open"), None)
    if opening is None:
        return None
    order = OrderAsk(opening.symbol, opening.side, opening.quantity, ticket.reference_price)
    start = _start_of(order, ticket)
    return breach(order, Exposure(ticket.equity_usd, (start,), entered=entered), limits)


def daily_loss_breach(
    equity_usd: Decimal, last_equity_usd: Decimal, limits: RiskLimits
) -> Breach | None:
    """Return a breach where the account lost too much since the last close, or None.

    It is meant to halt the account. An equity that is no number gives one that is not final: ask
    again. Without any equity at the last close nothing can have been lost.
    """
    if not (equity_usd.is_finite() and last_equity_usd.is_finite()):
        return _unknown(f"an equity of {equity_usd} after {last_equity_usd}")
    if last_equity_usd <= 0 or equity_usd >= last_equity_usd * (1 - limits.daily_loss):
        return None
    lost = last_equity_usd - equity_usd
    most = _number(last_equity_usd * limits.daily_loss)
    return _final("daily_loss", f"the account lost {_number(lost)} USD today of at most {most}")


def reduces(order: OrderAsk, exposure: Exposure) -> bool:
    """Whether `order` brings the position nearer to zero, or to zero, and not beyond."""
    held, moved = exposure.held(order.symbol), order.signed_quantity
    if not held.is_finite():
        return False
    return held * moved < 0 and abs(moved) <= abs(held)


def _start_of(order: OrderAsk, ticket: Ticket) -> Position:
    price, held = order.price, Decimal(ticket.target_quantity - order.signed_quantity)
    return Position(order.symbol, held, price, held * price, Decimal(0))


def _known_price(order: OrderAsk, exposure: Exposure, limits: RiskLimits) -> Breach | None:
    if order.quantity <= 0:
        return _unknown(f"an order of {order.quantity} shares")
    if not order.price.is_finite() or order.price <= 0:
        return _unknown(f"a price of {order.price}")
    return None


def _fresh_quote(order: OrderAsk, exposure: Exposure, limits: RiskLimits) -> Breach | None:
    age, most = exposure.quote_age.total_seconds(), limits.quote_age_seconds
    if age <= most:
        return None
    said = f"the quote of {order.symbol} is {_number(age)} s old of at most {_number(most)}"
    return _passing("quote_age_seconds", said)


def _agreeing_clocks(order: OrderAsk, exposure: Exposure, limits: RiskLimits) -> Breach | None:
    most = limits.clock_skew_seconds
    skew, ahead = abs(exposure.clock_skew).total_seconds(), -exposure.quote_age.total_seconds()
    if skew > most:
        said = f"the venue's clock differs by {_number(skew)} s of at most {_number(most)}"
        return _passing("clock_skew_seconds", said)
    if ahead > most:
        said = f"the quote is {_number(ahead)} s ahead of our clock of at most {_number(most)}"
        return _passing("clock_skew_seconds", said)
    return None


def _known_account(order: OrderAsk, exposure: Exposure, limits: RiskLimits) -> Breach | None:
    if not exposure.equity_usd.is_finite():
        return _unknown(f"an equity of {exposure.equity_usd}")
    for position in exposure.positions:
        if not (position.quantity.is_finite() and position.market_value.is_finite()):
            return _unknown(
                f"a position of {position.quantity} {position.symbol} worth {position.market_value}"
            )
    return None


def _one_instrument(order: OrderAsk, exposure: Exposure, limits: RiskLimits) -> Breach | None:
    before = exposure.entered - {order.symbol}
    if not before:
        return None
    return _final(
        "one_instrument_a_week",
        f"{order.symbol} would be instrument {len(before) + 1} of at most 1 that the account "
        f"enters this week, after {', '.join(sorted(before))}",
    )


def _order_notional(order: OrderAsk, exposure: Exposure, limits: RiskLimits) -> Breach | None:
    worth, most = order.quantity * order.price, limits.order_notional_usd
    if worth <= most:
        return None
    said = f"the order is worth {_number(worth)} of at most {_number(most)}"
    return _final("order_notional_usd", said)


def _shares_a_day(order: OrderAsk, exposure: Exposure, limits: RiskLimits) -> Breach | None:
    shares, most = exposure.shares_today + order.quantity, limits.shares_a_day
    if shares <= most:
        return None
    said = f"{_number(shares)} shares would be traded today of at most {_number(most)}"
    return _final("shares_a_day", said)


def _short_minimum(order: OrderAsk, exposure: Exposure, limits: RiskLimits) -> Breach | None:
    least = limits.short_minimum_equity_usd
    after = exposure.held(order.symbol) + order.signed_quantity
    if after >= 0 or exposure.equity_usd >= least:
        return None
    said = f"the account's equity is {_number(exposure.equity_usd)}, a short needs {_number(least)}"
    return _final("short_minimum_equity_usd", said)


def _gross_exposure(order: OrderAsk, exposure: Exposure, limits: RiskLimits) -> Breach | None:
    after = abs(exposure.held(order.symbol) + order.signed_quantity) * order.price
    others = sum(abs(p.market_value) for p in exposure.positions if p.symbol != order.symbol)
    most = limits.gross_exposure * exposure.equity_usd
    if after + others <= most:
        return None
    return _final(
        "gross_exposure",
        f"all positions would be worth {_number(after + others)} of at most {_number(most)}, "
        f"{_number(limits.gross_exposure)} times the equity",
    )


def _final(limit: LimitName, said: str) -> Breach:
    return Breach(limit, f"limit {limit}: {said}", is_final=True)


def _passing(limit: LimitName, said: str) -> Breach:
    return Breach(limit, f"limit {limit}: {said}", is_final=False)


def _unknown(said: str) -> Breach:
    return _passing("known_numbers", f"{said} cannot be judged")


def _number(value: Decimal | float) -> str:
    """Write a figure for a person: thousands apart, cents only where there are any."""
    return f"{value:,.2f}".removesuffix(".00")


_Rule = Callable[[OrderAsk, Exposure, RiskLimits], Breach | None]
_ALWAYS: Final[tuple[_Rule, ...]] = (_known_price, _fresh_quote, _agreeing_clocks)
_OF_SIZE: Final[tuple[_Rule, ...]] = (
    _known_account,
    _one_instrument,
    _order_notional,
    _shares_a_day,
    _short_minimum,
    _gross_exposure,
)
