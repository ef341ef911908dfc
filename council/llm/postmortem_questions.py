"""The question of a postmortem, a pure function of what is stored, and which of its answer stands.

A claim stands on events that were shown, and on no number that was not. What does not is dropped
and counted; only an answer of which nothing stands goes back to its author.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any
from uuid import UUID

from config.ids import meaning_id
from config.schema import Config
from council.aliases import Aliases
from council.lessons import LessonInForce, same_text
from council.llm.postmortem_blocks import event_rows, lesson_rows
from council.model.postmortem import (
    Claim,
    ClaimAnswer,
    Confirmation,
    ConfirmationAnswer,
    Lesson,
    PostmortemAnswer,
)
from council.model.said_numbers import KnownNumbers, known_numbers
from council.ports import Question
from council.templates import render
from council.untrusted import clean_text, fenced, without_links
from council.week_lines import ShownLines


@dataclass(frozen=True)
class Material:
    """What the chairman is shown; the ids behind the handles are not."""

    week_id: str
    numbers: Mapping[str, Any]
    events: Sequence[Mapping[str, Any]]
    left_out: Mapping[str, int]
    lessons: Sequence[Mapping[str, Any]]
    event_ids: Mapping[str, UUID]
    lesson_ids: Mapping[str, UUID]
    aliases: Aliases

    def ids_of(self, handles: Sequence[str]) -> tuple[UUID, ...]:
        """Return the ids of the events behind `handles`, each once; unknown ones are left out."""
        known = dict.fromkeys(self.event_ids[each] for each in handles if each in self.event_ids)
        return tuple(known)

    def bears_out(self, text: str, handles: Sequence[str]) -> bool:
        """Whether every number in `text` stands in the numbers or in the events it names."""
        known = self._known
        for handle in dict.fromkeys(handles):
            known |= self._known_of(handle)
        return known.bear_out(text)

    @cached_property
    def _known(self) -> KnownNumbers:
        return known_numbers(dict(self.numbers)) | known_numbers(self.week_id)

    def _known_of(self, handle: str) -> KnownNumbers:
        rows = [dict(row) for row in self.events if row["handle"] == handle]
        return known_numbers(rows)


@dataclass(frozen=True, slots=True)
class Supported:
    """What of an answer stands, and how many entries of it do not."""

    claims: tuple[Claim, ...]
    lessons: tuple[Lesson, ...]
    confirmed: tuple[Confirmation, ...]
    dropped: int


def material_of(
    week_id: str,
    numbers: Mapping[str, Any],
    shown: ShownLines,
    lessons: Sequence[LessonInForce],
    *,
    aliases: Aliases,
) -> Material:
    """Return what is shown of a week, handles and all."""
    events, event_ids = event_rows(shown.lines, aliases)
    rows, lesson_ids = lesson_rows(lessons, aliases)
    return Material(week_id, numbers, events, shown.left_out, rows, event_ids, lesson_ids, aliases)


def postmortem_question(material: Material, config: Config) -> Question[PostmortemAnswer]:
    """Ask the chairman what the week's numbers and events show."""
    left_out = fenced("left_out", dict(material.left_out)) if material.left_out else ""
    return Question(
        week_id=material.week_id,
        stage="postmortem",
        asked_by=config.chairman.nickname,
        system=render("system"),
        shared="",
        own=render(
            "postmortem",
            numbers=fenced("numbers", dict(material.numbers)),
            events=fenced("events", [dict(row) for row in material.events]),
            left_out=left_out,
            lessons=fenced("lessons", [dict(row) for row in material.lessons]),
            task=fenced("task", {"stage": "postmortem", "week_id": material.week_id}),
        ),
        answer_type=PostmortemAnswer,
        problems=partial(postmortem_problems, material=material),
        may_fall_back=True,
    )


def postmortem_problems(answer: PostmortemAnswer, *, material: Material) -> tuple[str, ...]:
    """Return why no claim stands, one clause each; empty where one does."""
    if not material.events or _claims(answer.claims, material):
        return ()
    if not answer.claims:
        return ("claims: give at least one, on an event of <events>",)
    return tuple(
        f"claims.{place}: {_fault(claim, material)}" for place, claim in enumerate(answer.claims)
    )


def supported(answer: PostmortemAnswer, material: Material) -> Supported:
    """Return what of `answer` stands on events that were shown, under their ids.

    Labels become nicknames again: people read it, and know who is who.
    """
    claims = _claims(answer.claims, material)
    lessons = _claims(answer.lessons, material)
    confirmed = _confirmed(answer.confirmed, material)
    given = len(answer.claims) + len(answer.lessons) + len(answer.confirmed)
    return Supported(
        claims=claims,
        lessons=tuple(
            Lesson(**dict(one), lesson_id=meaning_id("lesson", material.week_id, one.text))
            for one in lessons
        ),
        confirmed=confirmed,
        dropped=given - len(claims) - len(lessons) - len(confirmed),
    )


def _claims(given: Sequence[ClaimAnswer], material: Material) -> tuple[Claim, ...]:
    found: dict[str, Claim] = {}
    for claim in given:
        if _fault(claim, material) is None:
            text = material.aliases.unmasked(_plain(claim.text))
            evidence = material.ids_of(claim.evidence)
            found.setdefault(same_text(text), Claim(text=text, evidence=evidence))
    return tuple(found.values())


def _fault(claim: ClaimAnswer, material: Material) -> str | None:
    """Return why a claim does not stand, or None."""
    text = _plain(claim.text)
    if not same_text(text):
        return "says nothing"
    if not material.ids_of(claim.evidence):
        return "its evidence names no handle of <events>"
    if not material.bears_out(text, claim.evidence):
        return "cites a number that stands neither in <numbers> nor in the events that it names"
    return None


def _confirmed(given: Sequence[ConfirmationAnswer], material: Material) -> tuple[Confirmation, ...]:
    found: dict[UUID, Confirmation] = {}
    for one in given:
        lesson_id, evidence = material.lesson_ids.get(one.lesson), material.ids_of(one.evidence)
        if lesson_id is not None and evidence:
            found.setdefault(lesson_id, Confirmation(lesson_id=lesson_id, evidence=evidence))
    return tuple(found.values())


def _plain(text: str) -> str:
    return " ".join(clean_text(without_links(text)).split())
