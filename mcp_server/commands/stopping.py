"""Stopping trading and going on: halt, resume, and the drifts that freeze an instrument."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from config.errors import ConfigError, CredentialsError, UnreachableError
from config.settings import Settings
from council.trading.halts import chosen_accounts
from mcp_server import stopping
from mcp_server.commands.asking import (
    PassphraseFlag,
    ask,
    check_can_prove,
    check_terminal,
    person,
    proven_person,
)
from mcp_server.commands.options import JsonFlag, YesFlag, carry_out
from mcp_server.halt_file import HaltFile
from mcp_server.output import Output
from mcp_server.rendering.stops import show_account_results, show_drifts, show_stopping
from mcp_server.stop_shapes import StoppingShape
from mcp_server.stop_views import stop_sentences
from mcp_server.wiring import App, opened_store, settled

_UNKNOWN = "Interrupted; `council status` shows what is halted."

_AFTERWARDS = (
    "Where no executor runs, `council execute --all-accounts` cancels at once. "
    "`council resume` lets accounts trade again."
)

Accounts = Annotated[
    list[str] | None,
    typer.Argument(metavar="ACCOUNT...", help="Only these accounts; without any, all."),
]
OneAccount = Annotated[str, typer.Argument(metavar="ACCOUNT", help="The account's nickname.")]
Instrument = Annotated[str, typer.Argument(metavar="INSTRUMENT", help="The frozen instrument.")]
HaltReason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it is kept.")]
KeepOrders = Annotated[
    bool, typer.Option("--keep-orders", help="Let orders under way go on; cancel none.")
]


def halt(
    accounts: Accounts = None,
    reason: HaltReason = "",
    keep_orders: KeepOrders = False,
    as_json: JsonFlag = False,
) -> None:
    """Stop trading at once: no order is sent any more, and orders under way are cancelled."""
    output = Output(as_json=as_json)
    carry_out(_halt(accounts, reason, output, keep_orders=keep_orders), output, _UNKNOWN)


def resume(
    accounts: Accounts = None,
    yes: YesFlag = False,
    passphrase_stdin: PassphraseFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Let halted accounts trade again, and remove the halt file if there is one."""
    output = Output(as_json=as_json)
    work = _resume(accounts, output, yes=yes, from_stdin=passphrase_stdin)
    carry_out(work, output, _UNKNOWN)


def drifts(as_json: JsonFlag = False) -> None:
    """List where a venue shows another position than the record: these instruments are frozen."""
    output = Output(as_json=as_json)
    carry_out(_drifts(output), output)


def accept_drift(
    account: OneAccount,
    instrument: Instrument,
    *,
    yes: YesFlag = False,
    passphrase_stdin: PassphraseFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Take the position that the venue shows as the account's own; the instrument trades again."""
    output = Output(as_json=as_json)
    work = _accept_drift(account, instrument, output, yes=yes, from_stdin=passphrase_stdin)
    carry_out(work, output, _UNKNOWN)


async def _halt(
    accounts: list[str] | None, reason: str, output: Output, *, keep_orders: bool
) -> None:
    settings = settled(output.as_json)
    with _pointing_at_the_file(settings):
        async with opened_store(settings) as app:
            shape = await stopping.halt(
                app,
                accounts or None,
                reason=reason,
                by=person().name,
                channel="cli",
                cancel_orders=not keep_orders,
            )
    output.show(shape, lambda console: show_stopping(console, shape))
    output.say(_AFTERWARDS, style="dim")


@contextmanager
def _pointing_at_the_file(settings: Settings) -> Iterator[None]:
    """Tell whoever cannot get into the database of the halt that needs nothing."""
    try:
        yield
    except (ConfigError, CredentialsError, UnreachableError) as error:
        file = HaltFile.in_home(settings.council_home).path
        raise type(error)(
            f"Trading is NOT halted: {str(error).rstrip('.')}. "
            f"`touch {file}` halts every account all the same."
        ) from error


async def _resume(
    accounts: list[str] | None, output: Output, *, yes: bool, from_stdin: bool
) -> None:
    async with opened_store(settled(output.as_json)) as app:
        check_can_prove(app, "resume", from_stdin=from_stdin)
        # Only what was shown is resumed: another account may be halted during the question.
        meant = accounts if yes else await _asked_to_resume(accounts, app, output)
        shape = StoppingShape(results=(), notices=("No account is halted.",))
        if meant != []:
            by = proven_person(app, from_stdin=from_stdin)
            shape = await stopping.resume(app, meant or None, by)
    output.show(shape, lambda console: show_stopping(console, shape))


async def _asked_to_resume(
    accounts: list[str] | None, app: App, output: Output
) -> list[str] | None:
    """Show the halts and ask; the accounts agreed to, all (None) where the halt file is there."""
    check_terminal("resume")
    named = chosen_accounts(app.deps, accounts or None)
    stops = await stopping.read_stops(app)
    halted = [own.account for own in stops.accounts if own.halted and own.account in named]
    if not halted and stops.halt_file is None:
        return []
    for sentence in stop_sentences(stops):
        output.say(f"! {sentence}", style="red")
    who = ", ".join(halted if stops.halt_file is None else named)
    ask(f"Resume trading for {who}?", output)
    return halted if stops.halt_file is None else list(named)


async def _drifts(output: Output) -> None:
    async with opened_store(settled(output.as_json)) as app:
        shape = await stopping.drifts(app)
    output.show(shape, lambda console: show_drifts(console, shape.drifts))


async def _accept_drift(
    account: str, instrument: str, output: Output, *, yes: bool, from_stdin: bool
) -> None:
    if not yes:
        check_terminal("accept it")
    async with opened_store(settled(output.as_json)) as app:
        check_can_prove(app, "accept it", from_stdin=from_stdin)
        drift = await stopping.one_drift(app, account, instrument)
        if not yes:
            show_drifts(output.side, (drift,))
            ask(f"Take {drift.shown:+,} {drift.instrument} as what {drift.account} holds?", output)
        by = proven_person(app, from_stdin=from_stdin)
        result = await stopping.accept_drift(app, drift, by)
    shape = StoppingShape(results=(result,), notices=())
    output.show(shape, lambda console: show_account_results(console, shape.results))
