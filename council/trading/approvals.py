"""A person's verdict on a trade: approving, rejecting, and what happens when nobody decides.

Each verdict is one event at the version of the trade that was looked at, so that of two racing
verdicts exactly one stands and the other is told whose. Approving never sends an order.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from config.errors import RefusedError, UsageError
from council.errors import (
    AlreadyDecided,
    ConfirmationWrong,
    Overtaken,
    TicketChanged,
    TicketExpired,
    UnknownTrade,
)
from council.model.ticket import Ticket
from council.ports import Deps
from council.trade_facts import (
    Channel,
    TradeApproved,
    TradeExpired,
    TradeProposed,
    TradeRejected,
    Trust,
)
from council.trading.journal import record
from council.trading.lifecycle import TradeState, TradeStatus, load_trade
from store.ports import EventStore

RELAYED: Final = frozenset({"elicitation", "tool", "app_card"})
"""Channels through which a model passes on what a person said."""

_TRUSTS: Final[dict[Channel, frozenset[Trust]]] = {
    "cli": frozenset({"human_direct", "local_user"}),
    "web": frozenset({"human_direct", "local_user"}),
    "elicitation": frozenset({"client_relayed"}),
    "tool": frozenset({"client_relayed"}),
    "app_card": frozenset({"client_relayed"}),
    "demo": frozenset({"demo"}),
}
_MIN_PREFIX = 6
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Decider:
    """Who decides, through what, and how far that can be trusted to be a person."""

    name: str
    channel: Channel
    trust: Trust


@dataclass(frozen=True, slots=True)
class Decided:
    """A verdict that stands; `message` is one sentence for the person."""

    trade_id: UUID
    status: TradeStatus
    message: str
    decided_at: datetime


async def find_trade(store: EventStore, text: str) -> UUID:
    """Return the trade whose id is `text`, or begins with it (6 characters or more).

    Raises:
        UnknownTrade: none has, or more than one; the message lists the trades that wait.
    """
    rows = await store.rows("trades")
    ids = [str(row["trade_id"]) for row in rows]
    wanted = text.strip().lower()
    found = [trade_id for trade_id in ids if trade_id == wanted]
    if not found and len(wanted) >= _MIN_PREFIX:
        found = [trade_id for trade_id in ids if trade_id.startswith(wanted)]
    if len(found) == 1:
        return UUID(found[0])
    waiting = [str(row["trade_id"]) for row in rows if row["status"] == TradeStatus.PENDING]
    raise UnknownTrade(_unknown(text, waiting, ambiguous=len(found) > 1))


async def approve(
    trade_id: UUID,
    deps: Deps,
    *,
    decider: Decider,
    digest: str | None = None,
    confirmation: str | None = None,
) -> Decided:
    """Approve the ticket that waits, if it is the one with `digest` (where one is given).

    `confirmation` is the ticket's phrase; the channel "tool" cannot do without it.

    Raises:
        UnknownTrade: nobody proposed it.
        AlreadyDecided: it was approved, rejected or carried out before.
        TicketExpired: its time is over; that was recorded.
        TicketChanged: the digest is not that of the ticket which waits.
        ConfirmationWrong: the phrase is missing or another.
        RefusedError: this channel may not approve.
    """
    check_channel(decider, deps)
    for _ in range(_TRIES):
        state = await _pending(trade_id, deps)
        ticket = state.proposal.ticket
        _check_ticket(ticket, digest)
        _check_phrase(ticket, decider, confirmation)
        fact = TradeApproved(
            **_identity(state),
            digest=ticket.digest,
            approver=decider.name,
            channel=decider.channel,
            trust=decider.trust,
            round=state.proposal.round,
        )
        if await _stored(fact, state, deps):
            deps.failpoint("approve.after_commit")
            return _decided(state, TradeStatus.APPROVED, f"Approved: {_line(ticket)}.", deps)
    raise Overtaken(f"Trade {trade_id} keeps changing; look at it again.")


async def reject(trade_id: UUID, reason: str, deps: Deps, *, decider: Decider) -> Decided:
    """Reject the trade that waits.

    Raises:
        UsageError: the reason is empty.
        UnknownTrade: nobody proposed it.
        AlreadyDecided: it was approved, rejected or carried out before.
        TicketExpired: its time is over; that was recorded.
    """
    if not reason.strip():
        raise UsageError("Say why: a rejection needs a reason.")
    for _ in range(_TRIES):
        state = await _pending(trade_id, deps)
        fact = TradeRejected(
            **_identity(state),
            reason=reason.strip(),
            approver=decider.name,
            channel=decider.channel,
        )
        if await _stored(fact, state, deps):
            line = _line(state.proposal.ticket)
            return _decided(state, TradeStatus.REJECTED, f"Rejected: {line}.", deps)
    raise Overtaken(f"Trade {trade_id} keeps changing; look at it again.")


async def expire_due(deps: Deps) -> tuple[UUID, ...]:
    """Record every waiting trade whose time is over as expired, and return their ids."""
    expired = []
    for row in await deps.store.rows("trades", where={"status": "pending"}):
        state = await load_trade(deps.store, UUID(str(row["trade_id"])))
        if state.status is TradeStatus.PENDING and is_due(state.proposal.ticket, deps):
            await _stored(_expiry(state, deps), state, deps)
            expired.append(state.trade_id)
    return tuple(expired)


def is_due(ticket: Ticket, deps: Deps) -> bool:
    """Whether the ticket's time is over."""
    return deps.clock.now() >= ticket.expires_at


def check_channel(decider: Decider, deps: Deps) -> None:
    """Refuse a channel that the mode in force does not let approve, or a trust that it never has.

    Raises:
        RefusedError: naming where to approve instead.
    """
    if deps.config.risk.approval.mode == "strict" and decider.channel in RELAYED:
        raise RefusedError(
            "Not approved: approval.mode is strict, so approve on the web page or with "
            "`council approve`."
        )
    if decider.trust not in _TRUSTS[decider.channel]:
        raise RefusedError(
            f"Not approved: an approval through {decider.channel} cannot count as {decider.trust}."
        )


async def _pending(trade_id: UUID, deps: Deps) -> TradeState:
    """Read a trade that can be decided now."""
    state = await load_trade(deps.store, trade_id)
    if state.proposed is None:
        rows = await deps.store.rows("trades", where={"status": "pending"})
        raise UnknownTrade(_unknown(str(trade_id), [str(row["trade_id"]) for row in rows]))
    if state.status is TradeStatus.PENDING and is_due(state.proposal.ticket, deps):
        await _stored(_expiry(state, deps), state, deps)
        raise TicketExpired(
            f"Trade {trade_id} expired at {_time(state.proposal.ticket.expires_at)}: "
            "nothing was approved and nothing will be sent."
        )
    if state.status is not TradeStatus.PENDING:
        raise AlreadyDecided(f"Trade {trade_id} {_verdict(state)}.")
    return state


def _check_ticket(ticket: Ticket, digest: str | None) -> None:
    if ticket.computed_digest() != ticket.digest:
        raise TicketChanged(
            f"The stored ticket of trade {ticket.trade_id} does not fit its digest."
        )
    if digest is not None and digest != ticket.digest:
        raise TicketChanged(
            f"The ticket of trade {ticket.trade_id} is no longer the one that was shown: look at it"
            f" again, it is now {ticket.digest[:4]}."
        )


def _check_phrase(ticket: Ticket, decider: Decider, confirmation: str | None) -> None:
    if confirmation is None and decider.channel != "tool":
        return
    if " ".join((confirmation or "").split()) != ticket.confirmation:
        raise ConfirmationWrong(
            f"Not approved: the person must type exactly {ticket.confirmation!r}."
        )


async def _stored(
    fact: TradeApproved | TradeRejected | TradeExpired, state: TradeState, deps: Deps
) -> bool:
    """Store the verdict; False where another one came first."""
    try:
        await record(deps, [fact], {fact.stream: state.version}, parent=state.last_event_id)
    except Overtaken:
        return False
    return True


def _identity(state: TradeState) -> dict[str, object]:
    proposed: TradeProposed = state.proposal
    return {
        "week_id": proposed.week_id,
        "trade_id": proposed.trade_id,
        "account": proposed.account,
    }


def _expiry(state: TradeState, deps: Deps) -> TradeExpired:
    return TradeExpired(**_identity(state), expired_at=deps.clock.now())


def _decided(state: TradeState, status: TradeStatus, message: str, deps: Deps) -> Decided:
    return Decided(state.trade_id, status, message, deps.clock.now())


def _verdict(state: TradeState) -> str:
    """Say who decided what and when, as the rest of a sentence about the trade."""
    ending = state.ending
    if isinstance(ending, TradeRejected):
        return f"was already rejected by {ending.approver} at {_time(state.changed_at)}"
    if isinstance(ending, TradeExpired):
        return f"expired at {_time(ending.expired_at)}"
    if state.approved is None:
        return f"is {state.status}"
    who = f"{state.approved.approver} through {state.approved.channel}"
    said = f"was already approved by {who} at {_time(state.approved_at)}"
    return said if ending is None else f"{said} and is {state.status}"


def _line(ticket: Ticket) -> str:
    size = abs(ticket.target_quantity)
    return f"{ticket.account} {ticket.direction} {size} {ticket.instrument} at {ticket.venue}"


def _time(instant: datetime | None) -> str:
    return "an unknown time" if instant is None else instant.strftime("%Y-%m-%d %H:%M UTC")


def _unknown(text: str, waiting: list[str], *, ambiguous: bool = False) -> str:
    what = f"More than one trade begins with {text!r}" if ambiguous else f"No trade is {text!r}"
    return f"{what}; waiting: {', '.join(waiting) or 'none'}."
