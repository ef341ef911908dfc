"""Where a command writes: tables for a person, or exactly one JSON document for a program."""

import json
import re
import sys
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.status import Status
from rich.text import Text

from config.errors import CouncilError
from council.ports import Progress
from mcp_server.shapes import Shape


class Output:
    """Results go to stdout, progress and questions to stderr.

    With `as_json` stdout carries JSON only, without colour, and progress is silent.
    """

    def __init__(self, *, as_json: bool = False, console: Console | None = None) -> None:
        self.as_json = as_json
        self.console = console or plain_console()
        self.side = plain_console(stderr=True)
        self._status: Status | None = None
        self._stage: str | None = None

    def show(self, shape: Shape, render: Callable[[Console], None]) -> None:
        """Print `shape` as one JSON document, or let `render` draw it."""
        self.end_progress()
        if self.as_json:
            sys.stdout.write(shape.model_dump_json(indent=2) + "\n")
        else:
            render(self.console)
        sys.stdout.flush()

    def line(self, shape: Shape) -> None:
        """Print `shape` as one line of JSON, whatever the mode."""
        sys.stdout.write(shape.model_dump_json() + "\n")

    def say(self, sentence: str, *, style: str = "") -> None:
        """Tell a person something on stderr; programs are not told."""
        if not self.as_json:
            self.side.print(Text(sentence, style=style))

    def tell(self, progress: Progress) -> None:
        """Show a step: on a terminal a spinner and a line for each stage gone by, else lines."""
        if self.as_json:
            return
        line = f"{progress.stage.replace('_', ' ')} {progress.message}"
        if not self.side.is_terminal:
            self.side.print(Text(f"{line} ({progress.done}/{progress.total})"), soft_wrap=True)
            return
        if self._stage not in (None, progress.stage):
            self.side.print(Text.assemble(("+ ", "green"), (self._stage or "", "dim")))
        self._stage = progress.stage
        self._spin(f"{line} ({progress.done}/{progress.total})")

    def _spin(self, line: str) -> None:
        if self._status is None:
            self._status = self.side.status(Text(line))
            self._status.start()
        self._status.update(Text(line))

    def end_progress(self) -> None:
        """Take the spinner away, so that what is printed next stands alone."""
        if self._status is not None:
            self._status.stop()
            self._status = None


def plain_console(*, stderr: bool = False) -> Console:
    """Return a console that takes text as it is: a model's "[red]" is no colour to us."""
    return Console(stderr=stderr, markup=False, highlight=False, emoji=False)


def error_code(error: CouncilError) -> str:
    """Return the stable name of an error's kind, such as "already_decided"."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(error).__name__).lower()


def write_error(message: str, *, code: str, as_json: bool) -> None:
    """Print one sentence to stderr, as a JSON object where a program listens."""
    if as_json:
        body: dict[str, Any] = {"error": {"code": code, "message": message}}
        sys.stderr.write(json.dumps(body) + "\n")
    else:
        plain_console(stderr=True).print(
            Text.assemble(("error: ", "bold red"), message), soft_wrap=True
        )
