"""How a command asks a person before it does something, and who that person is."""

import getpass
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.prompt import Confirm

from config.errors import UsageError
from council.trading.approvals import Decider
from mcp_server.output import Output


def person() -> Decider:
    """Return whoever sits at this terminal."""
    return Decider(getpass.getuser(), "cli", "local_user")


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
