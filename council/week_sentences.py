"""What a postmortem says of each kind of fact: our words in `text`, others' words in `quote`. Pure.

Accounts go by their nicknames here, and nobody's model is named; whoever shows this to a model
takes the names out.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from config.clock import NEW_YORK
from council.events import (
    CheckpointAbstained,
    CheckpointTaken,
    DecisionReached,
    NoDecision,
    NoTicket,
    PitchAbstained,
    PitchMade,
    ResearchFailed,
    ReviewAbstained,
    ReviewMade,
)
from council.fact import Fact
from council.model.checkpoint import Action
from council.result_facts import EquityMarked, PricesMarked
from council.trade_facts import (
    ApprovalRevoked,
    ApprovalVoided,
    DriftDetected,
    LegClosed,
    OrderRefused,
    TradeApproved,
    TradeExpired,
    TradeIncomplete,
    TradeProposed,
    TradeRejected,
    TradingHalted,
    TradingResumed,
)

KINDS: Final = (
    "decision",
    "pitch",
    "verdict",
    "fill",
    "refusal",
    "halt",
    "drift",
    "worth",
    "prices",
    "change",
    "kill_shot",
    "abstention",
    "proposal",
    "stay",
    "review",
    "gap",
    "stay_by_rule",
)
"""The most telling first: where there is no room for all, the last are left out."""


@dataclass(frozen=True, slots=True)
class Said:
    """What there is to say of one event; `kind` is one of `KINDS`."""

    kind: str
    text: str
    quote: str = ""


def _pitch(fact: PitchMade) -> Said:
    pitch = fact.pitch
    view = f"{pitch.direction} {pitch.instrument} at conviction {pitch.conviction:+}"
    return Said("pitch", f"{view} for {pitch.horizon}", pitch.invalidation)


def _review(fact: ReviewMade) -> Said:
    review = fact.review
    return Said("review", f"scored {review.scores.mean:.1f} of 10", review.best_argument_against)


def _decision(fact: DecisionReached) -> Said:
    decision, trade = fact.decision, fact.decision.selected_trade
    view = f"{trade.direction} {trade.instrument} at conviction {decision.conviction:+}"
    vote = "departs from" if decision.overrides_vote else "follows"
    dissent = ", ".join(dict.fromkeys(one.label for one in decision.dissent_summary)) or "none"
    best = f"{vote} the best-reviewed pitch, {decision.best_reviewed_label}"
    return Said(
        "decision", f"{view} for {trade.horizon}; {best}; dissent: {dissent}", decision.rationale
    )


def _no_decision(fact: NoDecision) -> Said:
    return Said("decision", "no council trade", fact.reason)


def _without_pitch(fact: PitchAbstained) -> Said:
    return Said("abstention", "gave no valid pitch", fact.reason)


def _without_ballot(fact: ReviewAbstained) -> Said:
    return Said("abstention", "gave no valid ballot", fact.reason)


def _without_look(fact: CheckpointAbstained) -> Said:
    return Said("abstention", f"gave no valid answer at the checkpoint {fact.slot}", fact.reason)


def _without_pack(fact: ResearchFailed) -> Said:
    return Said("gap", f"research pack {fact.pack} could not be had", fact.reason)


def _without_ticket(fact: NoTicket) -> Said:
    return Said("gap", "got no trade", fact.reason)


def _proposed(fact: TradeProposed) -> Said:
    ticket = fact.ticket
    orders = " and ".join(f"{leg.side} {leg.quantity} {leg.symbol}" for leg in ticket.legs)
    asked = "a person was asked" if fact.round == 1 else f"a person was asked again ({fact.round})"
    worth = f"{ticket.notional_usd:.2f} USD at {ticket.reference_price:.2f} a share"
    return Said("proposal", f"{asked} to {orders or 'order nothing'}, {worth}")


def _approved(fact: TradeApproved) -> Said:
    return Said("verdict", "a person approved the trade")


def _rejected(fact: TradeRejected) -> Said:
    return Said("verdict", "a person rejected the trade", fact.reason)


def _expired(fact: TradeExpired) -> Said:
    return Said("verdict", "nobody decided in time: the trade expired")


def _voided(fact: ApprovalVoided) -> Said:
    return Said("verdict", "the approval became void before anything was sent", fact.reason)


def _revoked(fact: ApprovalRevoked) -> Said:
    return Said("verdict", "a person took the approval back", fact.reason)


def _incomplete(fact: TradeIncomplete) -> Said:
    return Said("refusal", "the trade ended short of its target", fact.reason)


def _refused(fact: OrderRefused) -> Said:
    return Said("refusal", "the venue refused the order", fact.message)


def _closed(fact: LegClosed) -> Said | None:
    if fact.filled_quantity == 0 or fact.average_price is None:
        return None
    filled = f"{fact.filled_quantity} {fact.symbol} filled at {fact.average_price:.2f}"
    return Said("fill", f"{filled}; the account then held {fact.position_quantity:+d}")


def _halted(fact: TradingHalted) -> Said:
    return Said("halt", "trading was halted", fact.reason)


def _resumed(fact: TradingResumed) -> Said:
    return Said("halt", "trading was resumed")


def _drifted(fact: DriftDetected) -> Said:
    shown = f"the venue showed {fact.shown} {fact.symbol} where {fact.expected} were expected"
    return Said("drift", shown, fact.reason)


def _look(fact: CheckpointTaken) -> Said:
    look = fact.checkpoint
    crossed = sum(reading.crossed for reading in look.indicators)
    text = (
        f"{look.action} at {look.slot}, conviction {look.conviction_before:+} to "
        f"{look.conviction_after:+}, profit {look.profit_usd} USD, "
        f"{crossed} of {len(look.indicators)} indicators crossed"
    )
    if look.decided_by == "rules":
        return Said("stay_by_rule", text, look.reason_delta)
    return Said("stay" if look.action is Action.STAY else "change", text, look.reason_delta)


def _worth(fact: EquityMarked) -> Said:
    held = ", ".join(f"{one.quantity:+d} {one.symbol} at {one.price:.2f}" for one in fact.positions)
    return Said(
        "worth", f"worth {fact.equity_usd:.2f} USD at {_mark(fact)}; held {held or 'nothing'}"
    )


def _prices(fact: PricesMarked) -> Said:
    listed = ", ".join(f"{symbol} {price:.2f}" for symbol, price in fact.prices.items())
    return Said("prices", f"prices at {_mark(fact)}: {listed or 'none'}")


def _mark(fact: EquityMarked | PricesMarked) -> str:
    if fact.slot.isalpha():
        return f"the {fact.slot} of {fact.session_on}"
    return f"{fact.marked_at.astimezone(NEW_YORK):%Y-%m-%d %H:%M}"


SENTENCES: Final[Mapping[type[Fact], Callable[[Any], Said | None]]] = MappingProxyType(
    {
        PitchMade: _pitch,
        PitchAbstained: _without_pitch,
        ReviewMade: _review,
        ReviewAbstained: _without_ballot,
        DecisionReached: _decision,
        NoDecision: _no_decision,
        NoTicket: _without_ticket,
        ResearchFailed: _without_pack,
        CheckpointTaken: _look,
        CheckpointAbstained: _without_look,
        TradeProposed: _proposed,
        TradeApproved: _approved,
        TradeRejected: _rejected,
        TradeExpired: _expired,
        ApprovalVoided: _voided,
        ApprovalRevoked: _revoked,
        TradeIncomplete: _incomplete,
        OrderRefused: _refused,
        LegClosed: _closed,
        TradingHalted: _halted,
        TradingResumed: _resumed,
        DriftDetected: _drifted,
        EquityMarked: _worth,
        PricesMarked: _prices,
    }
)
"""Every kind of fact that has a line."""
