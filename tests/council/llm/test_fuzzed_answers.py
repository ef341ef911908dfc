"""Thousands of damaged answers to every stage's question: none crashes, none is mended or clamped.

Each is a valid answer of the rehearsal rules, changed in up to three places, as JSON or as text.
"""

import json
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from random import Random
from typing import Any

import pytest

from config.clock import VirtualClock
from council.llm.rehearsal.transport import completion
from council.llm.turns import Mode, Turn, request_for
from council.llm.validation import read_answer
from council.pipeline import run_week
from council.ports import Answered, Question
from council.research.prompted import PromptedResearch
from council.untrusted import clean_text
from tests.builders import NOW, WEEK_ID, make_config
from tests.conftest import run_apart
from tests.council.llm.stub import STAY, question
from tests.fakes import make_deps

SEED = 20261118
CONFIG = make_config()
Sample = tuple[Question[Any], str]
ODD: tuple[Any, ...] = (
    *(None, True, False, "", "1.5", "HOLD", "XYZ", "spy", [], {}, [1], {"a": [None]}),
    *(0, -0.0, 1, 11, -1, 2.5, 0.75, 0.5000000001, -2.5, 3, 10**400, 1e308, 1e-308),
    *(float("nan"), float("inf"), float("-inf"), "\x00", "\ud800", "\u202e", "y" * 5_000),
)
TEXT = '{}[]",:0123456789.eE-+truefalsn \\u\n`<>\x00\u202e'


class Rehearsed:
    """Models that answer by the rehearsal rules and keep every question with its answer."""

    def __init__(self) -> None:
        self.samples: list[Sample] = []

    async def ask(self, asked: Question[Any]) -> Any:
        settings = CONFIG.models.accounts.get(asked.asked_by, CONFIG.models.research[0])
        turn = Turn(mode=Mode.STRICT, max_tokens=1_000)
        request = request_for(asked, turn, model=settings.rehearsal, settings=settings)
        body = {"model": request.model, "messages": list(request.messages), **request.options}
        _, answered = completion(body)
        text = answered["choices"][0]["message"]["content"]
        self.samples.append((asked, text))
        reading = read_answer(text, asked.answer_type, asked.problems)
        assert reading.answer is not None, reading.problems
        return Answered(reading.answer, "rehearsal", "valid")

    def model_for(self, asked_by: str) -> str:
        return "rehearsal"


@cache
def samples() -> tuple[Sample, ...]:
    """Return every question of a week, and one of a checkpoint, with a valid answer."""
    models = Rehearsed()
    research = {pack: (PromptedResearch(models, pack),) for pack in ("A", "B")}
    deps = make_deps(CONFIG, models=models, research=research, clock=VirtualClock(NOW))
    run_apart(lambda: run_week(WEEK_ID, deps))
    return (*models.samples, (question(), json.dumps(STAY)))


def places(value: Any) -> list[tuple[Any, Any]]:
    """Return every (container, key) inside `value`."""
    keys = (
        value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    )
    return [place for key in list(keys) for place in ((value, key), *places(value[key]))]


def changed_json(text: str, random: Random) -> str:
    """Put something odd into one place, drop it, or add an unknown field."""
    found = json.loads(text)
    container, key = random.choice(places(found))
    way = random.randrange(5)
    if way == 0:
        del container[key]
    elif way == 1 and isinstance(container, dict):
        container[random.choice(("mood", "__class__", key.upper()))] = random.choice(ODD)
    elif way == 2 and isinstance(container, list):
        container.extend(container[:1] * random.choice((1, 2, 40)))
    else:
        container[key] = random.choice(ODD)
    return json.dumps(found)


def cut(text: str, random: Random) -> str:
    return text[: random.randrange(len(text) + 1)]


def spliced(text: str, random: Random) -> str:
    """Replace a short stretch by random characters that matter to JSON."""
    start = random.randrange(len(text) + 1)
    junk = "".join(random.choices(TEXT, k=random.randrange(4)))
    return text[:start] + junk + text[start + random.randrange(4) :]


def doubled(text: str, random: Random) -> str:
    return text + random.choice(("", "\n", " and ")) + random.choice((text, "{}", "[1]"))


def wrapped(text: str, random: Random) -> str:
    """Put the text between what models put around answers."""
    shapes = (
        "```json\n{}\n```",
        "Sure:\n{}\nDone.",
        "[{}]",
        "<think>{}</think>",
        "<think>no</think>{}",
        '{{"answer": {}}}',
        "[" * 9_000 + "{}",
    )
    return random.choice(shapes).format(text)


def repeated_field(text: str, random: Random) -> str:
    """Say one field twice, with two values."""
    name = random.choice(list(json.loads(text)))
    return f'{{"{name}": {json.dumps(random.choice(ODD))}, {text[1:]}'


CHANGES: tuple[Callable[[str, Random], str], ...] = (
    *(changed_json, changed_json, changed_json, changed_json),
    *(cut, spliced, spliced, doubled, wrapped, repeated_field),
)


def damaged(text: str, random: Random) -> str:
    for _ in range(random.randrange(1, 4)):
        try:
            text = random.choice(CHANGES)(text, random)
        except (ValueError, IndexError, RecursionError):
            continue  # what is no JSON any more is changed as text only
    return text


def as_written(text: str) -> Any:
    """Return the object in `text` as a second reader finds it, with every number as Decimal."""
    visible = text.rpartition("</think>")[2]
    decoder = json.JSONDecoder(parse_float=Decimal, parse_int=Decimal)
    return decoder.raw_decode(visible, visible.index("{"))[0]


def check_same(taken: Any, written: Any) -> None:
    """Check that `taken` says what was written, value by value."""
    if isinstance(written, dict):
        left_out = {name for name in taken.keys() - written.keys() if taken[name] is None}
        assert taken.keys() - left_out == written.keys()
        for name in written:
            check_same(taken[name], written[name])
    elif isinstance(written, list):
        assert len(taken) == len(written)
        for one, other in zip(taken, written, strict=True):
            check_same(one, other)
    elif isinstance(written, Decimal):
        assert not isinstance(taken, bool)
        assert Decimal(str(taken)) == written or taken == float(written)
    else:
        assert taken == (clean_text(written).strip() if isinstance(written, str) else written)


@pytest.mark.parametrize("answers", [500, pytest.param(10_000, marks=pytest.mark.slow)])
def test_a_damaged_answer_is_refused_or_means_what_it_says(answers: int) -> None:
    random = Random(SEED)  # noqa: S311 - damage, not cryptography
    taken = 0

    for _ in range(answers):
        asked, valid = random.choice(samples())
        text = damaged(valid, random)
        reading = read_answer(text, asked.answer_type, asked.problems)
        assert (reading.answer is None) == bool(reading.problems), text[:2_000]
        if reading.answer is not None:
            taken += 1
            assert asked.problems(reading.answer) == ()
            check_same(reading.answer.model_dump(), as_written(text))

    assert 0 < taken < answers / 2
