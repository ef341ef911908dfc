"""How an account did over a week or over all of them: one value, built by one function. Pure.

Returns for Sharpe and volatility run from close to close, the first from where the weeks begin;
what happened between closes shows in the drawdown. Where an account moved to another venue its
equities begin anew: the difference is no gain. Dividends and borrow fees that a paper venue leaves
out are not in here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from itertools import groupby, takewhile
from typing import TYPE_CHECKING

from council.analytics.inputs import AccountWeek, EquityMark, Fill, Week
from council.analytics.mark_columns import (
    MarkColumns,
    columns_of,
    in_a_row,
    joined,
    mean_of_known,
)
from council.analytics.metrics import (
    Sharpe,
    annual_volatility,
    conviction_volatility,
    maximum_drawdown,
    returns_of,
    sharpe,
    time_weighted_return,
    turnover,
)
from council.analytics.outcomes import account_profit
from council.analytics.panic import PanicExit, panic_exits
from council.analytics.proportions import Proportion, proportion_of

if TYPE_CHECKING:
    from council.analytics.mark_columns import Floats

_Pair = tuple[Week, AccountWeek]


@dataclass(frozen=True, slots=True)
class AccountResults:
    """What an account did in `weeks`; None stands for what too few marks cannot tell.

    Fractions throughout, but for `profit_usd` and `panic_cost_usd` (US dollars, above zero where
    the exits cost money) and `conviction_volatility` (steps of conviction).
    """

    account: str
    weeks: tuple[str, ...]
    profit_usd: Decimal | None
    time_weighted_return: float | None
    maximum_drawdown: float | None
    annual_volatility: float | None
    sharpe: Sharpe | None
    turnover: float | None
    """What was traded, as a multiple of the mean equity; over these weeks, not a year."""
    conviction_volatility: float | None
    hits: Proportion
    """Weeks that gained, of the weeks with a position that gained or lost."""
    panic_exits: int
    panic_cost_usd: Decimal
    gross_exposure: float | None
    net_exposure: float | None
    """Means over all marks, of the equity at each."""
    sessions: int
    """The daily returns behind Sharpe ratio and volatility."""


def account_results(account: str, weeks: Sequence[Week]) -> AccountResults:
    """Return how `account` did in `weeks`, one or many, oldest first."""
    pairs = [(week, own) for week in weeks if (own := week.account(account)) is not None]
    stays = _stays(pairs)
    runs = [joined([_columns(week, own) for week, own in stay]) for stay in stays]
    equities = in_a_row([run.equity for run in runs])
    solvent = len(equities) > 0 and float(equities.min()) > 0
    moves = in_a_row([run.moves for run in runs] if solvent else [])
    daily = [one for run in runs for one in returns_of(run.daily)] if solvent else []
    exits = [found for week, own in pairs for found in _panic_exits(week, own)]
    return AccountResults(
        account=account,
        weeks=tuple(week.week_id for week, _ in pairs),
        profit_usd=_profit(stays),
        time_weighted_return=time_weighted_return(moves) if len(moves) else None,
        maximum_drawdown=maximum_drawdown(moves) if len(moves) else None,
        annual_volatility=annual_volatility(daily),
        sharpe=sharpe(daily),
        turnover=_turnover(pairs, equities),
        conviction_volatility=conviction_volatility(_conviction_changes(pairs)),
        hits=_hits(pairs),
        panic_exits=len(exits),
        panic_cost_usd=_cost(exits),
        gross_exposure=mean_of_known(in_a_row([run.gross for run in runs])),
        net_exposure=mean_of_known(in_a_row([run.net for run in runs])),
        sessions=len(daily),
    )


def _stays(pairs: Sequence[_Pair]) -> list[list[_Pair]]:
    """Return the weeks with marks, a list for each stay of the account in one home."""
    marked = (pair for pair in pairs if pair[1].marks)
    return [list(stay) for _, stay in groupby(marked, key=lambda pair: pair[1].home)]


def _columns(week: Week, own: AccountWeek) -> MarkColumns:
    return week.once(("marks", own.account), lambda: columns_of(own.marks))


def _panic_exits(week: Week, own: AccountWeek) -> tuple[PanicExit, ...]:
    return week.once(("panic exits", own.account), lambda: panic_exits(week, own))


def _profit(stays: Sequence[Sequence[_Pair]]) -> Decimal | None:
    """Return what the equity changed by within each stay, None where none has two marks."""
    told = []
    for stay in stays:
        # Where one week ends and the next begins the marks are one.
        ends = {mark.at: mark for week, own in stay for mark in _ends(week, own)}
        if len(ends) > 1:
            told.append(ends[max(ends)].equity_usd - ends[min(ends)].equity_usd)
    return sum(told, Decimal(0)) if told else None


def _ends(week: Week, own: AccountWeek) -> tuple[EquityMark, EquityMark]:
    return week.once(("ends", own.account), lambda: (_first(own), own.marks[-1]))


def _first(own: AccountWeek) -> EquityMark:
    """Return the mark at the first instant; of several the last, as everywhere."""
    *_, first = takewhile(lambda mark: mark.at == own.marks[0].at, own.marks)
    return first


def _turnover(pairs: Sequence[_Pair], equities: "Floats") -> float | None:
    mean = mean_of_known(equities)
    traded = [usd for week, own in pairs for usd in _traded(week, own)]
    return None if mean is None else turnover(traded, mean)


def _traded(week: Week, own: AccountWeek) -> tuple[float, ...]:
    return week.once(
        ("traded", own.account),
        lambda: tuple(float(fill.quantity * fill.price) for fill in _fills(own)),
    )


def _fills(account: AccountWeek) -> list[Fill]:
    return [fill for trade in account.trades for fill in trade.fills]


def _conviction_changes(pairs: Sequence[_Pair]) -> list[float]:
    return [change for week, own in pairs for change in _changes(week, own)]


def _changes(week: Week, own: AccountWeek) -> tuple[float, ...]:
    changed = ((look.conviction_after, look.conviction_before) for look in own.checkpoints)
    return week.once(
        ("conviction", own.account), lambda: tuple(float(now - then) for now, then in changed)
    )


def _hits(pairs: Sequence[_Pair]) -> Proportion:
    held = [pair for pair in pairs if pair[1].positions or _fills(pair[1])]
    profits = [
        week.once(("profit", own.account), partial(account_profit, week, own)) for week, own in held
    ]
    return proportion_of([profit > 0 for profit in profits if profit])


def _cost(exits: Sequence[PanicExit]) -> Decimal:
    return sum((found.cost_usd for found in exits if found.cost_usd is not None), Decimal(0))
