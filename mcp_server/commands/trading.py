"""What a person decides about trades, and the orders that follow."""

from collections.abc import Awaitable, Sequence
from typing import Annotated

import typer
from rich.console import Console

from config.errors import CouncilError, UsageError
from council.trading.approvals import Decider, refuse_if_halted
from mcp_server import operations
from mcp_server.collecting import IN_SERVICE, collecting_after, give_back_large_blocks
from mcp_server.commands.asking import (
    PassphraseFlag,
    ask,
    check_can_prove,
    check_terminal,
    person,
    proven_person,
)
from mcp_server.commands.options import JsonFlag, WeekOption, YesFlag, carry_out
from mcp_server.duties import check_sends_orders
from mcp_server.exposure_shapes import TradesWithExposure, TradeWithExposure
from mcp_server.exposures import waiting_exposure_apart
from mcp_server.output import Output
from mcp_server.readings import list_trades, one_trade
from mcp_server.rendering import words
from mcp_server.rendering.trades import (
    show_execution,
    show_exposure,
    show_results,
    show_ticket,
    show_trades,
)
from mcp_server.shapes import ResultShape, ResultsShape, TradeShape
from mcp_server.stop_views import stop_sentences
from mcp_server.stopping import read_stops
from mcp_server.views import zero_size_notice
from mcp_server.watchdog import Systemd, Turns, watched
from mcp_server.wiring import App, Terms, assembled, opened_store, settled

_UNDECIDED = "Interrupted; `council trades` shows what was decided before."
_ORDERS_GO_ON = (
    "Interrupted; orders under way are followed by the next `council execute --all-accounts`."
)

TradeIds = Annotated[list[str] | None, typer.Argument(metavar="ID...", help="Trade ids.")]
TradeId = Annotated[str, typer.Argument(metavar="ID", help="A trade id, or how it begins.")]
StatusOption = Annotated[
    str | None, typer.Option("--status", metavar="STATUS", help="Only trades of this status.")
]
ReasonOption = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it is kept.")]
AllFlag = Annotated[bool, typer.Option("--all", help="Every pending trade.")]
AllAccountsFlag = Annotated[bool, typer.Option("--all-accounts", help="Every account.")]
AccountsOption = Annotated[
    list[str] | None, typer.Option("--account", metavar="NICKNAME", help="Only this account.")
]


def trades(status: StatusOption = None, week: WeekOption = None, as_json: JsonFlag = False) -> None:
    """List trades with their status."""
    output = Output(as_json=as_json)
    carry_out(_trades(status, week, output), output)


def trade(trade_id: TradeId, as_json: JsonFlag = False) -> None:
    """Show one trade: its ticket, who decided, its orders."""
    output = Output(as_json=as_json)
    carry_out(_trade(trade_id, output), output)


def approve(
    trade_ids: TradeIds = None,
    every: AllFlag = False,
    *,
    yes: YesFlag = False,
    passphrase_stdin: PassphraseFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Show the tickets and, once you agree, approve them; the executor then sends the orders."""
    if bool(trade_ids) is every:
        raise UsageError("Give the ids of the trades to approve, or --all for every pending one.")
    output = Output(as_json=as_json)
    work = _approve(trade_ids or (), output, yes=yes, from_stdin=passphrase_stdin)
    carry_out(work, output, _UNDECIDED)


def reject(trade_id: TradeId, reason: ReasonOption, as_json: JsonFlag = False) -> None:
    """Reject a pending trade and say why."""
    if not reason.strip():
        raise UsageError("A rejection needs a reason: --reason TEXT.")
    output = Output(as_json=as_json)
    carry_out(_reject(trade_id, reason.strip(), output), output, _UNDECIDED)


def revoke(
    trade_ids: Annotated[list[str], typer.Argument(metavar="ID...", help="Trade ids.")],
    reason: ReasonOption,
    passphrase_stdin: PassphraseFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Take approvals back before their orders begin; the trades wait for a decision again."""
    if not reason.strip():
        raise UsageError("A revocation needs a reason: --reason TEXT.")
    output = Output(as_json=as_json)
    work = _revoke(trade_ids, reason.strip(), output, from_stdin=passphrase_stdin)
    carry_out(work, output, _UNDECIDED)


def execute(
    every: AllAccountsFlag = False, accounts: AccountsOption = None, as_json: JsonFlag = False
) -> None:
    """Send the orders of approved trades and follow them until they are filled."""
    if bool(accounts) is every:
        raise UsageError("Give --all-accounts, or --account NICKNAME for one of them.")
    output = Output(as_json=as_json)
    carry_out(_execute(tuple(accounts or ()), output), output, _ORDERS_GO_ON)


def executor() -> None:
    """Keep sending the orders of approved trades until Ctrl-C; any number may run at once."""
    output = Output()
    carry_out(_executor(output), output, _ORDERS_GO_ON)


async def _trades(status: str | None, week: str | None, output: Output) -> None:
    week_id = None if week is None else operations.checked_week(week)
    async with opened_store(settled(output.as_json)) as app:
        stops = stop_sentences(await read_stops(app))
        listed = await list_trades(app, status=status, week_id=week_id)
        shape = TradesWithExposure(
            degraded=(*stops, *app.standing.degraded),
            trades=listed,
            exposure=await waiting_exposure_apart(app, listed),
        )

    def draw(console: Console) -> None:
        mode, venue = app.standing.mode, app.standing.venue
        words.header(
            console, "Trades", mode=mode, venue=venue, degraded=shape.degraded, stops=stops
        )
        show_trades(console, shape.trades)
        show_exposure(console, shape.exposure)

    output.show(shape, draw)


async def _trade(trade_id: str, output: Output) -> None:
    async with opened_store(settled(output.as_json)) as app:
        found = await one_trade(app.deps.store, trade_id)
        notice = zero_size_notice(found, app.deps.config)
        exposure = await waiting_exposure_apart(app, (found,))
    shape = TradeWithExposure(**dict(found), exposure=exposure)

    def draw(console: Console) -> None:
        show_ticket(console, shape, notice)
        show_exposure(console, exposure)

    output.show(shape, draw)


async def _approve(
    trade_ids: Sequence[str], output: Output, *, yes: bool, from_stdin: bool
) -> None:
    async with opened_store(settled(output.as_json)) as app:
        check_can_prove(app, "approve", from_stdin=from_stdin)
        asked = await _tickets(app, trade_ids)
        if len(asked) == 1 and asked[0].status == "pending":
            await refuse_if_halted(asked[0].account, app.deps)
        if asked and not yes:
            for sentence in stop_sentences(await read_stops(app)):
                output.say(f"! {sentence}", style="red")
            await _ask(asked, app, output)
        by = proven_person(app, from_stdin=from_stdin) if asked else person()
        alone = len(asked) == 1
        done = [await _approve_one(app, ticket, by, alone=alone) for ticket in asked]
    _show_done(done, output)


async def _tickets(app: App, trade_ids: Sequence[str]) -> tuple[TradeShape, ...]:
    """Return the trades meant, each once, in the order given; none given means all pending ones."""
    if not trade_ids:
        return await list_trades(app, status="pending")
    found = [await one_trade(app.deps.store, trade_id) for trade_id in trade_ids]
    return tuple({ticket.trade_id: ticket for ticket in found}.values())


async def _ask(asked: tuple[TradeShape, ...], app: App, output: Output) -> None:
    """Show every ticket on stderr and wait for a yes; whatever else comes changes nothing."""
    check_terminal("approve")
    for ticket in asked:
        show_ticket(output.side, ticket, zero_size_notice(ticket, app.deps.config))
    show_exposure(output.side, await waiting_exposure_apart(app, asked))
    many = "this trade" if len(asked) == 1 else f"these {len(asked)} trades"
    ask(f"Approve {many}?", output)


async def _approve_one(
    app: App, ticket: TradeShape, by: Decider, *, alone: bool
) -> tuple[ResultShape, int]:
    """Approve exactly the ticket that was shown; of several, one refusal does not stop the rest."""
    approved = operations.approve(app, ticket.trade_id, by, digest=ticket.digest)
    return await _one(approved, ticket.trade_id, alone=alone)


async def _one(
    deciding: Awaitable[ResultShape], trade_id: str, *, alone: bool
) -> tuple[ResultShape, int]:
    """Await one verdict of several: a refusal is its result and its exit code."""
    try:
        return await deciding, 0
    except CouncilError as error:
        if alone:
            raise
        refused = ResultShape(trade_id=trade_id, status="refused", message=str(error))
        return refused, error.exit_code


async def _revoke(
    trade_ids: Sequence[str], reason: str, output: Output, *, from_stdin: bool
) -> None:
    async with opened_store(settled(output.as_json)) as app:
        check_can_prove(app, "revoke", from_stdin=from_stdin)
        meant = await _tickets(app, trade_ids)
        by = proven_person(app, from_stdin=from_stdin)
        done = [
            await _one(
                operations.revoke(app, ticket.trade_id, by, reason=reason),
                ticket.trade_id,
                alone=len(meant) == 1,
            )
            for ticket in meant
        ]
    _show_done(done, output)


def _show_done(done: Sequence[tuple[ResultShape, int]], output: Output) -> None:
    """Show every result; the command fails with the worst exit code."""
    shape = ResultsShape(results=tuple(result for result, _ in done))
    output.show(shape, lambda console: show_results(console, shape))
    if failed := max((code for _, code in done), default=0):
        raise typer.Exit(failed)


async def _reject(trade_id: str, reason: str, output: Output) -> None:
    async with opened_store(settled(output.as_json)) as app:
        ticket = await one_trade(app.deps.store, trade_id)
        result = await operations.reject(app, ticket.trade_id, person(), reason=reason)
    shape = ResultsShape(results=(result,))
    output.show(shape, lambda console: show_results(console, shape))


async def _execute(accounts: tuple[str, ...], output: Output) -> None:
    async with assembled(settled(output.as_json), Terms(tell=output.tell)) as opened:
        check_sends_orders(opened.role)
        shape = await operations.execute(opened, accounts)
        stops = stop_sentences(await read_stops(opened))
        mode, degraded = opened.standing.mode, (*stops, *opened.standing.degraded)

    def draw(console: Console) -> None:
        title, venue = "Execution", shape.venue
        words.header(console, title, mode=mode, venue=venue, degraded=degraded, stops=stops)
        show_execution(console, shape)

    output.show(shape, draw)


async def _executor(output: Output) -> None:
    give_back_large_blocks()
    settings = settled(output.as_json, level="INFO")
    async with assembled(settings, Terms(tell=output.tell)) as opened:
        check_sends_orders(opened.role)
        standing, stops = opened.standing, stop_sentences(await read_stops(opened))
        words.header(
            output.side,
            "Executor",
            mode=standing.mode,
            venue=standing.venue,
            degraded=(*stops, *standing.degraded),
            stops=stops,
        )
        output.say("Approved trades are sent from now on, and every turn is told; Ctrl-C stops.")
        turns = Turns()
        async with watched(Systemd.of_process(), turns.are_made):
            with collecting_after(IN_SERVICE):
                await operations.execute_for_ever(opened, turns.made)
