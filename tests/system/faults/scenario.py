"""What happens in the run of one seed: who trades what, what goes wrong, who dies where. Pure."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import count, cycle, islice
from typing import Final, Literal
from uuid import UUID

from broker.exchange.book import PARTIAL_SHARE
from broker.exchange.faults import FaultKind, FaultPlan
from broker.exchange.seeds import fraction_of, key_of
from config.ids import client_order_id_for, meaning_id, trade_id_for
from council.model.base import Direction
from tests.builders import CHAIRMAN, MANAGERS

ACCOUNTS: Final = (*MANAGERS, CHAIRMAN)
NOT_SHORTABLE: Final = "LQD"
KILLS_PER_EXECUTOR: Final = 4

FREQUENT_FAILPOINTS: Final = (
    *("exec.before_intent", "exec.after_intent"),
    *("exec.before_post", "exec.after_post", "exec.before_record"),
)
RARE_FAILPOINTS: Final = (
    *("exec.between_legs", "exec.before_cancel", "exec.after_cancel"),
    "reconcile.before_record",
)
"""Here the first executor of a run to pass dies, whoever it is."""

OVERTAKEN: Final = "approve and be overtaken"
APPROVAL_FAILPOINT: Final = "approve.after_commit"

_SOME_WEDNESDAY = date(2016, 1, 6)
_FREE_INSTRUMENTS = ("SPY", "QQQ", "IWM", "TLT", "GLD", "HYG", "IEF")
_UNDECIDED_FOR = timedelta(minutes=2)
_DECIDED_FOR = timedelta(days=5)
_SOFT = (FaultKind.DROP, FaultKind.LOST, FaultKind.LATE, FaultKind.HANG, FaultKind.HANG_LOST)

Size = Literal["share", "half", "flat"]
Verdict = Literal["approve", "approve and die", "approve and be overtaken", "reject", "ignore"]
"""To die: the process that approves, before it says so. To be overtaken: the next trade is approved
while this one's order has filled in part."""


@dataclass(frozen=True, slots=True)
class Step:
    """One trade of an account, asked for when its trade before is over."""

    week_id: str
    trade_id: UUID
    instrument: str
    direction: Direction
    size: Size
    verdict: Verdict
    lasts: timedelta


@dataclass(frozen=True, slots=True)
class Doom:
    """How an executor dies: at the `time`th pass of `failpoint`, or at the `patience`th of any.

    Or earlier, at one of `rare` where nobody has died yet.
    """

    failpoint: str = ""
    time: int = 1
    patience: int = 1_000_000
    rare: tuple[str, ...] = RARE_FAILPOINTS


@dataclass(frozen=True, slots=True)
class Scenario:
    """A seed's run."""

    seed: int
    plan: FaultPlan
    scripts: dict[str, tuple[Step, ...]]

    def dooms(self, executor: int) -> tuple[Doom, ...]:
        """Return how the incarnations of one executor end: the last one lives."""
        first = key_of("doom", self.seed, executor)
        names = islice(cycle(FREQUENT_FAILPOINTS), first % len(FREQUENT_FAILPOINTS), None)
        ordered = (
            Doom(name, 1 + key_of("time", self.seed, executor, number) % 2, patience=12)
            for number, name in enumerate(islice(names, KILLS_PER_EXECUTOR))
        )
        return (*ordered, *(Doom() for _ in RARE_FAILPOINTS), Doom(rare=()))


def scenario_of(seed: int) -> Scenario:
    """Return the run of `seed`: six accounts, fourteen trades, one plan of faults."""
    turn = seed % len(ACCOUNTS)
    accounts = (*ACCOUNTS[turn:], *ACCOUNTS[:turn])
    scripts = zip(accounts, _scripts(seed), strict=True)
    return Scenario(
        seed,
        plan_of(seed),
        {account: tuple(_steps(seed, account, script)) for account, script in scripts},
    )


def plan_of(seed: int) -> FaultPlan:
    """Return the faults of `seed`: mostly of all kinds, in turn of those that hurt most."""
    plans = (
        FaultPlan(seed=seed, posts=0.65, gets=0.06, deletes=0.4),
        FaultPlan(
            seed=seed,
            posts=0.8,
            gets=0.05,
            kinds=(FaultKind.LATE, FaultKind.SPURIOUS),
            latest=timedelta(seconds=45),
        ),
        FaultPlan(seed=seed, posts=0.65, gets=0.06, deletes=0.4, latest=timedelta(seconds=8)),
        FaultPlan(seed=seed, posts=0.7, gets=0.05, deletes=0.4, kinds=_SOFT),
    )
    return plans[seed % len(plans)]


_Line = tuple[str, Direction, Size, Verdict]


def _scripts(seed: int) -> tuple[tuple[_Line, ...], ...]:
    """Return six scripts.

    Flips both ways, a reduction, two refusals, an order that the next trade overtakes, and two
    trades that nobody approves.
    """
    turn = seed % len(_FREE_INSTRUMENTS)
    first, second, third, fourth, fifth, *_ = (
        *_FREE_INSTRUMENTS[turn:],
        *_FREE_INSTRUMENTS[:turn],
    )
    long, short, flat = Direction.LONG, Direction.SHORT, Direction.FLAT
    return (
        ((first, long, "share", "approve and die"), (first, short, "share", "approve")),
        ((second, short, "share", "approve"), (second, long, "share", "approve")),
        (
            (third, long, "share", "approve"),
            (third, long, "half", "approve"),
            (third, flat, "flat", "approve"),
        ),
        ((NOT_SHORTABLE, long, "share", "approve"), (NOT_SHORTABLE, short, "share", "approve")),
        (
            (NOT_SHORTABLE, short, "share", "approve"),
            (fourth, long, "share", "approve and be overtaken"),
            (fourth, short, "share", "approve"),
        ),
        ((fifth, long, "share", "reject"), (fifth, long, "share", "ignore")),
    )


def _steps(seed: int, account: str, script: tuple[_Line, ...]) -> Iterator[Step]:
    """Yield the steps of a week of the account: its first trade has the week's own id."""
    first = _wish(script[0][3], seed, account, 0)
    week_id = next(week for week in _weeks(seed) if first(trade_id_for(week, account)))
    for number, (instrument, direction, size, verdict) in enumerate(script):
        wish = _wish(verdict, seed, account, number)
        ids = (meaning_id("fault seed", seed, account, number, salt) for salt in count())
        yield Step(
            week_id=week_id,
            trade_id=next(filter(wish, ids)) if number else trade_id_for(week_id, account),
            instrument=instrument,
            direction=direction,
            size=size,
            verdict=verdict,
            lasts=_UNDECIDED_FOR if verdict == "ignore" else _DECIDED_FOR,
        )


def _wish(verdict: Verdict, seed: int, account: str, number: int) -> Callable[[UUID], bool]:
    """Return which ids suit a trade: in every sixth one, and in one overtaken, fills are in parts.

    By itself that would be rare.
    """
    in_parts = key_of("partial", seed, account, number) % 6 == 0
    return lambda trade_id: _fills_in_parts(trade_id) is (in_parts or verdict == OVERTAKEN)


def _fills_in_parts(trade_id: UUID) -> bool:
    orders = (client_order_id_for(trade_id, leg, 1) for leg in ("open", "close"))
    return all(fraction_of("partial", order) < PARTIAL_SHARE for order in orders)


def _weeks(seed: int) -> Iterator[str]:
    """Yield Wednesdays, other ones first for each seed."""
    return ((_SOME_WEDNESDAY + timedelta(weeks=seed + salt)).isoformat() for salt in count())
