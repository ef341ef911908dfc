"""One JSON object out of a model's text, exactly as it was written: nothing is guessed or repaired.

Cut or doubled JSON can look valid after a "repair" and mean something else (1.5 cut to 1), so
whatever is not exactly one whole object is refused and asked for again.
"""

import json
from decimal import Decimal
from typing import Any

from council.untrusted import clean_text

LARGEST_NUMBER = Decimal(10) ** 15
SMALLEST_NUMBER = Decimal(10) ** -30
"""Other magnitudes mean nothing here, and as exponents they can stall or overflow arithmetic."""


class NotOneObject(ValueError):
    """The text does not hold exactly one JSON object; the message says why, as one clause."""


def only_object(text: str) -> dict[str, Any]:
    """Return the one JSON object in `text`, with fractions as Decimal.

    Fences and prose around it are passed over, and so is everything up to the last `</think>`.

    Raises:
        NotOneObject: there is none, more than one, or one that is cut, doubled or not JSON.
    """
    visible = text.rpartition("</think>")[2]
    start = visible.find("{")
    if start < 0:
        raise NotOneObject("answer: there is no JSON object in it")
    if visible[:start].rstrip().endswith("["):
        raise NotOneObject("answer: give the JSON object itself, not a list")
    found, end = _decoded(visible, start)
    if "{" in visible[end:]:
        raise NotOneObject("answer: there is more than one JSON object in it, give exactly one")
    return found


def _decoded(text: str, start: int) -> tuple[dict[str, Any], int]:
    decoder = json.JSONDecoder(
        parse_float=_number,
        parse_int=_number,
        parse_constant=_no_constant,
        object_pairs_hook=_without_doubles,
    )
    try:
        return decoder.raw_decode(text, start)
    except NotOneObject:
        raise
    except RecursionError as error:
        raise NotOneObject("answer: the JSON is nested too deeply") from error
    except ValueError as error:
        reason = getattr(error, "msg", "a number is too long")
        raise NotOneObject(f"answer: the JSON is cut or malformed ({reason})") from error


def _number(literal: str) -> int | Decimal:
    number = Decimal(literal)
    if number and not SMALLEST_NUMBER <= abs(number) <= LARGEST_NUMBER:
        raise NotOneObject(f"answer: {literal[:40]} is no number that can be meant")
    return int(literal) if literal.lstrip("-").isdigit() else number


def _no_constant(literal: str) -> None:
    raise NotOneObject(f"answer: {literal} is no JSON number")


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    named = dict(pairs)
    if len(named) < len(pairs):
        raise NotOneObject("answer: a field is given twice")
    if any(clean_text(name) != name for name in named):
        # Cleaned, it could become the name of another field and take its place.
        raise NotOneObject("answer: the name of a field holds hidden characters")
    return named
