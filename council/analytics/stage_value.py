"""What each stage of the council added, week by week, in US dollars and basis points: pure.

Review and chairman are compared as shadow books, so that neither sizes nor fills nor the person's
verdicts blur them. The person's veto, the checkpoints and the delay of approvals are measured on
the very shares that were or would have been traded, for as long as that made the difference.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from functools import partial
from itertools import zip_longest
from types import MappingProxyType
from typing import Final

from broker.models import Side
from council.analytics.book_pricing import Costs
from council.analytics.inputs import AccountWeek, Fill, Trade, Verdict, Week
from council.analytics.outcomes import gain_since
from council.analytics.resampling import Estimate, NotEnoughWeeks, estimate
from council.analytics.shadow_books import Assumptions, Book, BookKind, shadow_books
from council.model.ticket import TicketLeg

_BPS: Final = 10_000.0


class Stage(StrEnum):
    """A stage whose worth is asked, by what it is compared with."""

    REVIEW = "review"
    """The best-reviewed pitch less the mean of the managers."""
    CHAIRMAN = "chairman"
    """The decision less the best-reviewed pitch."""
    CHAIRMAN_OVER_MAJORITY = "chairman_over_majority"
    """The decision less what most pitches said, without any review."""
    VETO = "veto"
    """What was decided less everything approved: trades rejected, or left to expire."""
    CHECKPOINTS = "checkpoints"
    """What checkpoints changed less what was held before, until the end of the week."""
    APPROVAL_DELAY = "approval_delay"
    """The fills less the prices when the trades were proposed: spread and nights included."""


@dataclass(frozen=True, slots=True)
class WeekValue:
    """What a stage added in one week; below zero where it cost.

    Basis points are of the equity at the week's start: the chairman's account for review and
    chairman, all accounts together for the others. `cases` counts the trades that the stage
    touched; for review and chairman it is 1 where the two books differ.
    """

    week_id: str
    value_usd: float
    value_bps: float
    cases: int


@dataclass(frozen=True, slots=True)
class StageValue:
    """A stage's value over the weeks in which it could be measured, a mean a week."""

    stage: Stage
    weeks: tuple[WeekValue, ...]
    mean_usd: Estimate | NotEnoughWeeks
    mean_bps: Estimate | NotEnoughWeeks

    @property
    def cases(self) -> int:
        """Return in how many cases the stage made a difference."""
        return sum(week.cases for week in self.weeks)


@dataclass(frozen=True, slots=True)
class _Case:
    """One trade of a week; the account's next one was proposed at `until_at`, None for none."""

    week: Week
    trade: Trade
    until_at: datetime | None
    costs: Costs


_OnTrade = Callable[[_Case], Decimal | None]

_COMPARED: Final[Mapping[Stage, tuple[BookKind, BookKind]]] = MappingProxyType(
    {
        Stage.REVIEW: (BookKind.BEST_REVIEWED, BookKind.MEAN_OF_MANAGERS),
        Stage.CHAIRMAN: (BookKind.DECISION, BookKind.BEST_REVIEWED),
        Stage.CHAIRMAN_OVER_MAJORITY: (BookKind.DECISION, BookKind.MAJORITY),
    }
)


def stage_values(
    weeks: Sequence[Week], assumptions: Assumptions, *, books: Sequence[Book] | None = None
) -> tuple[StageValue, ...]:
    """Return the value of every stage over `weeks`, oldest first.

    `books` are `shadow_books` of the same weeks and assumptions, where they are there already.
    """
    known = {book.kind: book for book in books or shadow_books(weeks, assumptions)}
    return tuple(
        _stage_value(stage, _measured(stage, weeks, known, assumptions)) for stage in Stage
    )


def _stage_value(stage: Stage, found: tuple[WeekValue, ...]) -> StageValue:
    telling = tuple(week.week_id for week in found if week.cases)
    return StageValue(
        stage,
        found,
        estimate({week.week_id: week.value_usd for week in found}, telling=telling),
        estimate({week.week_id: week.value_bps for week in found}, telling=telling),
    )


def _measured(
    stage: Stage, weeks: Sequence[Week], books: Mapping[BookKind, Book], assumptions: Assumptions
) -> tuple[WeekValue, ...]:
    if stage in _COMPARED:
        one, other = (books[kind] for kind in _COMPARED[stage])
        return _differences(weeks, one, other, assumptions.chairman)
    value, costs = _ON_TRADES[stage], assumptions.costs
    values = [week.once((stage, costs), partial(_on_trades, week, value, costs)) for week in weeks]
    return tuple(value for value in values if value is not None)


def _differences(
    weeks: Sequence[Week], one: Book, other: Book, account: str
) -> tuple[WeekValue, ...]:
    """Compare two books in the weeks in which both had a view and a price."""
    mine, others = one.own_returns, other.own_returns
    held = {line.week_id: (line.holdings,) for line in one.weeks}
    against = {line.week_id: (line.holdings,) for line in other.weeks}
    found = []
    for week in weeks:
        if week.week_id in mine and week.week_id in others:
            gained = mine[week.week_id] - others[week.week_id]
            equity = week.once(("equity", account), partial(_equity, week, (account,)))
            differs = held[week.week_id] != against[week.week_id]
            found.append(WeekValue(week.week_id, gained * equity, gained * _BPS, int(differs)))
    return tuple(found)


def _on_trades(week: Week, value: _OnTrade, costs: Costs) -> WeekValue | None:
    """Add up what the stage did to each trade of the week; None where no account was marked."""
    equity = _equity(week, [account.account for account in week.accounts])
    if equity <= 0:
        return None
    cases = [case for account in week.accounts for case in _cases(week, account, costs)]
    values = [found for case in cases if (found := value(case)) is not None]
    gained = float(sum(values, Decimal(0)))
    return WeekValue(week.week_id, gained, gained / equity * _BPS, len(values))


def _cases(week: Week, account: AccountWeek, costs: Costs) -> Iterator[_Case]:
    trades = sorted(account.trades, key=lambda trade: trade.proposed_at)
    for trade, later in zip_longest(trades, trades[1:]):
        yield _Case(week, trade, later.proposed_at if later else None, costs)


def _equity(week: Week, accounts: Iterable[str]) -> float:
    found = [week.account(account) for account in accounts]
    equities = [own.start_equity_usd for own in found if own is not None]
    return float(sum((usd for usd in equities if usd is not None), Decimal(0)))


def _vetoed(case: _Case) -> Decimal | None:
    """Return what not trading the ticket saved, had it been filled when it was proposed.

    The account's next proposal sets anew what is to be held: from there on it answers for it.
    """
    legs = case.trade.ticket.legs
    if case.trade.verdict not in (Verdict.REJECTED, Verdict.EXPIRED) or not legs:
        return None
    fills = [fill for leg in legs if (fill := _as_proposed(case, leg)) is not None]
    gained = gain_since(case.week, fills, until_at=case.until_at)
    if len(fills) < len(legs) or gained is None:
        return None
    # A later proposal costs what this one saved.
    return (_cost(fills, case.costs) if case.until_at is None else Decimal(0)) - gained


def _as_proposed(case: _Case, leg: TicketLeg) -> Fill | None:
    """Return the leg as if it had been filled at the marks of when it was proposed."""
    at = case.trade.proposed_at
    price = case.week.price_at(leg.symbol, at)
    if price is None:
        return None
    signed = leg.quantity if leg.side is Side.BUY else -leg.quantity
    return Fill(leg.leg, leg.symbol, signed, price, at)


def _cost(fills: Sequence[Fill], costs: Costs) -> Decimal:
    notional = sum((abs(fill.quantity) * fill.price for fill in fills), Decimal(0))
    return notional * Decimal(str(costs.half_spread)) + len(fills) * Decimal(str(costs.order_usd))


def _changed(case: _Case) -> Decimal | None:
    """Return what the fills of a checkpoint's trade gained until the week's end."""
    if case.trade.checkpoint_id is None or not case.trade.fills:
        return None
    return gain_since(case.week, case.trade.fills)


def _delayed(case: _Case) -> Decimal | None:
    """Return what the fills gained by not being at the prices of the proposal."""
    if not case.trade.fills:
        return None
    gained = Decimal(0)
    for fill in case.trade.fills:
        proposed = _proposed_price(case, fill.symbol)
        if proposed is None:
            return None
        gained += fill.quantity * (proposed - fill.price)
    return gained


def _proposed_price(case: _Case, symbol: str) -> Decimal | None:
    trade = case.trade
    if symbol == trade.ticket.instrument:
        return trade.ticket.reference_price
    return case.week.price_at(symbol, trade.proposed_at)


_ON_TRADES: Final[Mapping[Stage, _OnTrade]] = MappingProxyType(
    {
        Stage.VETO: _vetoed,
        Stage.CHECKPOINTS: _changed,
        Stage.APPROVAL_DELAY: _delayed,
    }
)
