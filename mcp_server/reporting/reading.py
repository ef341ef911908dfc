"""The sections on what the chairman reads in the week: claims, lessons, and the events behind."""

from collections.abc import Iterable, Sequence
from typing import Final
from uuid import UUID

from council.model.postmortem import Claim, Confirmation, Lesson, Postmortem
from mcp_server.reporting import words
from mcp_server.reporting.document import (
    Block,
    Evidence,
    EvidenceList,
    Paragraph,
    Section,
    Statement,
    Statements,
)
from mcp_server.reporting.material import LessonShown, PostmortemMaterial

_SHORTEST_ID: Final = 8
_UNKNOWN: Final = "an event of which this report knows no more"


def reading_section(material: PostmortemMaterial) -> Section:
    """Return the chairman's claims, or why there are none."""
    title = "What the chairman reads in it"
    found = material.postmortem
    if found is None:
        reason = words.one_line(material.abstention or "no reason was recorded").rstrip(".")
        sentence = f"There is no text: {reason}. The numbers above stand without it."
        return Section("reading", title, (Paragraph(sentence),))
    claims = Statements(tuple(_statement(claim) for claim in found.claims))
    nothing = Paragraph("No claim was left that events support.")
    by = Paragraph(f"By {words.one_line(found.model)}; {_dropped(found)}", is_quiet=True)
    return Section("reading", title, (claims if found.claims else nothing, by))


def lessons_section(material: PostmortemMaterial) -> Section:
    """Return the lessons in force, and which of them this week wrote or confirmed."""
    found = material.postmortem
    written = found.lessons if found else ()
    confirmed = found.confirmed if found else ()
    known = {lesson.lesson_id for lesson in material.lessons}
    fresh = [_statement(one, "new this week") for one in written if one.lesson_id not in known]
    in_force = [_in_force(one, written, confirmed) for one in material.lessons]
    statements = (*in_force, *fresh)
    if not statements:
        nothing = Paragraph("None is in force: none was written that events support.")
        return Section("lessons", "Lessons", (nothing,))
    note = "Offered to next week's prompts as data; each expires unless a later week confirms it."
    blocks = (Statements(statements), Paragraph(note, is_quiet=True))
    return Section("lessons", "Lessons in force", blocks)


def evidence_section(material: PostmortemMaterial, sections: Sequence[Section]) -> Section | None:
    """Return every event that `sections` name, in their order; None where none is named."""
    ids = tuple(dict.fromkeys(_named(block for part in sections for block in part.blocks)))
    if not ids:
        return None
    length = _distinct_length(ids)
    events = tuple(
        Evidence(one, one.hex[:length], words.one_line(material.evidence.get(one, _UNKNOWN)))
        for one in ids
    )
    return Section("evidence", "Evidence", (EvidenceList(events),))


def _statement(claim: Claim, note: str = "") -> Statement:
    return Statement(words.one_line(claim.text), claim.evidence, note)


def _in_force(
    lesson: LessonShown, written: Iterable[Lesson], confirmed: Iterable[Confirmation]
) -> Statement:
    own = {one.lesson_id: (one.evidence, "confirmed this week") for one in confirmed}
    own |= {one.lesson_id: (one.evidence, "new this week") for one in written}
    evidence, news = own.get(lesson.lesson_id, ((), ""))
    since = f"since the week of {words.week_title(lesson.since_week)}"
    age = f"{words.counted(lesson.age_weeks, 'week')} old"
    support = f"supported by {words.counted(lesson.support, 'week')}"
    note = ", ".join(part for part in (news, since, age, support) if part)
    return Statement(words.one_line(lesson.text), evidence, note)


def _dropped(found: Postmortem) -> str:
    if not found.dropped:
        return "every statement names events that bear it out."
    were = "was" if found.dropped == 1 else "were"
    count = words.counted(found.dropped, "statement")
    return f"{count} {were} dropped that no shown event bears out."


def _named(blocks: Iterable[Block]) -> Iterable[UUID]:
    for block in blocks:
        if isinstance(block, Statements):
            yield from (one for said in block.statements for one in said.evidence)


def _distinct_length(ids: Sequence[UUID]) -> int:
    """Return how many digits tell all ids apart, eight at least."""
    lengths = range(_SHORTEST_ID, 33)
    return next(n for n in lengths if len({one.hex[:n] for one in ids}) == len(ids))
