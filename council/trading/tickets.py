"""What would have to be ordered, and the ticket that says so: pure functions over whole shares.

One order never crosses zero: a change of sign is a close to exactly zero and then an open. The
executor plans again from the fresh position before each leg and asks `permits` whether the person
who approved has seen that leg.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from broker.models import PositionIntent, Side, VenueName
from council.model.base import Direction
from council.model.ticket import LegName, Ticket, TicketLeg
from council.risk.sizing import whole_share_quantity

_CENT = Decimal("0.01")
_PRICE_STEP = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Desire:
    """What a pitch, a decision or a checkpoint wants to hold.

    `equity_share` is what the sizing policy allows, a fraction. `target_quantity` fixes the signed
    shares where the share of equity does not: half a position, or none.
    """

    instrument: str
    direction: Direction
    conviction: Decimal
    equity_share: Decimal
    target_quantity: int | None = None


@dataclass(frozen=True, slots=True)
class Holdings:
    """An account as its venue shows it: signed whole shares by symbol, zero left out.

    `price` is the middle of the quote of the instrument that the ticket is about.
    """

    account: str
    account_number: str
    venue: VenueName
    equity_usd: Decimal
    positions: Mapping[str, int]
    price: Decimal


@dataclass(frozen=True, slots=True)
class TicketTerms:
    """What else a ticket says: whose it is, how far the price may move (a fraction), until when."""

    trade_id: UUID
    week_id: str
    price_band: Decimal
    expires_at: datetime


def plan_legs(
    positions: Mapping[str, int], instrument: str, target_quantity: int
) -> tuple[TicketLeg, ...]:
    """Return the orders from `positions` to `target_quantity` of `instrument` and nothing else.

    Positions in other instruments are closed first, in alphabetical order; empty where nothing is
    to be done. Quantities are signed whole shares.
    """
    held = {symbol: quantity for symbol, quantity in positions.items() if quantity}
    others = sorted(set(held) - {instrument})
    closes = tuple(_closing_leg(symbol, held[symbol], 0) for symbol in others)
    return (*closes, *_legs_in(instrument, held.get(instrument, 0), target_quantity))


def permits(ticket: Ticket, leg: TicketLeg, *, already_filled: int) -> bool:
    """Whether `leg` is on the approved ticket, with the shares it still has left to fill."""
    return any(
        (line.leg, line.symbol, line.side, line.position_intent)
        == (leg.leg, leg.symbol, leg.side, leg.position_intent)
        and leg.quantity + already_filled <= line.quantity
        for line in ticket.legs
    )


def build_ticket(desire: Desire, holdings: Holdings, terms: TicketTerms) -> Ticket:
    """Seal a ticket for what is desired; a size of zero gives a ticket that says so."""
    target = _target(desire, holdings)
    return Ticket.sealed(
        trade_id=terms.trade_id,
        week_id=terms.week_id,
        account=holdings.account,
        account_number=holdings.account_number,
        venue=holdings.venue,
        instrument=desire.instrument,
        direction=desire.direction,
        conviction=desire.conviction,
        equity_usd=holdings.equity_usd,
        equity_share=desire.equity_share,
        target_quantity=target,
        notional_usd=(abs(target) * holdings.price).quantize(_CENT),
        **_prices(holdings.price, terms.price_band),
        legs=plan_legs(holdings.positions, desire.instrument, target),
        expires_at=terms.expires_at.astimezone(UTC),
    )


def renewed_ticket(ticket: Ticket, holdings: Holdings, price_band: Decimal) -> Ticket:
    """Return the ticket as it would be written now: fresh price, equity and legs, same expiry.

    A target that came from the share of equity is sized again; any other target is kept.
    """
    desire = Desire(ticket.instrument, ticket.direction, ticket.conviction, ticket.equity_share)
    before = replace(holdings, equity_usd=ticket.equity_usd, price=ticket.reference_price)
    if _target(desire, before) != ticket.target_quantity:
        desire = replace(desire, target_quantity=ticket.target_quantity)
    terms = TicketTerms(ticket.trade_id, ticket.week_id, price_band, ticket.expires_at)
    return build_ticket(desire, holdings, terms)


def filled_on(legs: Sequence[tuple[LegName, str, int]], leg: TicketLeg) -> int:
    """Return the shares that `legs` (name, symbol, filled) already filled of the line of `leg`."""
    return sum(filled for name, symbol, filled in legs if (name, symbol) == (leg.leg, leg.symbol))


def _target(desire: Desire, holdings: Holdings) -> int:
    if desire.target_quantity is not None:
        return desire.target_quantity
    size = whole_share_quantity(holdings.equity_usd, desire.equity_share, holdings.price)
    return desire.direction.sign * size


def _prices(price: Decimal, band: Decimal) -> dict[str, Decimal]:
    return {
        "reference_price": price,
        "lowest_price": (price * (1 - band)).quantize(_PRICE_STEP),
        "highest_price": (price * (1 + band)).quantize(_PRICE_STEP),
    }


def _legs_in(symbol: str, held: int, target: int) -> tuple[TicketLeg, ...]:
    """Plan one instrument: across zero in two legs, else in one or none."""
    if held == target:
        return ()
    if held * target < 0:
        return (_closing_leg(symbol, held, 0), _opening_leg(symbol, 0, target))
    if abs(target) < abs(held):
        return (_closing_leg(symbol, held, target),)
    return (_opening_leg(symbol, held, target),)


def _closing_leg(symbol: str, held: int, target: int) -> TicketLeg:
    """Take `held` nearer to zero, down to `target` of the same sign."""
    long = held > 0
    return TicketLeg(
        leg="close",
        symbol=symbol,
        side=Side.SELL if long else Side.BUY,
        quantity=abs(held - target),
        position_intent=PositionIntent.SELL_TO_CLOSE if long else PositionIntent.BUY_TO_CLOSE,
    )


def _opening_leg(symbol: str, held: int, target: int) -> TicketLeg:
    """Take `held` further from zero, up to `target` of the same sign."""
    long = target > 0
    return TicketLeg(
        leg="open",
        symbol=symbol,
        side=Side.BUY if long else Side.SELL,
        quantity=abs(target - held),
        position_intent=PositionIntent.BUY_TO_OPEN if long else PositionIntent.SELL_TO_OPEN,
    )
