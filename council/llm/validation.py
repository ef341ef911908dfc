"""A model's text as a valid answer, or every reason why it is none, as clauses for its author.

Pydantic alone is too kind here: it takes "1.5" and true for numbers. So the JSON types are compared
with the wire schema first.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from council.llm.extraction import NotOneObject, only_object
from council.llm.wire_schema import wire_schema
from council.model.base import Value
from council.untrusted import clean_value

PROBLEMS_TOLD = 12
"""At most so many problems go into a repair turn."""
PROBLEM_CHARACTERS = 400

_AnswerType = TypeVar("_AnswerType", bound=Value)


@dataclass(frozen=True, slots=True)
class Reading(Generic[_AnswerType]):
    """Either an `answer` or `problems`, never both."""

    answer: _AnswerType | None
    problems: tuple[str, ...]


def read_answer(
    text: str,
    answer_type: type[_AnswerType],
    rules: Callable[[_AnswerType], tuple[str, ...]],
) -> Reading[_AnswerType]:
    """Read `text` as an `answer_type` that breaks none of `rules`."""
    try:
        found = clean_value(only_object(text))
    except NotOneObject as error:
        return _rejected([str(error)])
    except RecursionError:
        return _rejected(["answer: the JSON is nested too deeply"])
    wrong_types = [*_type_problems(found, wire_schema(answer_type), "answer")]
    if wrong_types:
        return _rejected(wrong_types)
    try:
        answer = answer_type.model_validate(found)
    except ValidationError as error:
        return _rejected([_clause(problem) for problem in error.errors()])
    broken = rules(answer)
    return _rejected(broken) if broken else Reading(answer, ())


def _rejected(problems: list[str] | tuple[str, ...]) -> Reading[Any]:
    told = tuple(problem[:PROBLEM_CHARACTERS] for problem in problems[:PROBLEMS_TOLD])
    return Reading(None, told)


def _clause(problem: Any) -> str:
    field = ".".join(str(step) for step in problem["loc"]) or "answer"
    return f"{field}: {problem['msg']}"


def _type_problems(value: Any, schema: dict[str, Any], field: str) -> Iterator[str]:
    """Yield where JSON types depart from the schema; missing or unknown fields are Pydantic's."""
    expected = schema.get("type")
    if expected is None:
        return
    if not _IS_TYPE[expected](value):
        article = "an" if expected[0] in "aeio" else "a"
        yield f"{field}: must be {article} {expected} in JSON, not {_shown(value)}"
    elif expected == "object":
        for name, part in schema["properties"].items():
            if name in value:
                yield from _type_problems(value[name], part, _below(field, name))
    elif expected == "array":
        for index, item in enumerate(value):
            yield from _type_problems(item, schema["items"], _below(field, str(index)))


def _below(field: str, name: str) -> str:
    return name if field == "answer" else f"{field}.{name}"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def _is_integer(value: Any) -> bool:
    return _is_number(value) and value == int(value)


_IS_TYPE: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "number": _is_number,
    "integer": _is_integer,
    "boolean": lambda value: isinstance(value, bool),
}


def _shown(value: Any) -> str:
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "an array"
    if value is None:
        return "null"
    return repr(value)[:60] if isinstance(value, str) else str(value).lower()
