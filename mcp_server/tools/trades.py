"""Tools on trades that wait: the list with its cards, what a card decides, and the user's no.

A card gets what it may decide with beside the listing, where a model does not see it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Literal

from mcp.server.apps import client_supports_apps
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp_types import CallToolResult
from pydantic import Field

from config.errors import RefusedError
from council.trading.approvals import Decider
from mcp_server import operations
from mcp_server.apps.cards import read_cards
from mcp_server.exposures import exposure_line, waiting_exposure
from mcp_server.host import Host
from mcp_server.nonces import Shown, check_nonce, issue_nonce
from mcp_server.readings import list_trades
from mcp_server.scopes import held_by
from mcp_server.sealing import state_keys
from mcp_server.shapes import TradeShape
from mcp_server.stop_views import stop_sentences
from mcp_server.stopping import read_stops
from mcp_server.tools.ballot import Asked, is_modern, read_asked
from mcp_server.tools.form import NO_REASON
from mcp_server.tools.lines import counted, trade_line
from mcp_server.tools.paging import PAGE_LIMIT, Cursor, Limit, page
from mcp_server.tools.results import DecidedAnswer, PendingTradesAnswer, told
from mcp_server.tools.serving import HostContext, TradeId, WeekId, approver_of, host_of, saying
from mcp_server.tools.verdicts import (
    approval_address,
    approve_shown,
    decided_answer,
    in_person,
    reject_shown,
)
from mcp_server.wiring import App

CARDS = "council/cards"
NONCES = "council/nonces"
"""Under which a card finds what to show and what to decide with, beside the result."""

Reason = Annotated[str, Field(min_length=1, max_length=500, description="The user's reason.")]
CardReason = Annotated[str, Field(max_length=500)]


@saying("NOT listed")
async def list_pending_trades(
    ctx: HostContext, week_id: WeekId = None, *, limit: Limit = PAGE_LIMIT, cursor: Cursor = None
) -> Annotated[CallToolResult, PendingTradesAnswer]:
    """List the trades that wait for the user's decision, of every week or of one.

    Show them to the user as they are. Listing approves nothing.
    """
    host = host_of(ctx)
    app = await host.app()
    week = operations.checked_week(week_id) if week_id else None
    # A client that would have said that it shows cards, and has not, gets nothing for them.
    has_cards = not is_modern(ctx) or client_supports_apps(ctx)
    listed = await host.shared.read(
        ("pending", week, limit, cursor),
        app.deps,
        partial(_listed, host, app, week, limit=limit, cursor=cursor),
        is_whole=not has_cards,
    )
    if not has_cards:
        return listed.result
    return told(listed.answer, await _for_cards(ctx, app, listed.shown))


@saying("NOT rejected, the trade stays as it was")
async def reject_trade(
    ctx: HostContext, trade_id: TradeId, reason: Reason
) -> Annotated[CallToolResult, DecidedAnswer]:
    """Reject the one trade that the user named, with the user's reason; it can not be undone.

    Use it only when the user said no to this trade. Silence or a cancelled dialog is no rejection.
    """
    app = await host_of(ctx).app()
    asked = await read_asked(app, trade_id)
    by = Decider(approver_of(ctx), "tool", "client_relayed")
    outcome = await reject_shown(app, asked, by, reason=reason)
    return told(decided_answer(app, (asked,), (outcome,)))


@saying("NOT decided, the trade stays as it was")
async def decide_trade(
    ctx: HostContext,
    trade_id: TradeId,
    nonce: Annotated[str, Field(max_length=1_000)],
    *,
    decision: Literal["approve", "reject"],
    reason: CardReason = "",
) -> Annotated[CallToolResult, DecidedAnswer]:
    """Used by the approval card alone; a model has no nonce for it."""
    app = await host_of(ctx).app()
    if app.deps.config.risk.approval.mode == "strict":
        raise RefusedError(
            f"approval.mode is strict, so no card decides: the user does, {in_person(app)}."
        )
    asked = await read_asked(app, trade_id)
    check_nonce(nonce, _shown(asked), state_keys(app.settings), now=app.deps.clock.now())
    by = Decider(approver_of(ctx), "app_card", "client_relayed")
    if decision == "approve":
        outcome = await approve_shown(app, asked, by)
    else:
        outcome = await reject_shown(app, asked, by, reason=reason.strip() or NO_REASON)
    return told(decided_answer(app, (asked,), (outcome,)))


_NOTHING_WAITS = "Nothing waits. get_status shows positions; run_weekly starts the week's run."


@dataclass(frozen=True, slots=True)
class _Listed:
    """One page of trades and its answer, which is the same for everybody who shows no cards."""

    shown: tuple[TradeShape, ...]
    answer: PendingTradesAnswer
    result: CallToolResult


async def _listed(
    host: Host, app: App, week: str | None, *, limit: int, cursor: str | None
) -> _Listed:
    trades = await list_trades(app, status="pending", week_id=week)
    shown, following = page(trades, cursor, limit, of=f"pending {week}")
    standing, stops = app.standing, stop_sentences(await read_stops(app))
    answer = PendingTradesAnswer(
        summary=f"{counted(len(trades), 'trade is', 'trades are')} pending.",
        mode=standing.mode,
        venue=standing.venue,
        degraded=(*stops, *standing.degraded),
        next_step=_after_listing(host, app, following) if shown else _NOTHING_WAITS,
        trades=tuple(map(trade_line, shown)),
        next_cursor=following,
        approval_url=approval_address(app),
        exposure=exposure_line(await waiting_exposure(app, trades)),
    )
    return _Listed(shown, answer, told(answer))


def _after_listing(host: Host, app: App, following: str | None) -> str:
    more = " More are listed with next_cursor." if following else ""
    if host.reads_only:
        return f"Show them. This server only reads: the user decides {in_person(app)}.{more}"
    if app.deps.config.risk.approval.mode == "strict":
        return f"Show them. In strict mode only the user approves, {in_person(app)}.{more}"
    return (
        "Show them and ask the user which to decide on: approve_trade asks the user about those "
        f"named, reject_trade takes the user's no to one.{more}"
    )


async def _for_cards(ctx: HostContext, app: App, trades: Sequence[TradeShape]) -> dict[str, Any]:
    """Return what cards show and decide with; a nonce is made anew for each who asks."""
    cards = await read_cards(app, trades)
    nonces: dict[str, str] = {}
    if _may_decide(host_of(ctx), app):
        nonces = {trade.trade_id: await _nonce_for(app, trade) for trade in trades}
    return {CARDS: [card.model_dump(mode="json") for card in cards], NONCES: nonces}


def _may_decide(host: Host, app: App) -> bool:
    """Whether a card may decide: not in strict mode, and not where token or server only read."""
    token = get_access_token()
    allowed = token is None or held_by(token.scopes) == "approve"
    return allowed and not host.reads_only and app.deps.config.risk.approval.mode != "strict"


async def _nonce_for(app: App, trade: TradeShape) -> str:
    """Return a nonce for the ticket as it is listed, which may have changed since."""
    asked = await read_asked(app, trade.trade_id)
    shown = Shown(trade.trade_id, trade.digest, asked.question.round)
    return issue_nonce(shown, state_keys(app.settings), now=app.deps.clock.now())


def _shown(asked: Asked) -> Shown:
    return Shown(asked.trade.trade_id, *asked.ticket)
