"""Numbers in words: percent and dollars with their signs, counts beside what is a mean of few."""

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Final, Literal

from config.clock import NEW_YORK
from council.analytics.charting.axes import signed
from council.analytics.metrics import Sharpe
from council.analytics.proportions import Proportion
from council.analytics.resampling import Estimate, NotEnoughWeeks
from council.analytics.shadow_books import BookKind
from council.untrusted import clean_text

Unit = Literal["usd", "bps", ""]
NONE: Final = "\N{EN DASH}"
"""Stands for what is not known; zero is written 0."""
_CENTS_BELOW: Final = 10

BOOK_WORDS: Final[dict[str, str]] = {
    BookKind.PITCH: "every pitch traded",
    BookKind.MEAN_OF_MANAGERS: "Managers' mean",
    BookKind.BEST_REVIEWED: "Best-reviewed pitch",
    BookKind.MAJORITY: "Majority, no review",
    BookKind.DECISION: "Council's decision",
    BookKind.REJECTED: "Rejected trades",
    BookKind.EQUAL_WEIGHT: "Equal weight",
    BookKind.SPY: "SPY",
    BookKind.SIXTY_FORTY: "60/40",
    BookKind.FLAT: "FLAT",
}
"""What a shadow book is called; the first is preceded by its manager."""


def usd(value: Decimal | float | None, *, plus: bool = True, cents: bool = False) -> str:
    """Return US dollars with thousands; to the cent where asked, and where they are very few."""
    if value is None:
        return NONE
    amount = float(value)
    if not amount and not cents:
        return "$0"
    places = 2 if cents or abs(amount) < _CENTS_BELOW else 0
    return signed(amount, places=places, before="$", plus=plus)


def percent(fraction: float | None, *, places: int = 2) -> str:
    """Return a gain or loss as percent with its sign."""
    if fraction is None:
        return NONE
    return signed(fraction * 100, places=places, after="%", plus=True)


def fall(fraction: float | None) -> str:
    """Return a drawdown, a fraction of 0 or more, as the loss that it is."""
    return percent(None if fraction is None else -fraction)


def share(fraction: float | None, *, places: int = 0) -> str:
    """Return a part of a whole as percent without a sign."""
    return NONE if fraction is None else signed(fraction * 100, places=places, after="%")


def times(ratio: float | None) -> str:
    """Return a multiple of the equity."""
    return NONE if ratio is None else f"{signed(ratio, places=2)}\N{MULTIPLICATION SIGN}"


def plain_number(value: float | None, *, places: int = 2, plus: bool = False) -> str:
    """Return a number without a unit."""
    return NONE if value is None else signed(value, places=places, plus=plus)


def duration(years: float | None, dv01_usd: Decimal | float) -> str:
    """Return an interest-rate duration, and what a rise of rates does to it."""
    said = f"duration {plain_number(years, places=1, plus=True)} years"
    if not dv01_usd:
        return said
    does = "costs" if dv01_usd > 0 else "brings"
    amount = usd(abs(float(dv01_usd)), plus=False)
    return f"{said}: a rise of rates by one basis point {does} {amount}"


def sharpe(value: Sharpe | None) -> str:
    """Return the ratio with its standard error."""
    if value is None:
        return NONE
    error = signed(value.standard_error, places=2)
    return f"{signed(value.ratio, places=2, plus=True)} ± {error}"


def of(proportion: Proportion) -> str:
    """Return how many of how many, and the share of it."""
    if proportion.share is None:
        return NONE
    return f"{proportion.hits} of {proportion.count} ({share(proportion.share)})"


def interval(found: Estimate | NotEnoughWeeks, *, unit: Unit) -> str:
    """Return a mean with its bounds of 95 %; or how many weeks it lacks."""
    if isinstance(found, NotEnoughWeeks):
        return not_enough(found)
    mean, low, high = _amounts((found.mean, found.low, found.high), unit)
    return f"{mean} ({low} to {high})"


def bounds(found: Estimate, *, unit: Unit) -> str:
    """Return the bounds of a mean alone."""
    low, high = _amounts((found.low, found.high), unit)
    return f"{low} to {high}"


def not_enough(found: NotEnoughWeeks) -> str:
    """Say how many weeks there are of how many it takes."""
    return f"not enough weeks: {len(found.weeks)} of {found.needed}"


def counted(number: int, noun: str, *, several: str = "") -> str:
    """Return "1 week", "3 weeks"."""
    return f"{number} {noun if number == 1 else several or noun + 's'}"


def listed(names: Iterable[str]) -> str:
    """Return "a", "a and b" or "a, b and c"."""
    *before, last = names
    return f"{', '.join(before)} and {last}" if before else last


def one_line(text: str) -> str:
    """Return what others wrote on one line, without characters that a reader cannot see."""
    return " ".join(clean_text(text).split())


def week_title(week_id: str) -> str:
    """Return the first day of a week in words; an id that is no date as it stands."""
    try:
        on = date.fromisoformat(week_id)
    except ValueError:
        return one_line(week_id)
    return f"{on.day} {on:%B %Y}"


def new_york(at: datetime) -> str:
    """Return an instant as New York's clocks show it."""
    local = at.astimezone(NEW_YORK)
    return f"{local.day} {local:%B %Y, %H:%M} New York"


def _amounts(values: tuple[float, ...], unit: Unit) -> tuple[str, ...]:
    """Return values that stand side by side, all with the same number of places."""
    if unit == "usd":
        places = 2 if max(map(abs, values)) < _CENTS_BELOW else 0
        return tuple(signed(value, places=places, before="$", plus=True) for value in values)
    places = 1 if unit == "bps" else 2
    return tuple(signed(value, places=places, plus=True) for value in values)
