"""The tool for the state of things."""

from functools import partial
from typing import Annotated

from mcp_types import CallToolResult

from mcp_server import operations
from mcp_server.host import Host
from mcp_server.rendering.words import approved_wait
from mcp_server.shapes import StatusShape
from mcp_server.tools.lines import account_line, counted
from mcp_server.tools.results import StatusAnswer, told
from mcp_server.tools.serving import HostContext, host_of, saying
from mcp_server.wiring import App


@saying("NOT known")
async def get_status(ctx: HostContext) -> Annotated[CallToolResult, StatusAnswer]:
    """Show mode, venues, every account's equity and position, and where week and trades stand."""
    return told(await status_answer(host_of(ctx)))


async def status_answer(host: Host) -> StatusAnswer:
    """Return how everything stands, by venues that were asked at most some seconds ago.

    One asks for all who ask meanwhile; an account whose venue refused then says so to all of them.
    """
    app = await host.app()
    reading = partial(_read_status, app)
    return await host.shared.read("status", app.deps, reading, is_whole=True)


async def _read_status(app: App) -> StatusAnswer:
    status = await operations.status(app)
    return StatusAnswer(
        summary=_status_summary(status),
        mode=status.mode,
        venue=status.venue,
        degraded=status.degraded,
        next_step=_status_next_step(status),
        week_id=status.week.week_id,
        week_state=status.week.state,
        completed=status.week.completed,
        last_entry_at=status.week.last_entry_at,
        pending=status.pending,
        approved=status.approved,
        market_opens_at=status.market_opens_at,
        approval_mode=status.approval_mode,
        halted=status.halted,
        accounts=tuple(map(account_line, status.accounts)),
    )


def _status_summary(status: StatusShape) -> str:
    held = sum(bool(account.positions) for account in status.accounts)
    line = (
        f"{_halted_words(status)}"
        f"Week {status.week.week_id} is {status.week.state.replace('_', ' ')}; "
        f"{counted(status.pending, 'trade is', 'trades are')} pending; "
        f"{held} of {len(status.accounts)} accounts hold a position."
    )
    if status.approved:
        line += f" {approved_wait(status.approved, status.market_opens_at)}."
    return line


def _halted_words(status: StatusShape) -> str:
    names = [account.account for account in status.accounts if account.halted]
    if status.halt_file is not None or len(names) == len(status.accounts):
        return "Trading is HALTED. "
    return f"Trading is HALTED for {', '.join(names)}. " if names else ""


def _status_next_step(status: StatusShape) -> str:
    if status.halted:
        return "Tell the user what is halted and why; only a person ends that: `council resume`."
    if any(account.frozen for account in status.accounts):
        return f"Tell the user what is frozen: `council drifts`. {_usual_next_step(status)}"
    return _usual_next_step(status)


def _usual_next_step(status: StatusShape) -> str:
    if status.pending:
        return "Call list_pending_trades and show them to the user."
    if status.week.state != "finished":
        return "Call run_weekly when the user wants the week's run."
    if status.approved:
        return (
            "Nothing is asked of the user. The approved orders are sent as soon as the market is "
            "open, while this server runs (not if it only reads) or `council executor` does."
        )
    return "Nothing is due. run_checkpoint looks at open trades."
