"""What a postmortem is asked with: lines, numbers and lessons, each with defaults."""

from typing import Any

from config.ids import meaning_id
from council.aliases import Aliases, aliases_of
from council.context import WeekContext
from council.lessons import LessonInForce
from council.llm.postmortem_questions import Material, material_of
from council.model.postmortem import Claim, ClaimAnswer, Confirmation, Lesson, Postmortem
from council.week_lines import ShownLines, WeekLine
from council.week_sentences import Said
from tests.builders import MANAGERS, NOW, WEEK_ID, make_config, make_pitch

CONFIG = make_config()
CONTEXT = WeekContext(WEEK_ID, pitches=tuple(make_pitch(account) for account in MANAGERS))
NUMBERS = {"accounts_this_week": [{"account": "P1", "profit_usd": 1230.45, "turnover": 0.0123}]}
EVENT = meaning_id("an event")


def aliases() -> Aliases:
    return aliases_of(CONTEXT, CONFIG)


def make_line(number: int = 1, *, account: str | None = "ALPHA", **said: str) -> WeekLine:
    """Return a fill of `account`, or what `said` says."""
    told = Said(**{"kind": "fill", "text": f"{number}00 SPY filled at 100.50", **said})
    return WeekLine(meaning_id("line", number), NOW, told, account)


def make_lesson_in_force(text: str = "Size by the stop.", **changes: Any) -> LessonInForce:
    fields = {"since_week": "2026-11-11", "age_weeks": 1, "support": 1, "evidence": (EVENT,)}
    return LessonInForce(**{"lesson_id": meaning_id(text), "text": text, **fields, **changes})


def make_material(lines: int = 3, lessons: int = 1, **numbers: Any) -> Material:
    """Return what is shown of a week with so many lines and lessons."""
    return material_of(
        WEEK_ID,
        {**NUMBERS, **numbers},
        ShownLines(tuple(make_line(number + 1) for number in range(lines)), {}),
        [make_lesson_in_force(f"Lesson number {number}.") for number in range(lessons)],
        aliases=aliases(),
    )


def saying(text: str, *evidence: str) -> ClaimAnswer:
    return ClaimAnswer(text=text, evidence=evidence or ("E1",))


def make_postmortem(
    week_id: str = WEEK_ID, *lessons: str, confirmed: tuple[Confirmation, ...] = ()
) -> Postmortem:
    """Return a stored postmortem with one claim and `lessons` by their text."""
    return Postmortem(
        week_id=week_id,
        account="BOARD",
        model="vendor/m",
        written_at=NOW,
        claims=(Claim(text="Gold carried the week.", evidence=(EVENT,)),),
        lessons=tuple(
            Lesson(text=text, evidence=(EVENT,), lesson_id=meaning_id("lesson", week_id, text))
            for text in lessons
        ),
        confirmed=confirmed,
        dropped=0,
    )


def confirming(week_id: str, text: str) -> Confirmation:
    """Return the confirmation of the lesson that `week_id` wrote."""
    lesson_id = meaning_id("lesson", week_id, text)
    return Confirmation(lesson_id=lesson_id, evidence=(meaning_id("another event"),))
