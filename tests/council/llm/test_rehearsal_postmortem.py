"""The rehearsal chairman's postmortem: what it reads in numbers, and that all of it stands."""

import json
from collections.abc import Mapping
from typing import Any

from council.llm.postmortem_questions import Material, material_of, postmortem_question, supported
from council.llm.rehearsal import postmortems
from council.llm.rehearsal.reading import read_blocks
from council.model.postmortem import PostmortemAnswer
from council.trade_facts import TradeApproved
from council.week_lines import ShownLines, WeekLine
from council.week_sentences import SENTENCES
from tests.builders import WEEK_ID
from tests.council.fact_examples import trading_facts
from tests.council.postmortem_builders import CONFIG, aliases, make_lesson_in_force, make_line

STAGES = ("review", "chairman", "chairman_over_majority", "veto", "checkpoints", "approval_delay")
LINES = (
    make_line(1, kind="pitch", text="LONG SPY at conviction +1.0 for 1w", quote="SPY under 95.5."),
    make_line(2, kind="worth", text="worth 101230.45 USD at the close of 2026-11-24; held nothing"),
    make_line(3, kind="change", text="EXIT at 12:00, conviction +1.0 to +0, profit -12.5 USD"),
    make_line(4, account="BRAVO", kind="pitch", text="SHORT TLT at conviction -0.5 for 3d"),
    make_line(5, account="BOARD", kind="decision", text="LONG SPY at conviction +1.0 for 1w"),
    make_line(6, kind="verdict", text="a person approved the trade"),
    make_line(7, account="BRAVO", kind="verdict", text="a person rejected it", quote="Too soon."),
    make_line(8, account="BRAVO", kind="abstention", text="gave no valid ballot", quote="Late."),
)


def account(nickname: str, profit_usd: float, **more: Any) -> dict[str, Any]:
    quiet = {"panic_exits": 0, "panic_cost_usd": 0.0}
    return {"account": aliases().of(nickname), "profit_usd": profit_usd, **quiet, **more}


def kill_shot(number: int, about: str) -> WeekLine:
    line = make_line(number, account="CHARLIE", kind="kill_shot", quote="It is priced at 3.25 %.")
    return WeekLine(line.event_id, line.at, line.said, line.account, about)


def shown(
    *,
    values: Mapping[str, float] | None = None,
    lessons: tuple[str, ...] = (),
    lines: tuple[WeekLine, ...] = LINES,
    panic: float = 0.0,
) -> Material:
    """Return a week in which ALPHA gained and BRAVO lost, with the value of some stages."""
    found = values or {}
    numbers = {
        "accounts_this_week": [
            account("ALPHA", 1230.45, panic_exits=int(panic > 0), panic_cost_usd=panic),
            account("BRAVO", -200.5),
        ],
        "stages": [
            {"stage": name, "cases_this_week": 1, "value_this_week_usd": found.get(name)}
            for name in STAGES
        ],
        "shadow_books": [
            {"book": "pitch", "account": aliases().of(name), "return_this_week": gained}
            for name, gained in (("ALPHA", 0.01), ("BRAVO", -0.02), ("DELTA", -0.03))
        ],
    }
    known = [make_lesson_in_force(text) for text in lessons]
    return material_of(WEEK_ID, numbers, ShownLines(lines, {}), known, aliases=aliases())


def answer_to(material: Material) -> PostmortemAnswer:
    blocks = read_blocks(postmortem_question(material, CONFIG).own)
    return PostmortemAnswer.model_validate_json(json.dumps(postmortems.postmortem(blocks)))


def texts_of(material: Material) -> list[str]:
    return [claim.text for claim in supported(answer_to(material), material).claims]


def test_it_names_the_best_and_the_worst_account_with_what_they_pitched() -> None:
    best, worst = texts_of(shown())[:2]

    assert best == "ALPHA did best: it gained 1230.45 USD with LONG SPY at conviction +1.0 for 1w."
    assert worst.startswith("BRAVO did worst: it lost 200.50 USD with SHORT TLT")


def test_it_says_whether_reviews_decision_person_and_looks_helped() -> None:
    values = {"review": 10.5, "chairman": -20.25, "veto": 30.0, "checkpoints": -40.0}

    said = " ".join(texts_of(shown(values=values)))

    assert "the best-reviewed pitch helped: +10.50 USD" in said
    assert "the decision cost money: -20.25 USD" in said
    assert "letting them expire, helped: +30.00 USD" in said
    assert "the looks at open trades changed cost money: -40.00 USD" in said


def test_what_could_not_be_measured_is_not_spoken_of() -> None:
    assert "decision" not in " ".join(texts_of(shown()))


def test_a_kill_shot_that_came_true_is_told_in_the_reviewers_words() -> None:
    lines = (*LINES, kill_shot(9, "BRAVO"), kill_shot(10, "ALPHA"))

    found = [text for text in texts_of(shown(lines=lines)) if "objection" in text]

    assert found == ["The harshest objection to BRAVO came true: It is priced at 3.25 %."]


def test_everything_that_it_says_stands() -> None:
    values = {"review": -1.5, "chairman": -2.25, "veto": 3.0, "checkpoints": 4.0}
    lines = (*LINES, kill_shot(9, "BRAVO"), kill_shot(10, "DELTA"))
    material = shown(values=values, lines=lines, panic=12.5)

    kept = supported(answer_to(material), material)

    assert kept.dropped == 0
    assert len(kept.claims) >= 8
    assert len(kept.lessons) == 3


def test_the_same_rule_confirms_next_week_what_it_taught_this_week() -> None:
    values = {"chairman": -2.25, "review": -1.5, "veto": 3.0}
    first = shown(values=values)
    learned = [lesson.text for lesson in supported(answer_to(first), first).lessons]

    again = shown(values=values, lessons=tuple(learned))
    kept = supported(answer_to(again), again)

    assert len(learned) == 3
    assert kept.lessons == ()
    assert {one.lesson_id for one in kept.confirmed} == set(again.lesson_ids.values())


def test_its_lessons_read_the_same_when_they_are_shown_again() -> None:
    for text in postmortems.LESSONS:
        assert aliases().masked(text) == text
        assert len(text) <= 280


def test_it_is_deterministic() -> None:
    assert answer_to(shown()) == answer_to(shown())


def test_the_words_that_it_looks_for_are_those_of_the_events() -> None:
    (approved,) = [fact for fact in trading_facts() if isinstance(fact, TradeApproved)]
    said = SENTENCES[TradeApproved](approved)

    assert said is not None
    assert said.text == postmortems.APPROVED
    assert aliases().of("BOARD") == postmortems.COUNCIL
