"""How a command asks a person before it does something, and who that person is.

Once a passphrase is set, whoever knows it counts as the person; before, whoever sits here does.
"""

import getpass
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.prompt import Confirm

from config.errors import RefusedError, UsageError
from council.trading.approvals import Decider
from mcp_server import passphrase
from mcp_server.output import Output
from mcp_server.wiring import App

PassphraseFlag = Annotated[
    bool,
    typer.Option(
        "--passphrase-stdin", help="Read the passphrase from standard input; for scripts."
    ),
]


def person() -> Decider:
    """Return whoever sits at this terminal."""
    return Decider(getpass.getuser(), "cli", "local_user")


def check_can_prove(app: App, deed: str, *, from_stdin: bool) -> None:
    """Refuse early what `proven_person` would have to refuse; `deed` says what for.

    Raises:
        RefusedError: the mode is strict and no passphrase is set.
        UsageError: one is set, and nobody can be asked for it.
    """
    if not passphrase.is_set(app.settings.council_home):
        if app.deps.config.risk.approval.mode == "strict":
            raise RefusedError(
                "Nothing was changed: approval.mode is strict, which asks for your passphrase, and "
                f"none is set: set one with `council setup` or `council passphrase`, then {deed}."
            )
    elif not from_stdin:
        check_can_hide(deed)


def check_can_hide(deed: str) -> None:
    """Refuse where nobody can type a passphrase; `deed` says what for.

    Raises:
        UsageError: standard input is no terminal.
    """
    if not sys.stdin.isatty():
        raise UsageError(
            f"Without a terminal nobody can type the passphrase: add --passphrase-stdin to {deed}."
        )


def proven_person(app: App, *, from_stdin: bool) -> Decider:
    """Return whoever sits at this terminal, proven to be the person where a passphrase is set.

    Raises:
        RefusedError: the passphrase is wrong, or locked after too many wrong tries.
    """
    home, someone = app.settings.council_home, person()
    if not passphrase.is_set(home):
        return someone
    passphrase.verify(home, passphrase_from("Passphrase", from_stdin), clock=app.deps.clock)
    return Decider(someone.name, "cli", "human_direct")


def passphrase_from(prompt: str, from_stdin: bool) -> str:
    """Return the next line of standard input, or what a person types unseen."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    with _stoppable():
        return getpass.getpass(f"{prompt}: ", sys.stderr)


def check_terminal(deed: str) -> None:
    """Refuse where nobody can be asked; `deed` says what for.

    Raises:
        UsageError: standard input is no terminal.
    """
    if not sys.stdin.isatty():
        raise UsageError(f"Without a terminal nobody can be asked: add --yes to {deed}.")


def ask(question: str, output: Output) -> None:
    """Ask on stderr and wait for a yes; whatever else comes changes nothing.

    Raises:
        typer.Abort: the answer was no.
    """
    with _stoppable():
        agreed = Confirm.ask(question, console=output.side, default=False)
    if not agreed:
        raise typer.Abort


@contextmanager
def _stoppable() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end a question: the event loop only notes them while it is blocked."""
    before = {
        signal.SIGINT: signal.signal(signal.SIGINT, signal.default_int_handler),
        signal.SIGTERM: signal.signal(signal.SIGTERM, signal.SIG_DFL),
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
