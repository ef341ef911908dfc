"""Tools for the user's decisions. Approving needs the phrase that the user typed."""

from typing import Annotated

from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import CallToolResult
from pydantic import Field

from council.trading.approvals import Decider, refuse_if_halted
from mcp_server import operations
from mcp_server.readings import list_trades, one_trade
from mcp_server.rendering.words import new_york
from mcp_server.shapes import TradeShape
from mcp_server.stop_views import stop_sentences
from mcp_server.stopping import read_stops
from mcp_server.tools.lines import trade_line, trade_words
from mcp_server.tools.results import DecidedAnswer, TradesAnswer, told
from mcp_server.tools.serving import HostContext, TradeId, WeekId, host_of, saying
from mcp_server.views import zero_size_notice
from mcp_server.wiring import App

APPROVER = "mcp client"
"""Who decided, where a model passed on what a person said."""

Phrase = Annotated[
    str | None,
    Field(
        description="The confirmation phrase exactly as the user typed it; omit to see the ticket."
    ),
]
Reason = Annotated[str, Field(min_length=1, max_length=500, description="The user's reason.")]


@saying("NOT listed")
async def list_pending_trades(
    ctx: HostContext, week_id: WeekId = None
) -> Annotated[CallToolResult, TradesAnswer]:
    """List the trades that wait for the user's decision, of every week or of one.

    Show them to the user as they are. Listing approves nothing.
    """
    app = await host_of(ctx).app()
    week = operations.checked_week(week_id) if week_id else None
    trades = await list_trades(app, status="pending", week_id=week)
    standing, stops = app.standing, stop_sentences(await read_stops(app))
    answer = TradesAnswer(
        summary=f"{len(trades)} trades are pending.",
        mode=standing.mode,
        venue=standing.venue,
        degraded=(*stops, *standing.degraded),
        next_step="Ask the user about one trade at a time. approve_trade acts on the one whose "
        "confirmation phrase the user typed, reject_trade on the one that the user names."
        if trades
        else "Nothing waits. get_status shows positions; run_weekly starts the week's run.",
        trades=tuple(map(trade_line, trades)),
    )
    return told(answer)


@saying("NOT approved, the trade stays as it was")
async def approve_trade(
    ctx: HostContext, trade_id: TradeId, confirmation: Phrase = None
) -> Annotated[CallToolResult, DecidedAnswer]:
    """Approve the one trade that the user named, with the phrase that the user typed.

    Only a person approves. Without a phrase, or with a wrong one, the trade stays pending and the
    ticket comes back for the user to read. Never compose the phrase on the user's behalf. One trade
    a call. Approving lets the background executor send the paper order.
    """
    app = await host_of(ctx).app()
    ticket = await one_trade(app.deps.store, trade_id)
    if ticket.status == "pending":
        await refuse_if_halted(ticket.account, app.deps)
    if ticket.status == "pending" and _plain(confirmation) != _plain(ticket.confirmation):
        notice = zero_size_notice(ticket, app.deps.config)
        raise ToolError(_ask_for_phrase(ticket, notice, given=confirmation))
    result = await operations.approve(
        app,
        ticket.trade_id,
        Decider(APPROVER, "tool", "client_relayed"),
        digest=ticket.digest,
        confirmation=ticket.confirmation,
    )
    return told(_decided(app, ticket, result.status, f"Approved: {trade_words(ticket)}."))


@saying("NOT rejected, the trade stays as it was")
async def reject_trade(
    ctx: HostContext, trade_id: TradeId, reason: Reason
) -> Annotated[CallToolResult, DecidedAnswer]:
    """Reject the one trade that the user named, with the user's reason; it can not be undone.

    Use it only when the user said no to this trade. Silence or a cancelled dialog is no rejection.
    """
    app = await host_of(ctx).app()
    ticket = await one_trade(app.deps.store, trade_id)
    by = Decider(APPROVER, "tool", "client_relayed")
    result = await operations.reject(app, ticket.trade_id, by, reason=reason)
    return told(_decided(app, ticket, result.status, f"Rejected: {trade_words(ticket)}."))


def _decided(app: App, ticket: TradeShape, status: str, summary: str) -> DecidedAnswer:
    standing = app.standing
    opens_at = operations.market_opens_at(app)
    when = "now" if opens_at is None else f"after the open at {new_york(opens_at)} New York"
    following = {
        "approved": f"While this server runs, its executor sends the order {when}. get_status "
        "shows the position.",
        "rejected": "list_pending_trades shows what else waits.",
    }
    return DecidedAnswer(
        summary=f"{summary} Account {ticket.account} at {ticket.venue}.",
        mode=standing.mode,
        venue=ticket.venue,
        degraded=standing.degraded,
        next_step=following.get(status, "get_status shows how things stand."),
        trade_id=ticket.trade_id,
        status=status,
    )


def _plain(phrase: str | None) -> str:
    return " ".join((phrase or "").split())


def _ask_for_phrase(ticket: TradeShape, notice: str | None, *, given: str | None) -> str:
    cause = "the phrase is wrong" if given else "no phrase was given"
    legs = "; ".join(f"{leg.side} {leg.quantity} {leg.symbol}" for leg in ticket.legs)
    empty = "" if notice is None else f"Notice: {notice}\n"
    return (
        f"NOT approved: {cause}. The trade stays pending and nothing was sent.\n"
        f"Ticket {ticket.trade_id}: {ticket.account} goes {trade_words(ticket)} at {ticket.venue}, "
        f"conviction {ticket.conviction:+g}, about {ticket.notional_usd:,.2f} USD "
        f"({ticket.equity_share:.0%} of equity), price between {ticket.lowest_price:.2f} and "
        f"{ticket.highest_price:.2f}, orders: {legs or 'none'}, expires "
        f"{ticket.expires_at.isoformat()}.\n"
        f"{empty}Show this ticket to the user and ask the user to type: {ticket.confirmation}\n"
        "Do not type it for the user, and do not call again before the user has typed it."
    )
