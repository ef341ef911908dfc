"""Portfolios that nobody traded, priced all the same: what the council is measured against. Pure.

Every book is sized by the policy that sizes the accounts and pays the same costs. A manager that
abstained, or a week without a decision, leaves its book as it was: silence is no opinion.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_DOWN, Decimal
from enum import StrEnum
from statistics import fmean
from types import MappingProxyType
from typing import Final

from council.analytics.book_pricing import BookWeek, Costs, Holdings, priced
from council.analytics.inputs import Verdict, Week
from council.model.base import Direction
from council.model.pitch import Pitch
from council.voting import scoreboard

Sizing = Callable[[str, str, Decimal], Decimal | None]
"""The share of equity, 0 or more, of a week's id, an instrument and a conviction; None for none."""

_STEP: Final = Decimal("0.5")


@dataclass(frozen=True, slots=True)
class View:
    """What somebody wants to hold, conviction signed; FLAT in one instrument is FLAT in all."""

    instrument: str
    direction: Direction
    conviction: Decimal


class BookKind(StrEnum):
    """What a shadow book holds."""

    PITCH = "pitch"
    """One manager's pitches, all traded."""
    MEAN_OF_MANAGERS = "mean_of_managers"
    BEST_REVIEWED = "best_reviewed"
    MAJORITY = "majority"
    """What a chairman without reviews would do: the view that most managers share."""
    DECISION = "decision"
    """The council's decisions, all traded."""
    REJECTED = "rejected"
    """The week's trades that the person rejected, in equal parts."""
    EQUAL_WEIGHT = "equal_weight"
    SPY = "SPY"
    """Bought once and held."""
    SIXTY_FORTY = "60_40"
    FLAT = "FLAT"


_FIXED: Final[Mapping[BookKind, Holdings]] = MappingProxyType(
    {
        BookKind.SIXTY_FORTY: {"SPY": 0.6, "IEF": 0.4},
        BookKind.FLAT: {},
    }
)


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What all books share; `managers` and `universe` in the order of the configuration."""

    sizing: Sizing
    managers: tuple[str, ...]
    universe: tuple[str, ...]
    chairman: str
    """Its account: the decision's value in dollars is measured on that account's equity."""
    costs: Costs = field(default_factory=Costs)
    equity_usd: float = 100_000.0
    """What a book begins with."""


@dataclass(frozen=True, slots=True)
class Book:
    """A shadow book, week by week; `account` is the manager of a PITCH book, else None."""

    kind: BookKind
    weeks: tuple[BookWeek, ...]
    account: str | None = None

    @property
    def returns(self) -> dict[str, float]:
        """Return the net return of every week that could be priced, by its id."""
        return {w.week_id: w.net_return for w in self.weeks if w.net_return is not None}

    @property
    def own_returns(self) -> dict[str, float]:
        """Return those of the weeks in which the book had a view of its own."""
        return {w.week_id: r for w in self.weeks if not w.kept and (r := w.net_return) is not None}


def shadow_books(
    weeks: Sequence[Week], assumptions: Assumptions, *, known: Sequence[Book] = ()
) -> tuple[Book, ...]:
    """Return every shadow book over `weeks`, oldest first: the managers' pitches, then the rest.

    `known` are the books over the first of these weeks under the same assumptions: they go on.
    """
    pitched = [(BookKind.PITCH, manager) for manager in assumptions.managers]
    others = [(kind, None) for kind in BookKind if kind is not BookKind.PITCH]
    lines = {(book.kind, book.account): book.weeks for book in known}
    return tuple(
        _book(kind, weeks, assumptions, account, known=lines.get((kind, account), ()))
        for kind, account in (*pitched, *others)
    )


def best_reviewed(week: Week) -> Pitch | None:
    """Return the pitch that the reviews put first, None without reviews.

    The decision's own record counts; without a decision the vote is counted again.
    """
    if not week.reviews or not week.labels:
        return None
    if week.decision is not None:
        return week.pitch_of(week.decision.authors[week.decision.best_reviewed_label])
    pitches = {label: week.pitch_of(account) for label, account in week.labels.items()}
    known = {label: pitch for label, pitch in pitches.items() if pitch is not None}
    board = scoreboard(week.reviews, known, week_id=week.week_id)
    return known[board[0].label] if board else None


def majority_view(week: Week, managers: Sequence[str]) -> View | None:
    """Return the view that most pitches share, None without pitches.

    All FLAT pitches are of one view. A tie goes to the stronger mean conviction, then to whoever
    comes first in `managers`. The conviction is the mean, to the nearest half, the weaker of two.
    """
    pitches = [pitch for name in managers if (pitch := week.pitch_of(name)) is not None]
    views: dict[tuple[str, Direction], list[Pitch]] = {}
    for pitch in pitches:
        flat = pitch.direction is Direction.FLAT
        views.setdefault(("" if flat else pitch.instrument, pitch.direction), []).append(pitch)
    if not views:
        return None
    # The first of equals wins, and views stand in the order of the configuration.
    (instrument, direction), shared = max(
        views.items(), key=lambda view: (len(view[1]), abs(_mean_conviction(view[1])))
    )
    halves = (_mean_conviction(shared) / _STEP).quantize(Decimal(1), rounding=ROUND_HALF_DOWN)
    return View(instrument, direction, halves * _STEP)


def _book(
    kind: BookKind,
    weeks: Sequence[Week],
    assumptions: Assumptions,
    account: str | None,
    *,
    known: Sequence[BookWeek],
) -> Book:
    targets: list[Holdings | None] = [None] * len(known)
    for week in weeks[len(known) :]:
        if kind is BookKind.SPY:
            targets.append({"SPY": 1.0} if week is weeks[0] else None)
        else:
            targets.append(_target(kind, week, assumptions, account))
    lines = priced(
        weeks, targets, costs=assumptions.costs, equity_usd=assumptions.equity_usd, known=known
    )
    return Book(kind, lines, account)


def _target(
    kind: BookKind, week: Week, assumptions: Assumptions, account: str | None
) -> Holdings | None:
    if kind in _FIXED:
        return _FIXED[kind]
    if kind is BookKind.PITCH:
        return _pitched(week, week.pitch_of(account or ""), assumptions)
    return _TARGETS[kind](week, assumptions)


def _pitched(week: Week, pitch: Pitch | None, assumptions: Assumptions) -> Holdings | None:
    if pitch is None:
        return None
    return _sized(week, View(pitch.instrument, pitch.direction, pitch.conviction), assumptions)


def _sized(week: Week, view: View, assumptions: Assumptions) -> Holdings:
    if view.direction is Direction.FLAT:
        return {}
    share = assumptions.sizing(week.week_id, view.instrument, view.conviction)
    return {view.instrument: view.direction.sign * float(share)} if share else {}


def _mean_of_managers(week: Week, assumptions: Assumptions) -> Holdings | None:
    books = [_pitched(week, week.pitch_of(name), assumptions) for name in assumptions.managers]
    return _mean([book for book in books if book is not None])


def _best_reviewed(week: Week, assumptions: Assumptions) -> Holdings | None:
    return _pitched(week, best_reviewed(week), assumptions)


def _majority(week: Week, assumptions: Assumptions) -> Holdings | None:
    view = majority_view(week, assumptions.managers)
    return None if view is None else _sized(week, view, assumptions)


def _decision(week: Week, assumptions: Assumptions) -> Holdings | None:
    if week.decision is None:
        return None
    trade, conviction = week.decision.selected_trade, week.decision.conviction
    return _sized(week, View(trade.instrument, trade.direction, conviction), assumptions)


def _rejected(week: Week, assumptions: Assumptions) -> Holdings | None:
    tickets = [
        trade.ticket
        for account in week.accounts
        for trade in account.trades
        if trade.verdict is Verdict.REJECTED and trade.checkpoint_id is None
    ]
    shares = [
        {t.instrument: float(t.target_quantity * t.reference_price / t.equity_usd)}
        for t in tickets
        if t.equity_usd > 0
    ]
    return _mean(shares) or {}


def _equal_weight(week: Week, assumptions: Assumptions) -> Holdings | None:
    known = [s for s in assumptions.universe if week.entry_price(s) and week.end_price(s)]
    return {symbol: 1.0 / len(known) for symbol in known} if known else None


def _mean(books: Sequence[Holdings]) -> Holdings | None:
    if not books:
        return None
    symbols = dict.fromkeys(symbol for book in books for symbol in book)
    return {symbol: fmean(book.get(symbol, 0.0) for book in books) for symbol in symbols}


def _mean_conviction(pitches: Sequence[Pitch]) -> Decimal:
    return sum((pitch.conviction for pitch in pitches), Decimal(0)) / len(pitches)


_TARGETS: Final[Mapping[BookKind, Callable[[Week, Assumptions], Holdings | None]]] = (
    MappingProxyType(
        {
            BookKind.MEAN_OF_MANAGERS: _mean_of_managers,
            BookKind.BEST_REVIEWED: _best_reviewed,
            BookKind.MAJORITY: _majority,
            BookKind.DECISION: _decision,
            BookKind.REJECTED: _rejected,
            BookKind.EQUAL_WEIGHT: _equal_weight,
        }
    )
)
