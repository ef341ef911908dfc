"""Which facts are news for the owner, and in which words: pure."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

from council.alerts.alert import Alert, AlertKind, said
from council.events import CheckpointTaken
from council.fact import Fact
from council.measure_facts import ManagerFellSilent
from council.model.checkpoint import Action
from council.model.ticket import Ticket
from council.result_facts import PostmortemAbstained, PostmortemWritten
from council.slot_facts import SlotDone, SlotFact, SlotFailed, SlotSkipped
from council.trade_facts import (
    ApprovalVoided,
    DriftDetected,
    OrderRefused,
    TradeApproved,
    TradeExpired,
    TradeIncomplete,
    TradeProposed,
    TradingHalted,
    TradingResumed,
)
from council.upkeep_facts import ChainDamageFound, ChainHeadPublished
from store.events import StoredEvent

_SHOWN_OF_ID = 8
"""So much of an id is enough for `council approve`."""

Names = Callable[[UUID, str], str]
"""Says in words which trade has the id, where it is one of the account."""


def news_of(
    event: StoredEvent, fact: Fact, named: Names, *, relayed: frozenset[str]
) -> Alert | None:
    """Return what `fact` gives to tell, or None; `relayed` are the channels of assistants."""
    match fact:
        case TradeProposed():
            return _waiting(event, fact)
        case TradeApproved() if fact.channel in relayed:
            name = named(fact.trade_id, fact.account)
            line = f"approved through an assistant ({fact.channel}), by {said(fact.approver)}"
            return _alert(event, AlertKind.RELAYED, name, line, key=str(fact.trade_id))
        case CheckpointTaken() if fact.checkpoint.action is not Action.STAY:
            return _checkpoint(event, fact)
        case SlotFact():
            return _slot(event, fact)
    line_of = _LINES.get(type(fact))
    if line_of is None:
        return None
    kind, words = line_of
    return _alert(event, kind, _about(fact, named), words(fact), key=_key(fact))


def trade_expired(event: StoredEvent, fact: TradeExpired, name: str) -> Alert:
    """Return what to tell of an approved trade of which nothing was sent in time."""
    line = "approved, but nothing could be sent in time: it expired"
    return _alert(event, AlertKind.FAILED, name, line, key=str(fact.trade_id))


def ticket_words(ticket: Ticket) -> str:
    """Return a ticket in a few words, with as much of its id as a command needs."""
    size = abs(ticket.target_quantity)
    return (
        f"{ticket.account} {ticket.direction} {size} {ticket.instrument} at {ticket.venue} "
        f"({str(ticket.trade_id)[:_SHOWN_OF_ID]})"
    )


def _alert(event: StoredEvent, kind: AlertKind, about: str, line: str, *, key: str) -> Alert:
    return Alert(event.event_id, kind, event.timestamp, about, line, key=key)


def _waiting(event: StoredEvent, fact: TradeProposed) -> Alert:
    ticket = fact.ticket
    line = f"{ticket.notional_usd:,.0f} USD"
    alert = _alert(event, AlertKind.WAITING, ticket_words(ticket), line, key=str(fact.trade_id))
    return replace(alert, source=fact.source_id, until_at=ticket.expires_at)


def _checkpoint(event: StoredEvent, fact: CheckpointTaken) -> Alert:
    look = fact.checkpoint
    line = (
        f"{look.action} at the checkpoint of {look.slot}, by its {look.decided_by}; "
        f"conviction {look.conviction_before:+} to {look.conviction_after:+}"
    )
    alert = _alert(event, AlertKind.CHECKPOINT, fact.account, line, key=fact.account)
    return replace(alert, source=look.checkpoint_id)


def _slot(event: StoredEvent, fact: SlotFact) -> Alert | None:
    """Tell of work that was skipped, of parts of it that failed, and of its first failure."""
    match fact:
        case SlotSkipped():
            line = f"was skipped: {said(fact.reason)}"
        case SlotFailed(number=1):
            line = f"failed, and is tried again while it is of use: {said(fact.reason)}"
        case SlotDone() if fact.problems:
            line = f"was done but for a part: {said(' '.join(fact.problems))}"
        case _:
            return None
    return _alert(event, AlertKind.MISSED, f"{fact.job} {fact.slot}", line, key=str(event.event_id))


def _about(fact: Fact, named: Names) -> str:
    if isinstance(fact, PostmortemWritten | PostmortemAbstained):
        return ""  # it is the week's, and the chairman only wrote it
    account = fact.about_account or ""
    trade_id = getattr(fact, "trade_id", None)
    return named(trade_id, account) if trade_id is not None else account


def _key(fact: Fact) -> str:
    if isinstance(fact, DriftDetected):
        return f"{fact.account} {fact.symbol}"
    if isinstance(fact, PostmortemWritten | PostmortemAbstained):
        return fact.week_id
    return str(getattr(fact, "trade_id", "") or fact.about_account or fact.week_id)


def _refused(fact: OrderRefused) -> str:
    return f"the venue refused the order, {said(fact.message)} ({fact.code})"


def _incomplete(fact: TradeIncomplete) -> str:
    return f"ended short of its target: {said(fact.reason)}"


def _voided(fact: ApprovalVoided) -> str:
    return f"the approval no longer holds, and nothing was sent: {said(fact.reason)}"


def _drifted(fact: DriftDetected) -> str:
    return (
        f"the venue shows {fact.shown:+} {fact.symbol}, the record says {fact.expected:+}; "
        f"it may not trade {fact.symbol} until a person accepts that"
    )


def _halted(fact: TradingHalted) -> str:
    return f"halted by {said(fact.by)}: {said(fact.reason)}"


def _resumed(fact: TradingResumed) -> str:
    return f"trades again, resumed by {said(fact.by)}"


def _silent(fact: ManagerFellSilent) -> str:
    silence = fact.silence
    return f"no pitch for {silence.weeks} weeks, since {silence.since}; models.yaml names its model"


def _written(fact: PostmortemWritten) -> str:
    return f"the postmortem of the week {fact.week_id} is ready"


def _numbers(fact: PostmortemAbstained) -> str:
    return f"the numbers of the week {fact.week_id} are ready; no model wrote a text on them"


def _damaged(fact: ChainDamageFound) -> str:
    return f"the event at position {fact.position} does not fit: {said(fact.reason)}"


def _head(fact: ChainHeadPublished) -> str:
    return f"{fact.position}:{fact.head}"


_LINES: dict[type[Fact], tuple[AlertKind, Callable[[Any], str]]] = {
    OrderRefused: (AlertKind.FAILED, _refused),
    TradeIncomplete: (AlertKind.FAILED, _incomplete),
    ApprovalVoided: (AlertKind.FAILED, _voided),
    DriftDetected: (AlertKind.DRIFTED, _drifted),
    TradingHalted: (AlertKind.HALTED, _halted),
    TradingResumed: (AlertKind.RESUMED, _resumed),
    ManagerFellSilent: (AlertKind.SILENT, _silent),
    ChainDamageFound: (AlertKind.DAMAGED, _damaged),
    ChainHeadPublished: (AlertKind.HEAD, _head),
    PostmortemWritten: (AlertKind.POSTMORTEM, _written),
    PostmortemAbstained: (AlertKind.POSTMORTEM, _numbers),
}
