"""How what was pitched, decided and held came out, by a week's own price marks: pure.

Returns are fractions of the price at the entry, before costs. A price that is missing is never
filled in: what depends on it is None.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Final

from council.analytics.inputs import AccountWeek, Fill, Moment, Week
from council.model.base import Direction, Horizon
from council.model.decision import Decision
from council.model.pitch import Pitch

_SESSIONS: Final = {Horizon.ONE_DAY: 1, Horizon.THREE_DAYS: 3}
"""After how many closes a horizon ends; a week ends with its last mark."""


def week_return(week: Week, symbol: str) -> float | None:
    """Return how far `symbol` moved from the entry to the end of the week."""
    return _move(week.entry_price(symbol), week.end_price(symbol))


def pitch_return(week: Week, pitch: Pitch | Decision) -> float | None:
    """Return what one dollar in the pitch's or decision's direction gained; 0 for FLAT."""
    terms = pitch.selected_trade if isinstance(pitch, Decision) else pitch
    if terms.direction is Direction.FLAT:
        return 0.0
    moved = week_return(week, terms.instrument)
    return None if moved is None else terms.direction.sign * moved


def horizon_return(week: Week, pitch: Pitch) -> float | None:
    """Return what one dollar in the pitch's direction gained by the end of the pitch's horizon.

    None while the horizon is not over; where the week has fewer sessions its end counts.
    """
    asked = ("horizon return", pitch.instrument, pitch.direction, pitch.horizon)
    return week.once(asked, partial(_horizon_return, week, pitch))


def account_profit(week: Week, account: AccountWeek) -> Decimal | None:
    """Return what the account's positions gained in US dollars: marks at both ends, fills between.

    None where one of its instruments lacks a price at either end.
    """
    held = Counter(account.positions or {})
    fills = [fill for trade in account.trades for fill in trade.fills]
    gained = Decimal(0)
    for symbol in sorted({*held, *(fill.symbol for fill in fills)}):
        own = [fill for fill in fills if fill.symbol == symbol]
        profit = _profit(week, symbol, held[symbol], own)
        if profit is None:
            return None
        gained += profit
    return gained


def gain_since(
    week: Week, fills: Iterable[Fill], *, until_at: datetime | None = None
) -> Decimal | None:
    """Return what `fills` gained until `until_at`, or the end of the week, in US dollars.

    It is what the account would have lacked without them.
    """
    gained = Decimal(0)
    for fill in fills:
        symbol = fill.symbol
        end = week.end_price(symbol) if until_at is None else week.price_at(symbol, until_at)
        if end is None:
            return None
        gained += fill.quantity * (end - fill.price)
    return gained


def _profit(week: Week, symbol: str, held: int, fills: list[Fill]) -> Decimal | None:
    entry, end = week.entry_price(symbol), week.end_price(symbol)
    since = gain_since(week, fills)
    if since is None or end is None or (held and entry is None):
        return None
    return since + (held * (end - entry) if held and entry is not None else 0)


def _horizon_return(week: Week, pitch: Pitch) -> float | None:
    end = _horizon_price(week, pitch)
    moved = _move(week.entry_price(pitch.instrument), end)
    return None if moved is None else pitch.direction.sign * moved


def _horizon_price(week: Week, pitch: Pitch) -> Decimal | None:
    closes = [mark for mark in week.marks if mark.moment is Moment.CLOSE]
    needed = _SESSIONS.get(pitch.horizon)
    if needed is not None and len(closes) >= needed:
        return closes[needed - 1].prices.get(pitch.instrument)
    return week.end_price(pitch.instrument) if is_over(week) else None


def is_over(week: Week) -> bool:
    """Whether the week's marks reach the entry of the week after."""
    return bool(week.marks) and week.marks[-1].moment is Moment.NEXT_ENTRY


def _move(entry: Decimal | None, end: Decimal | None) -> float | None:
    return float(end / entry) - 1.0 if entry and end is not None else None
