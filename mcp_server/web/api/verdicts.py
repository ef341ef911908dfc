"""What a person decided, recorded through the API: by the same approvals as every other channel.

The same verdict sent again is answered with the one that stands and writes nothing, so that whoever
lost the answer may simply ask once more.
"""

from uuid import UUID

from config.errors import UsageError
from council.errors import AlreadyDecided
from council.trade_facts import TradeExpired, TradeRejected
from council.trading.approvals import Decider
from council.trading.finding import find_trade
from council.trading.lifecycle import TradeState, load_trade
from council.trading.verdicts import verdict_on
from council.untrusted import clean_text
from mcp_server import operations
from mcp_server.shapes import ResultShape, Shape
from mcp_server.web.api.calls import Call
from mcp_server.web.api.shapes import ApproveBody, RejectBody, VerdictShape


async def approve(call: Call) -> Shape:
    """Approve exactly the ticket with the digest.

    Raises:
        UsageError: nothing tells the asking that was shown from a later one.
        CouncilError: see `council.trading.approvals.approve`.
    """
    asked: ApproveBody = call.body
    trade_id, by = await _trade_id(call), _decider(call)
    if by.channel == "web" and asked.round is None and asked.confirmation is None:
        # Sent once more by itself, it would approve again what was taken back meanwhile.
        raise UsageError("Say in which round it was shown: send `round`, or the ticket's phrase.")
    try:
        result = await operations.approve(
            call.app,
            str(trade_id),
            by,
            digest=asked.digest,
            asked_round=asked.round,
            confirmation=asked.confirmation,
        )
    except AlreadyDecided:
        standing = _standing_approval(await load_trade(call.app.deps.store, trade_id), asked)
        if standing is None:
            raise
        return standing
    return _recorded(result, by, digest=asked.digest)


async def reject(call: Call) -> Shape:
    """Reject the trade that waits.

    Raises:
        CouncilError: see `council.trading.approvals.reject`.
    """
    asked: RejectBody = call.body
    trade_id, by = await _trade_id(call), _decider(call)
    reason = clean_text(asked.reason).strip()
    try:
        result = await operations.reject(
            call.app,
            str(trade_id),
            by,
            reason=reason,
            digest=asked.digest,
            asked_round=asked.round,
        )
    except AlreadyDecided:
        state = await load_trade(call.app.deps.store, trade_id)
        standing = _standing_rejection(state, by, reason=reason)
        if standing is None:
            raise
        return standing
    return _recorded(result, by, digest=None)


async def _trade_id(call: Call) -> UUID:
    return await find_trade(call.app.deps.store, call.path["trade_id"])


def _decider(call: Call) -> Decider:
    if call.by is None:
        raise RuntimeError("A verdict came without anybody who decides.")
    return call.by


def _recorded(result: ResultShape, by: Decider, *, digest: str | None) -> VerdictShape:
    return VerdictShape(
        **result.model_dump(),
        digest=digest,
        approver=by.name,
        channel=by.channel,
        trust=None if digest is None else by.trust,
        is_new=True,
    )


def _standing_approval(state: TradeState, asked: ApproveBody) -> VerdictShape | None:
    """Return the approval of that very ticket, where there is one and nothing has ended it."""
    found = state.approved
    if found is None or found.digest != asked.digest or asked.round not in {None, found.round}:
        return None
    # What expired unsent is approved no more.
    if isinstance(state.ending, TradeExpired | TradeRejected):
        return None
    return VerdictShape(
        trade_id=str(state.trade_id),
        status=state.status,
        message=_said(state),
        digest=found.digest,
        approver=found.approver,
        channel=found.channel,
        trust=found.trust,
        is_new=False,
    )


def _standing_rejection(state: TradeState, by: Decider, *, reason: str) -> VerdictShape | None:
    """Return the rejection if it is this one: by the same decider, for the same reason."""
    found = state.ending
    if not isinstance(found, TradeRejected):
        return None
    if (found.approver, found.channel, found.reason) != (by.name, by.channel, reason):
        return None
    return VerdictShape(
        trade_id=str(state.trade_id),
        status=state.status,
        message=_said(state),
        digest=None,
        approver=found.approver,
        channel=found.channel,
        trust=None,
        is_new=False,
    )


def _said(state: TradeState) -> str:
    return f"Trade {state.trade_id} {verdict_on(state)}."
