"""Every rule of a model's answer, one line each: what is changed, and what its author is told."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from config.schema import Config
from council.anonymise import ballot_for
from council.context import WeekContext
from council.llm.questions import (
    chairman_question,
    pitch_question,
    research_question,
    review_question,
)
from council.llm.validation import read_answer
from council.model.base import Value
from council.ports import Question, ResearchTask
from tests.builders import (
    CHAIRMAN,
    MANAGERS,
    UNIVERSE,
    WEEK_ID,
    make_ballot_answer,
    make_config,
    make_decision_answer,
    make_pitch,
    make_pitch_answer,
    make_research_answer,
    make_snapshot,
)

Fields = dict[str, Any]
Change = Callable[[Fields], object]

CONFIG: Config = make_config()
SNAPSHOT = make_snapshot(universe=[s for s in UNIVERSE if s != "USO"], without_prices=("USO",))
WEEK = WeekContext(
    WEEK_ID, snapshot=SNAPSHOT, pitches=tuple(make_pitch(account) for account in MANAGERS)
)
BALLOT = ballot_for("ALPHA", WEEK, CONFIG)
LABELS = [pitch.label for pitch in BALLOT.pitches]


def problems_of(question: Question[Any], valid: Value, change: Change) -> tuple[str, ...]:
    """Return what is wrong with `valid` after `change`, read as it comes over the wire."""
    fields = _with_numbers(valid.model_dump())
    change(fields)
    return read_answer(json.dumps(fields), question.answer_type, question.problems).problems


def _with_numbers(value: Any) -> Any:
    """Return `value` with decimals as JSON numbers, as a model writes them."""
    if isinstance(value, dict):
        return {name: _with_numbers(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_with_numbers(item) for item in value]
    return value if isinstance(value, str | int | float | None) else float(value)


def put(path: str, value: object) -> Change:
    """Return the change that sets the field at `path`, such as "ranking.0.rank"."""

    def change(fields: Fields) -> None:
        *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
        target: Any = fields
        for step in steps:
            target = target[step]
        target[last] = value

    return change


def times(name: str, number: int) -> Change:
    """Return the change that repeats the first entry of the list `name` `number` times."""
    return lambda fields: fields.update({name: fields[name][:1] * number})


def swapped(first: int, second: int) -> Change:
    """Return the change that swaps the ranks of two instruments of the ranking."""

    def change(fields: Fields) -> None:
        one, other = fields["ranking"][first], fields["ranking"][second]
        one["rank"], other["rank"] = other["rank"], one["rank"]

    return change


def ends(name: str, operator: str, threshold: float) -> Fields:
    """Return an invalidation rule as a model writes it."""
    return {"name": name, "operator": operator, "threshold": threshold}


PITCH_RULES: list[tuple[Change, str]] = [
    (put("instrument", "USO"), "instrument: 'USO' cannot be traded this week"),
    (put("instrument", "AAPL"), "instrument: 'AAPL' cannot be traded this week"),
    (put("direction", "SHORT"), "contradicts direction SHORT"),
    (put("direction", "FLAT"), "contradicts direction FLAT"),
    (put("conviction", 0), "contradicts direction LONG"),
    (put("conviction", -1), "contradicts direction LONG"),
    (put("conviction", 0.7), "conviction:"),
    (put("conviction", 2.5), "conviction:"),
    (put("horizon", "2w"), "horizon:"),
    (times("thesis_bullets", 0), "thesis_bullets:"),
    (times("thesis_bullets", 6), "thesis_bullets:"),
    (put("thesis_bullets.0", "x" * 281), "thesis_bullets.0:"),
    (times("indicators", 0), "indicators:"),
    (times("indicators", 6), "indicators:"),
    (put("indicators.0.name", "SPY.momentum"), "SPY.momentum is no number of the market table"),
    (put("indicators.0.name", "USO.rsi_14"), "USO.rsi_14 is no number of the market table"),
    (put("indicators.0.operator", "crosses"), "indicators.0.operator:"),
    (put("invalidation", ""), "invalidation:"),
    (put("invalidation_rule", ends("USO.close", "<", 90)), "USO.close is no number of the market"),
    (put("invalidation_rule", ends("SPY.close", "<", 101)), "SPY.close < 101 is true already"),
    (put("invalidation_rule", ends("SPY.close", "~", 90)), "invalidation_rule.operator:"),
    (put("ranking.0.rank", 2), "each rank once"),
    (put("ranking.9.rank", 11), "each rank once"),
    (put("ranking.9.instrument", "SPY"), "each rank once"),
    (put("ranking.9.instrument", "AAPL"), "each rank once"),
    (lambda fields: fields["ranking"].pop(), "each rank once"),
    (put("ranking.0.bucket", "moon"), "ranking.0.bucket:"),
    (swapped(0, 9), "departs from the ranking; say why"),
    (swapped(0, 5), "departs from the ranking; say why"),
    (put("monitoring_plan", ""), "monitoring_plan:"),
    (put("size", 10), "size:"),
    (lambda fields: fields.pop("ranking"), "ranking:"),
]


@pytest.mark.parametrize(("change", "told"), PITCH_RULES)
def test_a_pitch_that_breaks_a_rule_is_refused_and_its_author_told(
    change: Change, told: str
) -> None:
    question = pitch_question("ALPHA", WEEK, CONFIG)

    problems = problems_of(question, make_pitch_answer(), change)

    assert told in "\n".join(problems)


@pytest.mark.parametrize(
    "change",
    [
        lambda fields: None,
        put("invalidation_rule", ends("SPY.close", "<", 98.5)),
        swapped(0, 4),
        lambda fields: (swapped(0, 9)(fields), put("choice_explanation", "Only its end.")(fields)),
        lambda fields: (swapped(0, 9)(fields), fields.update(direction="SHORT", conviction=-1)),
        lambda fields: (swapped(0, 9)(fields), fields.update(direction="FLAT", conviction=0)),
        times("thesis_bullets", 5),
    ],
)
def test_a_pitch_that_keeps_to_the_rules_or_says_why_is_taken(change: Change) -> None:
    question = pitch_question("ALPHA", WEEK, CONFIG)

    assert problems_of(question, make_pitch_answer(), change) == ()


REVIEW_RULES: list[tuple[Change, str]] = [
    (put("reviews.0.label", "P9"), "exactly one review for each"),
    (put("reviews.0.label", LABELS[1]), "exactly one review for each"),
    (lambda fields: fields["reviews"].pop(), "exactly one review for each"),
    (put("reviews.0.scores.clarity", 0), "reviews.0.scores.clarity:"),
    (put("reviews.0.scores.choice_consistency", 11), "reviews.0.scores.choice_consistency:"),
    (put("reviews.0.scores.originality", 7.5), "reviews.0.scores.originality:"),
    (lambda fields: fields["reviews"][0]["scores"].pop("ranking_quality"), "ranking_quality:"),
    (put("reviews.0.best_argument_against", ""), "reviews.0.best_argument_against:"),
    (put("reviews.0.one_flip_condition", ""), "reviews.0.one_flip_condition:"),
    (put("reviews.0.suggested_fix", "x" * 281), "reviews.0.suggested_fix:"),
]


@pytest.mark.parametrize(("change", "told"), REVIEW_RULES)
def test_a_ballot_that_breaks_a_rule_is_refused_whole(change: Change, told: str) -> None:
    question = review_question(BALLOT, WEEK, CONFIG)
    valid = make_ballot_answer(LABELS)

    assert problems_of(question, valid, lambda fields: None) == ()
    assert told in "\n".join(problems_of(question, valid, change))


DECISION_RULES: list[tuple[Change, str]] = [
    (put("selected_trade.instrument", "USO"), "'USO' cannot be traded this week"),
    (put("selected_trade.direction", "SHORT"), "contradicts direction SHORT"),
    (put("selected_trade.direction", "FLAT"), "contradicts direction FLAT"),
    (put("selected_trade.horizon", "1m"), "selected_trade.horizon:"),
    (put("conviction", 1.2), "conviction:"),
    (put("rationale", ""), "rationale:"),
    (put("dissent_summary", [{"label": "P9", "view": "No."}]), "unknown labels P9"),
    (put("dissent_summary", [{"label": "P1", "view": "No."}] * 9), "dissent_summary:"),
    (put("monitoring_plan.checkpoints", ["Noon."] * 7), "monitoring_plan.checkpoints:"),
]


@pytest.mark.parametrize(("change", "told"), DECISION_RULES)
def test_a_decision_that_breaks_a_rule_is_refused(change: Change, told: str) -> None:
    ballot = ballot_for(CHAIRMAN, WEEK, CONFIG)
    question, valid = chairman_question(WEEK, ballot, (), CONFIG), make_decision_answer()

    assert problems_of(question, valid, lambda fields: None) == ()
    assert told in "\n".join(problems_of(question, valid, change))


RESEARCH_RULES: list[tuple[Change, str]] = [
    (times("top_narratives", 0), "top_narratives:"),
    (times("top_narratives", 4), "top_narratives:"),
    (times("tradable_candidates", 6), "tradable_candidates:"),
    (put("tradable_candidates.0.instrument", "USO"), "'USO' has no prices this week"),
    (put("macro_regime.risk_mode", "panic"), "macro_regime.risk_mode:"),
    (put("instrument_ranking.0.rank", 2), "each rank once"),
    (put("instrument_ranking.0.instrument", "AAPL"), "each rank once"),
]


@pytest.mark.parametrize(("change", "told"), RESEARCH_RULES)
def test_a_pack_that_breaks_a_rule_is_refused(change: Change, told: str) -> None:
    question = research_question(ResearchTask(WEEK_ID, "A", SNAPSHOT, UNIVERSE, None))
    valid = make_research_answer()

    assert problems_of(question, valid, lambda fields: None) == ()
    assert told in "\n".join(problems_of(question, valid, change))
