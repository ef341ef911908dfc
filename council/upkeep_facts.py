"""The facts about looking after the record: its chain, its backups, and what was thrown away.

Stream: `upkeep`. A head that was published is kept outside of the database as well, in the journal
and in a message: only there a cut end of the log shows.
"""

from typing import ClassVar

from pydantic import AwareDatetime

from council.fact import Fact

UPKEEP_STREAM = "upkeep"


class ChainHeadPublished(Fact):
    """The chain held up to the event at `position`, whose hash is `head`, in hexadecimal.

    `verified_events` were recomputed for it: all of them, or those since the last publication.
    """

    STREAM: ClassVar[str] = UPKEEP_STREAM
    MEANING: ClassVar[tuple[str, ...]] = ("position",)

    position: int
    head: str
    verified_events: int

    @property
    def is_whole(self) -> bool:
        """Whether the chain was verified from its first event on."""
        return self.verified_events == self.position


class ChainDamageFound(Fact):
    """The event at `position` is not what was written; told once for each place."""

    STREAM: ClassVar[str] = UPKEEP_STREAM
    MEANING: ClassVar[tuple[str, ...]] = ("position", "reason")

    position: int
    reason: str


class AnswersPruned(Fact):
    """Raw answers kept from before the moment `before` were thrown away, as the policy wants."""

    STREAM: ClassVar[str] = UPKEEP_STREAM
    MEANING: ClassVar[tuple[str, ...]] = ("before",)

    before: AwareDatetime
    count: int
    bytes: int


class BackupMade(Fact):
    """The file called `file` holds the log up to `position`, whose event has the hash `head`."""

    STREAM: ClassVar[str] = UPKEEP_STREAM
    MEANING: ClassVar[tuple[str, ...]] = ("file",)

    file: str
    bytes: int
    position: int
    head: str


UPKEEP_FACTS: tuple[type[Fact], ...] = (
    ChainHeadPublished,
    ChainDamageFound,
    AnswersPruned,
    BackupMade,
)
