"""Which database role may append which facts: what a captured process could do at the very worst.

The server and the jobs propose and stop, the page and the command line decide, the executor sends
orders; only the owner of the database can do all of it. Pure.
"""

from collections.abc import Iterable, Mapping
from typing import Final, Literal

from council.alert_facts import ALERT_FACTS
from council.ask_facts import ASK_FACTS
from council.events import (
    AnsweringModeFound,
    CheckpointAbstained,
    CheckpointTaken,
    DecisionReached,
    ModelCalled,
    NoDecision,
    NoTicket,
    PitchAbstained,
    PitchMade,
    ResearchFailed,
    ResearchReceived,
    ReviewAbstained,
    ReviewMade,
    SnapshotTaken,
    StageCompleted,
    WeekStarted,
)
from council.fact import Fact
from council.measure_facts import MEASURE_FACTS
from council.research_facts import RESEARCH_FACTS
from council.result_facts import (
    EquityMarked,
    PostmortemAbstained,
    PostmortemWritten,
    PricesMarked,
)
from council.run_facts import RUN_FACTS
from council.slot_facts import SLOT_FACTS
from council.trade_facts import (
    AccountObserved,
    ApprovalRevoked,
    ApprovalVoided,
    CancelRequested,
    DriftAccepted,
    DriftDetected,
    ExecutionStarted,
    LegClosed,
    LegIntended,
    OrderAccepted,
    OrderProgressed,
    OrderRefused,
    SubmitAttempted,
    SubmitUnknown,
    TradeApproved,
    TradeCompleted,
    TradeExpired,
    TradeIncomplete,
    TradeProposed,
    TradeRejected,
    TradingHalted,
    TradingResumed,
    Trust,
)
from council.upkeep_facts import UPKEEP_FACTS
from store.grants import LC_APPROVER, LC_EXEC, LC_MCP, Grant, RoleReading

ApprovalMode = Literal["conversational", "strict"]
_Kinds = tuple[type[Fact], ...]

_STAGES: Final[_Kinds] = (
    WeekStarted,
    StageCompleted,
    SnapshotTaken,
    ResearchReceived,
    ResearchFailed,
    PitchMade,
    PitchAbstained,
    ReviewMade,
    ReviewAbstained,
    DecisionReached,
    NoDecision,
    NoTicket,
    CheckpointTaken,
    CheckpointAbstained,
    ModelCalled,
    AnsweringModeFound,
    PostmortemWritten,
    PostmortemAbstained,
)
_MARKS: Final[_Kinds] = (PricesMarked, EquityMarked)
"""A checkpoint takes them as well as the executor at the open."""
_STOPS: Final[_Kinds] = (TradeProposed, TradeRejected, TradeExpired, ApprovalRevoked, TradingHalted)
"""What only asks or stops; whoever takes an approval back, or voids it, asks again."""
_ORDERS: Final[_Kinds] = (
    TradeProposed,
    TradeExpired,
    ApprovalVoided,
    ExecutionStarted,
    TradeCompleted,
    TradeIncomplete,
    LegIntended,
    SubmitAttempted,
    OrderAccepted,
    OrderRefused,
    SubmitUnknown,
    OrderProgressed,
    LegClosed,
    CancelRequested,
    AccountObserved,
    DriftDetected,
    TradingHalted,
)
KINDS_OF: Final[Mapping[str, frozenset[type[Fact]]]] = {
    LC_MCP: frozenset(
        (
            *_STAGES,
            *RESEARCH_FACTS,
            *ASK_FACTS,
            *RUN_FACTS,
            *MEASURE_FACTS,
            *SLOT_FACTS,
            *UPKEEP_FACTS,
            *_MARKS,
            *_STOPS,
        )
    ),
    LC_APPROVER: frozenset((*_STOPS, TradingResumed, DriftAccepted)),
    LC_EXEC: frozenset((*_ORDERS, *_MARKS, *ALERT_FACTS)),
}
"""What each role may append, whatever the mode; approving depends on the mode."""
_TRUSTS: Final[Mapping[ApprovalMode, Mapping[str, tuple[Trust, ...]]]] = {
    "conversational": {
        LC_MCP: ("client_relayed",),
        LC_APPROVER: ("human_direct", "local_user", "client_relayed"),
    },
    "strict": {LC_APPROVER: ("human_direct",)},
}
"""How far an approval may claim to be a person's, by the role through which it comes."""


def grants_for(mode: ApprovalMode) -> tuple[Grant, ...]:
    """Return every grant of a database whose trades are approved in `mode`, in a fixed order."""
    always = [Grant(role, kind.__name__) for role, kinds in KINDS_OF.items() for kind in kinds]
    approving = [
        Grant(role, TradeApproved.__name__, tuple(trusts)) for role, trusts in _TRUSTS[mode].items()
    ]
    return tuple(sorted((*always, *approving), key=lambda grant: (grant.role, grant.kind)))


def disagreement(reading: RoleReading, mode: ApprovalMode) -> str | None:
    """Return why nothing may start on this database under `mode`, as one sentence, or None.

    A database without grants has no say. Grants of another version of the program stop the roles,
    but not the owner, who mends them.
    """
    if not reading.grants:
        return None
    mend = f"run `council db roles --mode {mode}` as the owner of the database"
    if (said := _approving(reading.grants)) != _approving(grants_for(mode)):
        granted = "may" if said.get(LC_MCP) else "may not"
        return (
            f"approval.mode is {mode}, but the database's grants are not those of it: by them a "
            f"model's server {granted} approve; {mend}, or change approval.mode of risk.yaml."
        )
    if reading.is_owner:
        return None
    if reading.closed:
        return f"{reading.login} may not read {', '.join(reading.closed)}: {mend}."
    if set(reading.grants) != set(grants_for(mode)):
        return f"The database's grants are those of another version of the council: {mend}."
    return None


def _approving(grants: Iterable[Grant]) -> dict[str, frozenset[str] | None]:
    """Return by role as whose word it may approve; None stands for anybody's."""
    return {
        grant.role: None if grant.trusts is None else frozenset(grant.trusts)
        for grant in grants
        if grant.kind == TradeApproved.__name__
    }
