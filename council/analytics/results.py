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

from council.analytics.inputs import AccountWeek, EquityMark, Week
from council.analytics.mark_columns import (
    MarkColumns,
    columns_of,
    floats_of,
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
    told = [found for week in weeks if (found := _told(week, account)) is not None]
    stays = _stays(told)
    runs = [joined([week.marks for week in stay]) for stay in stays]
    equities = in_a_row([run.equity for run in runs])
    solvent = len(equities) > 0 and float(equities.min()) > 0
    moves = in_a_row([run.moves for run in runs] if solvent else [])
    daily = [one for run in runs for one in returns_of(run.daily)] if solvent else []
    exits = [found for week in told for found in week.exits]
    return AccountResults(
        account=account,
        weeks=tuple(week.week_id for week in told),
        profit_usd=_profit(stays),
        time_weighted_return=time_weighted_return(moves) if len(moves) else None,
        maximum_drawdown=maximum_drawdown(moves) if len(moves) else None,
        annual_volatility=annual_volatility(daily),
        sharpe=sharpe(daily),
        turnover=_turnover(told, equities),
        conviction_volatility=conviction_volatility(
            in_a_row([week.conviction_changes for week in told])
        ),
        hits=proportion_of([week.profit > 0 for week in told if week.profit]),
        panic_exits=len(exits),
        panic_cost_usd=_cost(exits),
        gross_exposure=mean_of_known(in_a_row([run.gross for run in runs])),
        net_exposure=mean_of_known(in_a_row([run.net for run in runs])),
        sessions=len(daily),
    )


@dataclass(frozen=True, slots=True)
class _Told:
    """What one week alone tells of an account.

    `profit` is None where it held nothing, or a price is missing; `ends` are its first and its last
    mark, of several at the first instant the last.
    """

    week_id: str
    home: str
    marks: MarkColumns
    ends: tuple[EquityMark, ...]
    traded: "Floats"
    conviction_changes: "Floats"
    exits: tuple[PanicExit, ...]
    profit: Decimal | None


def _told(week: Week, account: str) -> _Told | None:
    """Return what `week` tells of `account`, None where it had none."""
    return week.once(("told", account), partial(_looked_at, week, account))


def _looked_at(week: Week, account: str) -> _Told | None:
    own = week.account(account)
    if own is None:
        return None
    fills = [fill for trade in own.trades for fill in trade.fills]
    return _Told(
        week_id=week.week_id,
        home=own.home,
        marks=columns_of(own.marks),
        ends=_ends(own),
        traded=floats_of(fill.quantity * fill.price for fill in fills),
        conviction_changes=floats_of(
            look.conviction_after - look.conviction_before for look in own.checkpoints
        ),
        exits=panic_exits(week, own),
        profit=account_profit(week, own) if own.positions or fills else None,
    )


def _ends(own: AccountWeek) -> tuple[EquityMark, ...]:
    if not own.marks:
        return ()
    *_, first = takewhile(lambda mark: mark.at == own.marks[0].at, own.marks)
    return first, own.marks[-1]


def _stays(weeks: Sequence[_Told]) -> list[list[_Told]]:
    """Return the weeks with marks, a list for each stay of the account in one home."""
    marked = (week for week in weeks if week.ends)
    return [list(stay) for _, stay in groupby(marked, key=lambda week: week.home)]


def _profit(stays: Sequence[Sequence[_Told]]) -> Decimal | None:
    """Return what the equity changed by within each stay, None where none has two marks."""
    ends = ((stay[0].ends[0], stay[-1].ends[-1]) for stay in stays)
    told = [last.equity_usd - first.equity_usd for first, last in ends if last.at > first.at]
    return sum(told, Decimal(0)) if told else None


def _turnover(weeks: Sequence[_Told], equities: "Floats") -> float | None:
    mean = mean_of_known(equities)
    return None if mean is None else turnover(in_a_row([week.traded for week in weeks]), mean)


def _cost(exits: Sequence[PanicExit]) -> Decimal:
    return sum((found.cost_usd for found in exits if found.cost_usd is not None), Decimal(0))
