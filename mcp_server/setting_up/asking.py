"""How setup asks a person: what is typed at a hidden question is never shown nor kept elsewhere."""

from getpass import getpass
from typing import Protocol

from rich.console import Console
from rich.prompt import Confirm, Prompt
from rich.text import Text


class Asking(Protocol):
    """Puts questions; Ctrl-C at any of them ends setup with nothing written."""

    def tell(self, sentence: str) -> None:
        """Tell the person something."""

    def yes(self, question: str, *, default: bool) -> bool:
        """Ask for a yes or no."""

    def text(self, question: str, *, default: str) -> str:
        """Ask for a text that may be seen."""

    def hidden(self, question: str) -> str:
        """Ask for a text that is not shown; as it was typed, empty for none."""


class TerminalAsking:
    """Asks on the terminal, beside stdout."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def tell(self, sentence: str) -> None:
        """Print a sentence."""
        self._console.print(Text(sentence))

    def yes(self, question: str, *, default: bool) -> bool:
        """Ask until it is y or n."""
        # As Text, because what stands in brackets is not meant as a style.
        return Confirm.ask(Text(question), console=self._console, default=default)

    def text(self, question: str, *, default: str) -> str:
        """Ask for one line."""
        return Prompt.ask(Text(question), console=self._console, default=default).strip()

    def hidden(self, question: str) -> str:
        """Ask for one line without an echo."""
        # It ends the echo before it asks: what is typed or pasted at once is not shown either.
        return getpass(f"{question}: ")
