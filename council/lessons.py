"""What the council learned: the lessons of postmortems, folded from what was stored of them.

A lesson is in force for eight weeks after it was written or last confirmed. What is written again
in other spelling is the same lesson. Managers see the best supported ones, as the beginning of
their week stored them.
"""

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from config.schema import Config
from council.anonymise import telling_names, without_names
from council.model.postmortem import Confirmation, Lesson, OfferedLesson, Postmortem
from council.untrusted import without_links
from store.events import Page
from store.ports import EventStore

WEEKS_IN_FORCE: Final = 8
"""For so many weeks after it was written or last confirmed a lesson is offered."""
WEEKS_REMEMBERED: Final = 52
"""So many postmortems are read: age and support of a lesson count from the oldest of them."""
MOST_OFFERED: Final = 8
LESSON_CHARACTERS: Final = 280
_DAYS: Final = 7
_BEFORE, _AFTER = "\"'([{", ".,;:!?\"')]}"


@dataclass(frozen=True, slots=True)
class LessonInForce:
    """A lesson as it stands in one week.

    `support` counts the weeks that wrote or confirmed it, `age_weeks` those since the first.
    `evidence` are the ids of the events of all of them, oldest week first.
    """

    lesson_id: UUID
    text: str
    since_week: str
    age_weeks: int
    support: int
    evidence: tuple[UUID, ...]


@dataclass(slots=True)
class _Learned:
    """One lesson while postmortems are folded into it; `ids` are all under which it was written."""

    first: Lesson
    ids: set[UUID]
    weeks: list[str]
    evidence: dict[UUID, None]

    def is_in_force(self, week_id: str) -> bool:
        return 0 <= _weeks_between(self.weeks[-1], week_id) <= WEEKS_IN_FORCE

    def add(self, week_id: str, evidence: Sequence[UUID]) -> None:
        if self.weeks[-1] != week_id:
            self.weeks.append(week_id)
        self.evidence |= dict.fromkeys(evidence)


def lessons_in_force(postmortems: Iterable[Postmortem], week_id: str) -> tuple[LessonInForce, ...]:
    """Return what was learned before `week_id` and still holds in it, the best supported first.

    Of equals the newer comes first. Postmortems may come in any order; those of `week_id` and
    later weeks do not count, nor does a confirmation of what was no longer in force.
    """
    known: list[_Learned] = []
    earlier = [postmortem for postmortem in postmortems if postmortem.week_id < week_id]
    for postmortem in sorted(earlier, key=lambda one: one.week_id):
        for lesson in postmortem.lessons:
            _write(known, lesson, postmortem.week_id)
        for confirmation in postmortem.confirmed:
            _confirm(known, confirmation, postmortem.week_id)
    found = [_in_force(one, week_id) for one in known if one.is_in_force(week_id)]
    return tuple(sorted(found, key=lambda one: (-one.support, one.age_weeks, one.text)))


def offered(lessons: Sequence[LessonInForce], config: Config) -> tuple[OfferedLesson, ...]:
    """Return what the managers are shown: few, short, and without names, links or hidden text."""
    names = telling_names(config)
    return tuple(
        OfferedLesson(
            lesson_id=lesson.lesson_id,
            text=_shown(lesson.text, names),
            age_weeks=lesson.age_weeks,
            support=lesson.support,
        )
        for lesson in lessons[:MOST_OFFERED]
    )


async def read_lessons(store: EventStore, week_id: str) -> tuple[LessonInForce, ...]:
    """Return the lessons in force in `week_id` by the postmortems of a year that are stored now."""
    newest = Page(WEEKS_REMEMBERED, descending=True)
    rows = await store.rows("weekly_postmortems", order_by=("week_id",), page=newest)
    written = (row.get("content") for row in rows if row["week_id"] < week_id)
    found = [Postmortem.model_validate(content) for content in written if content]
    return lessons_in_force(found, week_id)


def same_text(text: str) -> str:
    """Return what makes `text` the same lesson: its words in one case, without marks around them.

    Signs stay: to leave at -5% is not to leave at +5%.
    """
    words = unicodedata.normalize("NFKC", text).casefold().split()
    bare = (word.lstrip(_BEFORE).rstrip(_AFTER) for word in words)
    return " ".join(word for word in bare if word)


def _write(known: list[_Learned], lesson: Lesson, week_id: str) -> None:
    """Add a lesson, to the one in force that says the same where there is one."""
    same = _find(known, week_id, lambda one: same_text(one.first.text) == same_text(lesson.text))
    if same is None:
        evidence = dict.fromkeys(lesson.evidence)
        known.append(_Learned(lesson, {lesson.lesson_id}, [week_id], evidence))
    else:
        same.ids.add(lesson.lesson_id)
        same.add(week_id, lesson.evidence)


def _confirm(known: list[_Learned], confirmation: Confirmation, week_id: str) -> None:
    meant = _find(known, week_id, lambda one: confirmation.lesson_id in one.ids)
    if meant is not None:
        meant.add(week_id, confirmation.evidence)


def _find(
    known: Sequence[_Learned], week_id: str, fits: Callable[[_Learned], bool]
) -> _Learned | None:
    return next((one for one in known if one.is_in_force(week_id) and fits(one)), None)


def _in_force(learned: _Learned, week_id: str) -> LessonInForce:
    return LessonInForce(
        lesson_id=learned.first.lesson_id,
        text=learned.first.text,
        since_week=learned.weeks[0],
        age_weeks=_weeks_between(learned.weeks[0], week_id),
        support=len(learned.weeks),
        evidence=tuple(learned.evidence),
    )


def _shown(text: str, names: Sequence[str]) -> str:
    return without_names(without_links(text), names=names)[:LESSON_CHARACTERS]


def _weeks_between(earlier: str, later: str) -> int:
    return (date.fromisoformat(later) - date.fromisoformat(earlier)).days // _DAYS
