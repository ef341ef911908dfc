"""What prompts show of the store, as the tools would tell it, in one text for each prompt."""

from mcp_server import operations, readings
from mcp_server.doctor_checks import configuration, keys
from mcp_server.shapes import AccountShape, CheckShape, TradeShape
from mcp_server.stop_views import stop_sentences
from mcp_server.stopping import read_stops
from mcp_server.tools.lines import account_line, checkpoint_line, trade_line, trade_words
from mcp_server.tools.record_lines import argument_text
from mcp_server.tools.records import background_of
from mcp_server.tools.results import (
    AccountLine,
    Answer,
    CheckpointLine,
    TradeLine,
)
from mcp_server.tools.verdicts import approval_address
from mcp_server.wiring import App

MOST_TICKETS = 12
"""As many as one call of approve_trade takes."""
_LEFT_OUT = {"plan": "", "indicators": ()}
"""Of the arguments, what get_trade tells but nobody needs for a first decision."""
_HELD = ("executed", "open", "updated")


class TicketsMaterial(Answer):
    """The trades that wait, with what speaks for and against each."""

    trades: tuple[TradeLine, ...]
    notices: tuple[str, ...]
    untrusted_text: str
    approval_url: str


class CheckpointsMaterial(Answer):
    """What the accounts hold, and every look that was taken at it this week."""

    week_id: str
    slots: str
    accounts: tuple[AccountLine, ...]
    trades: tuple[TradeLine, ...]
    checkpoints: tuple[CheckpointLine, ...]


class SetupMaterial(Answer):
    """What the settings say, and what the venues answer."""

    database: str
    approval_mode: str
    approval_url: str
    accounts: tuple[AccountLine, ...]
    checks: tuple[CheckShape, ...]


async def tickets_material(app: App) -> TicketsMaterial:
    """Return the trades that wait, at most `MOST_TICKETS`, with their arguments."""
    waiting = await readings.list_trades(app, status="pending")
    shown = waiting[:MOST_TICKETS]
    known = [(_title(trade), await background_of(app, trade)) for trade in shown]
    more = f"; {len(shown)} of them are below" if len(shown) < len(waiting) else ""
    return TicketsMaterial(
        summary=f"{len(waiting)} trades wait for the user{more}.",
        mode=app.standing.mode,
        venue=app.standing.venue,
        degraded=(*stop_sentences(await read_stops(app)), *app.standing.degraded),
        next_step="Show them to the user and wait for an answer.",
        trades=tuple(map(trade_line, shown)),
        notices=tuple(f"{title}: {notice}" for title, own in known for notice in own.notices),
        untrusted_text="\n\n".join(
            f"About {title}\n{argument_text(own.argument.model_copy(update=_LEFT_OUT))}"
            for title, own in known
        ),
        approval_url=approval_address(app),
    )


def _title(trade: TradeShape) -> str:
    return f"{trade.account} {trade_words(trade)}"


async def checkpoints_material(app: App) -> CheckpointsMaterial:
    """Return what is held and how the week's checkpoints saw it; none is taken."""
    status = await operations.status(app)
    week_id = status.week.week_id
    looks = await readings.read_checkpoints(app.deps.store, week_id)
    trades = await readings.list_trades(app, status=_HELD)
    slots = ", ".join(f"{at:%H:%M}" for at in app.deps.config.schedule.checkpoints)
    return CheckpointsMaterial(
        summary=f"{len(trades)} trades are open or on their way; {len(looks)} looks were taken.",
        mode=status.mode,
        venue=status.venue,
        degraded=status.degraded,
        next_step="run_checkpoint takes what is due, if the user wants it.",
        week_id=week_id,
        slots=f"{slots} New York time",
        accounts=tuple(map(account_line, status.accounts)),
        trades=tuple(map(trade_line, trades)),
        checkpoints=tuple(map(checkpoint_line, looks)),
    )


async def setup_material(app: App) -> SetupMaterial:
    """Return what the settings say and which venues answer."""
    status = await operations.status(app)
    config = app.deps.config
    checks = (*configuration(app.settings, config), *keys(app.settings, config))
    away = [account for account in status.accounts if account.problem]
    return SetupMaterial(
        summary=_setup_summary(away, checks),
        mode=status.mode,
        venue=status.venue,
        degraded=status.degraded,
        next_step="Tell the user what to mend; `council doctor` looks at more.",
        database=status.database,
        approval_mode=status.approval_mode,
        approval_url=approval_address(app),
        accounts=tuple(map(account_line, status.accounts)),
        checks=checks,
    )


def _setup_summary(away: list[AccountShape], checks: tuple[CheckShape, ...]) -> str:
    wrong = sum(check.result != "ok" for check in checks)
    venues = f"{len(away)} accounts did not answer" if away else "every account answered"
    return f"The database answers, {venues}, {wrong} settings deserve a look."
