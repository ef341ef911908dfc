"""Carrying out what a person decided, trade by trade, and telling what became of each.

One trade that is refused stops no other: each verdict is stored by itself, or not at all.
"""

from collections.abc import Awaitable, Sequence
from dataclasses import replace

from config.errors import CouncilError
from council.errors import AlreadyDecided, TicketChanged
from council.trading.approvals import Decider
from mcp_server import operations
from mcp_server.rendering.words import new_york
from mcp_server.tools.ballot import Asked, Ballot, read_asked
from mcp_server.tools.form import Filled
from mcp_server.tools.lines import trade_words
from mcp_server.tools.results import DecidedAnswer, VerdictLine
from mcp_server.views import one_venue
from mcp_server.wiring import App

_STILL_PENDING = "Left for later: nothing was decided"


def approval_address(app: App, trade_id: str | None = None) -> str:
    """Return where a person decides without any assistant, who must sign in there first."""
    pages = f"{app.settings.council_web_url}/approvals"
    return pages if trade_id is None else f"{pages}/{trade_id}"


def in_person(app: App, trade_id: str | None = None) -> str:
    """Return how a person decides without any assistant, to follow a verb such as "decides"."""
    command = "council approve" if trade_id is None else f"council approve {trade_id}"
    address = approval_address(app, trade_id)
    return f"at {address} while `council serve` runs, or with `{command}` in a terminal"


async def by_form(app: App, ballot: Ballot, filled: Filled, by: Decider) -> tuple[VerdictLine, ...]:
    """Carry out what the form says; what could not be asked is told with its obstacle."""
    lines = []
    for own in ballot.asked:
        choice = filled.choices.get(own.trade.trade_id)
        if choice == "approve":
            deciding = approve_shown(app, own, by)
            lines.append(await _or_refusal(app, own, deciding, "NOT approved"))
        elif choice == "reject":
            deciding = reject_shown(app, own, by, reason=filled.reason)
            lines.append(await _or_refusal(app, own, deciding, "NOT rejected"))
        else:
            lines.append(line(own))
    return tuple(lines)


async def approve_shown(
    app: App, asked: Asked, by: Decider, *, confirmation: str | None = None
) -> VerdictLine:
    """Approve the ticket that was shown; one that was approved before is told so, not again.

    Raises:
        CouncilError: it cannot be approved; see `council.trading.approvals.approve`.
    """
    trade = asked.trade
    try:
        result = await operations.approve(
            app,
            trade.trade_id,
            by,
            digest=trade.digest,
            asked_round=asked.question.round,
            confirmation=confirmation,
        )
    except AlreadyDecided:
        now = await read_asked(app, trade.trade_id)
        if not now.is_approved:
            raise
        return line(now)
    return line(replace(asked, status=result.status), "Approved")


async def reject_shown(app: App, asked: Asked, by: Decider, *, reason: str) -> VerdictLine:
    """Reject the ticket that was shown.

    Raises:
        CouncilError: it cannot be rejected; see `council.trading.approvals.reject`.
    """
    now = await read_asked(app, asked.trade.trade_id)
    if now.ticket != asked.ticket:
        raise TicketChanged("The ticket is no longer the one that was shown: look at it again.")
    result = await operations.reject(app, asked.trade.trade_id, by, reason=reason)
    return line(replace(asked, status=result.status, obstacle=""), "Rejected")


def line(asked: Asked, outcome: str = _STILL_PENDING) -> VerdictLine:
    """Say of a trade that nothing was done, and why."""
    return VerdictLine(
        trade_id=asked.trade.trade_id,
        account=asked.trade.account,
        trade=trade_words(asked.trade),
        status=asked.status,
        outcome=_sentence(asked.obstacle or outcome),
    )


def decided_answer(
    app: App, ballot: Sequence[Asked], lines: Sequence[VerdictLine], **instead: str
) -> DecidedAnswer:
    """Tell of every trade; `instead` replaces the usual summary or next_step."""
    statuses = {own.status for own in lines}
    only = ballot[0].trade.trade_id if len(ballot) == 1 else None
    words = {"summary": summed_up(lines), "next_step": _next_step(app, statuses, only)}
    return DecidedAnswer(
        **{**words, **instead},
        mode=app.standing.mode,
        venue=one_venue(own.trade.venue for own in ballot),
        degraded=app.standing.degraded,
        status=statuses.pop() if len(statuses) == 1 else "mixed",
        trades=tuple(lines),
        approval_url=approval_address(app, only),
    )


def summed_up(lines: Sequence[VerdictLine]) -> str:
    """Return the outcome of one trade, or how many have which status."""
    if len(lines) == 1:
        return f"{lines[0].account} {lines[0].trade}: {lines[0].outcome}"
    statuses = [own.status for own in lines]
    counted = [f"{statuses.count(name)} {name}" for name in dict.fromkeys(statuses)]
    none = "" if "approved" in statuses else "NOT approved: "
    return f"{none}{len(lines)} trades: {', '.join(counted)}. Each outcome is in trades."


async def _or_refusal(
    app: App, asked: Asked, deciding: Awaitable[VerdictLine], refused: str
) -> VerdictLine:
    """Await the verdict; a refusal becomes a line too and keeps nobody from the other trades."""
    try:
        return await deciding
    except CouncilError as error:
        why = str(error).removeprefix("Not approved: ")
        now = replace(asked, status=await _status_now(app, asked))
        return line(now, f"{refused}: {why}")


async def _status_now(app: App, asked: Asked) -> str:
    """Return where the trade stands; "unknown" while the store does not say."""
    try:
        return (await read_asked(app, asked.trade.trade_id)).status
    except CouncilError:
        return "unknown"


def _next_step(app: App, statuses: set[str], only: str | None) -> str:
    steps = []
    if "approved" in statuses:
        opens_at = operations.market_opens_at(app)
        when = "now" if opens_at is None else f"after the open at {new_york(opens_at)} New York"
        steps.append(
            f"While this server runs, its executor sends the approved orders {when}; get_status "
            "shows positions."
        )
    if "pending" in statuses:
        steps.append(
            f"What is pending waits for the user, here or {in_person(app, only)}: tell the user, "
            "and do not ask again unless told to."
        )
    return " ".join(steps) or "list_pending_trades shows what else waits."


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."
