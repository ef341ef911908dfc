"""Which read tables each kind of fact writes to, for whoever remembers what he has read of them.

A kind that is not listed here may write to any table: to forget too much is only slow.
"""

from collections.abc import Mapping
from typing import Final

from council import events as stages
from council import result_facts as results
from council import trade_facts as trades
from council.fact import Fact
from council.projections import ROWLESS

_WRITERS: Final[tuple[tuple[type[Fact], tuple[str, ...]], ...]] = (
    (stages.WeekStarted, ("week_metadata",)),
    (stages.SnapshotTaken, ("week_metadata",)),
    (stages.StageCompleted, ("week_metadata",)),
    (stages.ResearchReceived, ("research_packs",)),
    (stages.PitchMade, ("pm_pitches",)),
    (stages.ReviewMade, ("peer_reviews",)),
    (stages.DecisionReached, ("chairman_decisions",)),
    (stages.CheckpointTaken, ("checkpoint_updates",)),
    (results.EquityMarked, ("equity_marks",)),
    (results.PostmortemWritten, ("weekly_postmortems",)),
    (trades.TradeProposed, ("trades",)),
    (trades.TradeApproved, ("trades",)),
    (trades.TradeRejected, ("trades",)),
    (trades.TradeExpired, ("trades",)),
    (trades.ApprovalVoided, ("trades",)),
    (trades.ApprovalRevoked, ("trades",)),
    (trades.TradeCompleted, ("trades",)),
    (trades.TradeIncomplete, ("trades",)),
    (trades.LegIntended, ("orders",)),
    (trades.OrderAccepted, ("orders", "trades")),
    (trades.OrderRefused, ("orders",)),
    (trades.OrderProgressed, ("orders", "positions")),
    (trades.LegClosed, ("orders", "positions")),
    (trades.AccountObserved, ("positions",)),
    (trades.DriftAccepted, ("positions",)),
)

WRITTEN_BY: Final[Mapping[str, frozenset[str]]] = {
    **dict.fromkeys(ROWLESS, frozenset()),
    **{fact.__name__: frozenset(tables) for fact, tables in _WRITERS},
}
"""The tables to which a kind of event may write, none for one that leaves no rows."""
