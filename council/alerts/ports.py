"""What telling needs from outside: somebody who brings messages to addresses."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Outcome(StrEnum):
    """What a sender knows of an attempt."""

    SENT = "sent"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Attempt:
    """How an attempt ended; `reason` is one clause without anything secret."""

    outcome: Outcome
    reason: str = ""


class Carrier(Protocol):
    """Brings messages to addresses; the names of these say where, and open nothing."""

    @property
    def addresses(self) -> tuple[str, ...]:
        """Return the names of all addresses."""
        ...

    async def send(self, address: str, title: str, text: str) -> Attempt:
        """Send one message to one address, within a bounded time; no failure is raised."""
        ...
