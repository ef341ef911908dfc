"""What a report is made of: values that were read and computed elsewhere; nothing is asked here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol
from uuid import UUID

from council.analytics.inputs import Week
from council.model.postmortem import Postmortem, WeekNumbers
from council.week_results import Results


class LessonShown(Protocol):
    """What a report tells of a lesson that is in force."""

    @property
    def lesson_id(self) -> UUID:
        """Return its id."""

    @property
    def text(self) -> str:
        """Return what should be done otherwise."""

    @property
    def since_week(self) -> str:
        """Return the id of the week that it was drawn from."""

    @property
    def age_weeks(self) -> int:
        """Return for how many weeks it has stood."""

    @property
    def support(self) -> int:
        """Return how many weeks' events speak for it."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Under which conditions the numbers came about: who answered, where orders went, what lacked.

    `venue` is in words, such as "simulated"; `degraded` holds one sentence each.
    """

    mode: str
    venue: str
    degraded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PostmortemMaterial:
    """A week's postmortem with all that stands around it.

    Exactly one of `postmortem` and `abstention` (why there is no text) is there.
    """

    standing: Standing
    results: Results
    week_id: str
    numbers: WeekNumbers
    postmortem: Postmortem | None = None
    abstention: str | None = None
    lessons: tuple[LessonShown, ...] = ()
    """Those in force, this week's own included."""
    evidence: Mapping[UUID, str] = field(default_factory=lambda: MappingProxyType({}))
    """What each event is that a claim or a lesson names, in words; one may be missing."""

    @property
    def week(self) -> Week | None:
        """Return the week as it was read, None where the results do not reach it."""
        return next((w for w in self.results.weeks if w.week_id == self.week_id), None)


@dataclass(frozen=True, slots=True)
class LeaderboardMaterial:
    """Who leads over all weeks."""

    standing: Standing
    results: Results
