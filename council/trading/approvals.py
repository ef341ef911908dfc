"""A person's verdict on a trade: approving, rejecting, revoking, and what if nobody decides.

Each verdict is stored at the version of the trade that was looked at, so that of two racing
verdicts exactly one stands and the other is told whose. Approving never sends an order, and is
refused while the account is halted: it holds for the version of the account's stream as well.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final
from uuid import UUID

from config.errors import RefusedError, UsageError
from council.errors import (
    AccountHalted,
    AlreadyDecided,
    ConfirmationWrong,
    NotApproved,
    Overtaken,
    TicketChanged,
    TicketExpired,
    UnknownTrade,
)
from council.model.ticket import Ticket
from council.ports import Deps
from council.trade_facts import (
    ApprovalRevoked,
    Channel,
    TradeApproved,
    TradeExpired,
    TradeFact,
    TradeProposed,
    TradeRejected,
    Trust,
)
from council.trading.account_guard import AccountGuard, fold_guard
from council.trading.journal import record
from council.trading.lifecycle import TradeState, TradeStatus, load_trade
from council.trading.notices import tell_approved
from council.trading.relaying import RELAYED, streams_within_caps
from council.trading.scripts import SCRIPTS, refuse_script
from council.trading.verdicts import (
    minute,
    no_such_trade,
    phrase_for,
    revoke_first,
    ticket_line,
    verdict_on,
)

TRUSTS: Final[dict[Channel, frozenset[Trust]]] = {
    "cli": frozenset({"human_direct", "local_user"}),
    "web": frozenset({"human_direct", "local_user"}),
    "api": frozenset({"client_relayed"}),
    "elicitation": frozenset({"client_relayed"}),
    "tool": frozenset({"client_relayed"}),
    "app_card": frozenset({"client_relayed"}),
    "demo": frozenset({"demo"}),
    "simulation": frozenset({"simulation"}),
}
"""As whose word an approval may count, by the channel through which it came."""
STRICT_TRUSTS: Final[frozenset[Trust]] = frozenset({"human_direct", *SCRIPTS})
"""What counts while approval.mode is strict: the person's secret; where no money moves, a script's.
"""
_PHRASED: Final[frozenset[Channel]] = frozenset({"api", "tool"})
"""Channels on which nobody saw a form of ours: the phrase shows that the person read the ticket."""
_TRIES = 50
"""An account whose orders are under way moves several times a second, and an approval with it."""


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


async def approve(
    trade_id: UUID,
    deps: Deps,
    *,
    decider: Decider,
    digest: str | None = None,
    asked_round: int | None = None,
    confirmation: str | None = None,
) -> Decided:
    """Approve the ticket that waits, if it is the one with `digest` (where one is given).

    `asked_round` is that of the proposal which was shown, where that is known.
    `confirmation` is the ticket's phrase; the channels "api" and "tool" cannot do without it.

    Raises:
        UnknownTrade: nobody proposed it.
        AlreadyDecided: it was approved, rejected or carried out before.
        TicketExpired: its time is over; that was recorded.
        TicketChanged: the digest or the round is not that of the ticket which waits.
        ConfirmationWrong: the phrase is missing or another.
        AccountHalted: the account's trading is halted.
        RefusedError: this channel may not approve, or not that much.
    """
    check_channel(decider, deps)
    guard = AccountGuard()
    for _ in range(_TRIES):
        state = await _pending(trade_id, deps)
        ticket = state.proposal.ticket
        refuse_script(decider.trust, ticket, deps)
        _check_ticket(state.proposal, digest, asked_round)
        _check_phrase(state.proposal, decider, confirmation)
        guard = await _unhalted(guard, ticket.account, deps)
        others = await streams_within_caps(ticket, decider.channel, deps)
        fact = TradeApproved(
            **_identity(state),
            digest=ticket.digest,
            approver=decider.name,
            channel=decider.channel,
            trust=decider.trust,
            round=state.proposal.round,
        )
        unmoved = {f"account-{ticket.account}": guard.version, **others}
        if await _stored([fact], state, deps, unmoved=unmoved):
            deps.failpoint("approve.after_commit")
            tell_approved(fact, ticket)
            return _decided(state, TradeStatus.APPROVED, f"Approved: {ticket_line(ticket)}.", deps)
        deps.remembered.ledgers.pop(ticket.account, None)
    raise _overtaken(trade_id)


async def reject(
    trade_id: UUID,
    reason: str,
    deps: Deps,
    *,
    decider: Decider,
    digest: str | None = None,
    asked_round: int | None = None,
) -> Decided:
    """Reject the trade that waits, if its ticket is the one that was shown; see `approve`.

    Raises:
        UsageError: the reason is empty.
        UnknownTrade: nobody proposed it.
        AlreadyDecided: it was approved, rejected or carried out before.
        TicketExpired: its time is over; that was recorded.
        TicketChanged: the digest or the round is not that of the ticket which waits.
    """
    if not reason.strip():
        raise UsageError("Say why: a rejection needs a reason.")
    for _ in range(_TRIES):
        state = await _pending(trade_id, deps)
        _check_shown(state.proposal, digest, asked_round)
        fact = TradeRejected(
            **_identity(state),
            reason=reason.strip(),
            approver=decider.name,
            channel=decider.channel,
        )
        if await _stored([fact], state, deps):
            line = ticket_line(state.proposal.ticket)
            return _decided(state, TradeStatus.REJECTED, f"Rejected: {line}.", deps)
    raise _overtaken(trade_id)


async def revoke(
    trade_id: UUID,
    reason: str,
    deps: Deps,
    *,
    decider: Decider,
    digest: str | None = None,
    asked_round: int | None = None,
) -> Decided:
    """Take an approval back before anything was sent; the same ticket waits again, see `approve`.

    Raises:
        UsageError: the reason is empty.
        UnknownTrade: nobody proposed it.
        NotApproved: nobody approved it.
        AlreadyDecided: it was rejected, or its orders have begun.
        TicketExpired: its time is over; that was recorded.
        TicketChanged: the digest or the round is not that of the ticket which was approved.
    """
    if not reason.strip():
        raise UsageError("Say why: a revocation needs a reason.")
    for _ in range(_TRIES):
        state = await _revocable(trade_id, deps)
        proposal = state.proposal
        _check_shown(proposal, digest, asked_round)
        revoked = ApprovalRevoked(
            **_identity(state),
            digest=proposal.ticket.digest,
            reason=reason.strip(),
            approver=decider.name,
            channel=decider.channel,
            round=proposal.round,
        )
        asked_again = proposal.model_copy(update={"round": proposal.round + 1})
        if await _stored([revoked, asked_again], state, deps):
            message = f"Revoked, it waits for a decision again: {ticket_line(proposal.ticket)}."
            return _decided(state, TradeStatus.PENDING, message, deps)
    raise _overtaken(trade_id)


async def expire_due(deps: Deps) -> tuple[UUID, ...]:
    """Record every waiting trade whose time is over as expired, and return their ids."""
    return await _expired(TradeStatus.PENDING, deps)


async def expire_unsent(account: str, deps: Deps) -> tuple[UUID, ...]:
    """Record the account's approved trades of which nothing was sent in time as expired.

    It asks no venue, which may be away or refuse the account. Return the trades' ids.
    """
    return await _expired(TradeStatus.APPROVED, deps, account_id=account)


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
            "Not approved: approval.mode is strict, so approve on the web page, or with `council "
            "approve` in a terminal."
        )
    if decider.trust not in TRUSTS[decider.channel]:
        raise RefusedError(
            f"Not approved: an approval through {decider.channel} cannot count as {decider.trust}."
        )
    if deps.config.risk.approval.mode == "strict" and decider.trust not in STRICT_TRUSTS:
        raise RefusedError(
            "Not approved: approval.mode is strict, which asks for the person's secret: set one "
            "with `council passphrase`, then approve again."
        )


async def refuse_if_halted(account: str, deps: Deps) -> None:
    """Refuse what would come to nothing while the account's trading is halted.

    Raises:
        AccountHalted: it is; naming why, and how a person ends that.
    """
    await _unhalted(AccountGuard(), account, deps)


async def _expired(status: TradeStatus, deps: Deps, **where: str) -> tuple[UUID, ...]:
    expired = []
    for row in await deps.store.rows("trades", where={"status": status.value, **where}):
        state = await load_trade(deps.store, UUID(str(row["trade_id"])))
        is_late = state.status is status and is_due(state.proposal.ticket, deps)
        if is_late and await _stored([_expiry(state, deps)], state, deps):
            expired.append(state.trade_id)
    return tuple(expired)


async def _pending(trade_id: UUID, deps: Deps) -> TradeState:
    """Read a trade that can be decided now."""
    state = await _in_time(trade_id, TradeStatus.PENDING, deps)
    if state.status is not TradeStatus.PENDING:
        raise AlreadyDecided(f"Trade {trade_id} {verdict_on(state)}.{revoke_first(state)}")
    return state


async def _revocable(trade_id: UUID, deps: Deps) -> TradeState:
    """Read an approved trade of which nothing was sent."""
    state = await _in_time(trade_id, TradeStatus.APPROVED, deps)
    if state.status is TradeStatus.PENDING:
        raise NotApproved(f"Trade {trade_id} is not approved: there is nothing to revoke.")
    if state.status is not TradeStatus.APPROVED:
        raise AlreadyDecided(f"Not revoked: trade {trade_id} {verdict_on(state)}.")
    return state


async def _in_time(trade_id: UUID, wanted: TradeStatus, deps: Deps) -> TradeState:
    """Read a trade; one of the status `wanted` whose time is over expires now."""
    for _ in range(_TRIES):
        state = await load_trade(deps.store, trade_id)
        if state.proposed is None:
            rows = await deps.store.rows("trades", where={"status": "pending"})
            raise UnknownTrade(no_such_trade(str(trade_id), [str(row["trade_id"]) for row in rows]))
        if state.status is not wanted or not is_due(state.proposal.ticket, deps):
            return state
        if await _stored([_expiry(state, deps)], state, deps):
            raise TicketExpired(
                f"Trade {trade_id} expired at {minute(state.proposal.ticket.expires_at)}: "
                "nothing was sent and nothing will be."
            )
    raise _overtaken(trade_id)


async def _unhalted(guard: AccountGuard, account: str, deps: Deps) -> AccountGuard:
    """Return the guard of an account that is not halted, read on from `guard`."""
    if (asked := deps.halt_wanted()) is not None:
        raise AccountHalted(
            f"Not approved: the halt file halts every account ({asked}); a person removes it with "
            "`council resume`."
        )
    stream = f"account-{account}"
    if not guard.version and account in deps.remembered.ledgers:
        _, guard = deps.remembered.ledgers[account]
    guard = fold_guard(guard, await deps.store.read_stream(stream, guard.version))
    if guard.halted is not None:
        raise AccountHalted(
            f"Not approved: trading of {account} was halted by {guard.halted.by} at "
            f"{minute(guard.halted_at)} ({guard.halted.reason}); a person ends that with "
            f"`council resume {account}`."
        )
    return guard


def _check_ticket(proposal: TradeProposed, digest: str | None, asked_round: int | None) -> None:
    ticket = proposal.ticket
    if ticket.computed_digest() != ticket.digest:
        raise TicketChanged(
            f"The stored ticket of trade {ticket.trade_id} does not fit its digest."
        )
    _check_shown(proposal, digest, asked_round)


def _check_shown(proposal: TradeProposed, digest: str | None, asked_round: int | None) -> None:
    ticket = proposal.ticket
    if digest is not None and digest != ticket.digest:
        raise TicketChanged(
            f"The ticket of trade {ticket.trade_id} is no longer the one that was shown: look at it"
            f" again, it is now {ticket.digest[:4]}."
        )
    if asked_round is not None and asked_round != proposal.round:
        raise TicketChanged(
            f"Trade {ticket.trade_id} was asked again since it was shown: look at it again."
        )


def _check_phrase(proposal: TradeProposed, decider: Decider, confirmation: str | None) -> None:
    if confirmation is None and decider.channel not in _PHRASED:
        return
    phrase = phrase_for(proposal.ticket, proposal.round)
    if " ".join((confirmation or "").split()) != phrase:
        raise ConfirmationWrong(f"Not approved: the person must type exactly {phrase!r}.")


async def _stored(
    facts: Sequence[TradeFact],
    state: TradeState,
    deps: Deps,
    *,
    unmoved: Mapping[str, int] = MappingProxyType({}),
) -> bool:
    """Store the verdict; False where another one, or news in a stream of `unmoved`, came first."""
    versions = {**unmoved, f"trade-{state.trade_id}": state.version}
    try:
        await record(deps, facts, versions, parent=state.last_event_id)
    except Overtaken:
        return False
    return True


def _overtaken(trade_id: UUID) -> Overtaken:
    return Overtaken(f"Trade {trade_id} or its account keeps changing; look at it again.")


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
