from collections.abc import Iterator
from typing import Any

import pytest

from council.llm.wire_schema import wire_schema
from council.model.base import Value
from council.model.checkpoint import CheckpointAnswer
from council.model.decision import DecisionAnswer
from council.model.pitch import PitchAnswer
from council.model.research import ResearchAnswer
from council.model.review import BallotAnswer

ANSWER_TYPES = (ResearchAnswer, PitchAnswer, BallotAnswer, DecisionAnswer, CheckpointAnswer)
SHAPE_WORDS = {"properties", "required", "additionalProperties", "items", "anyOf"}
ALLOWED_WORDS = SHAPE_WORDS | {"type", "enum", "description"}


def schemas_in(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield schema
    for part in (*schema.get("properties", {}).values(), *schema.get("anyOf", ())):
        yield from schemas_in(part)
    if "items" in schema:
        yield from schemas_in(schema["items"])


@pytest.mark.parametrize("answer_type", ANSWER_TYPES)
def test_every_answer_has_a_schema_that_strict_modes_take(answer_type: type[Value]) -> None:
    schema = wire_schema(answer_type)

    for part in schemas_in(schema):
        assert set(part) <= ALLOWED_WORDS
        if part.get("type") == "object":
            assert part["required"] == list(part["properties"])
            assert part["additionalProperties"] is False


def test_a_conviction_is_a_plain_number_whose_limits_are_told_in_words() -> None:
    conviction = wire_schema(PitchAnswer)["properties"]["conviction"]

    assert conviction == {
        "type": "number",
        "description": "at least -2; at most 2; a multiple of 0.5.",
    }


def test_enumerations_are_inlined() -> None:
    ranking = wire_schema(PitchAnswer)["properties"]["ranking"]["items"]["properties"]

    assert "strong_outperform" in ranking["bucket"]["enum"]


def test_an_open_object_is_refused_because_no_strict_mode_takes_it() -> None:
    class Open(Value):
        notes: dict[str, str]

    with pytest.raises(ValueError, match="open"):
        wire_schema(Open)


class _Tree(Value):
    branches: tuple["_Tree", ...]


def test_a_type_that_refers_to_itself_is_refused() -> None:
    with pytest.raises(ValueError, match="refers to itself"):
        wire_schema(_Tree)
