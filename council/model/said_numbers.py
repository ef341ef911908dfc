"""Whether every number in a sentence stands in what its author was shown, rounded or not.

Numbers of a market never come from a model: one that stands nowhere is not to be believed. Signs
are not compared, because "lost 2 %" says the same as -0.02, and small counts are a reader's own.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from council.model.citations import agrees

MOST_COUNTED: Final = 12
"""Whole numbers up to this without a unit, as in "3 of 5 managers", are counts."""

_DAY = re.compile(r"(?<![\w-])\d{4}-\d\d-\d\d(?![\w-])")
_TIME = re.compile(r"(?<![\w:])\d{1,2}:\d\d(?![\w:])")
_NUMBER = re.compile(
    r"(?:(?<![\w.])|(?<=\$))(\d[\d,]*(?:\.\d+)?)"
    r"(?:\s?(%|percent(?:age points?)?\b|per cent\b|bps?\b|basis points?\b|k\b|thousand\b"
    r"|million\b|usd\b|dollars?\b|cents?\b))?",
    re.IGNORECASE,
)
_WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_SPELLED = re.compile(
    rf"\b({'|'.join(_WORDS)})(?=\s(?:%|per ?cent|bps?|basis points?|dollars?|usd|cents?)\b)",
    re.IGNORECASE,
)
_SCALES = {"%": 1e2, "per": 1e2, "cent": 1e2, "bp": 1e4, "bas": 1e4}
_SCALES |= {"k": 1e-3, "tho": 1e-3, "mil": 1e-6}
"""By how a unit begins: the number divided by it is the value."""


@dataclass(frozen=True, slots=True)
class _Written:
    digits: str
    scale: float
    has_unit: bool

    @property
    def is_count(self) -> bool:
        plain = not self.has_unit and self.digits.isdigit()
        return plain and int(self.digits) <= MOST_COUNTED


@dataclass(frozen=True, slots=True)
class KnownNumbers:
    """The numbers of a text or a JSON value, as `known_numbers` finds them; `|` joins two."""

    values: frozenset[float]
    moments: frozenset[str]
    """Days (YYYY-MM-DD) and times (HH:MM)."""

    def __or__(self, other: "KnownNumbers") -> "KnownNumbers":
        """Return what either knows."""
        return KnownNumbers(self.values | other.values, self.moments | other.moments)

    def bear_out(self, text: str) -> bool:
        """Whether every number, day and time in `text` stands among the known ones."""
        moments, rest = _split(text)
        return moments <= self.moments and all(self._has(each) for each in _written(rest))

    def _has(self, written: _Written) -> bool:
        if written.is_count:
            return True
        return any(agrees(written.digits, written.scale, value) for value in self.values)


def known_numbers(value: Any) -> KnownNumbers:
    """Return the numbers of a JSON value; strings are read, and a key ending in `_bps` is a unit.

    A number with a unit counts as the fraction or the amount that it means.
    """
    values, moments = set[float](), set[str]()
    for leaf, name in _leaves(value):
        if isinstance(leaf, str):
            own, rest = _split(leaf)
            moments |= own
            values.update(float(w.digits.replace(",", "")) / w.scale for w in _written(rest))
        elif leaf is not None and not isinstance(leaf, bool):
            values.add(abs(float(leaf)) / (_SCALES["bp"] if name.endswith("_bps") else 1.0))
    return KnownNumbers(frozenset(values), frozenset(moments))


def _leaves(value: Any, key: str = "") -> Iterator[tuple[Any, str]]:
    """Yield what a JSON value comes down to, each with the nearest key above it."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _leaves(item, name)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _leaves(item, key)
    else:
        yield value, key


def _split(text: str) -> tuple[frozenset[str], str]:
    plain = text.replace("\u2212", "-")
    days, without_days = _DAY.findall(plain), _DAY.sub(" ", plain)
    times = (time.zfill(5) for time in _TIME.findall(without_days))
    return frozenset((*days, *times)), _TIME.sub(" ", without_days)


def _written(text: str) -> Iterator[_Written]:
    spelled = _SPELLED.sub(lambda match: str(_WORDS.index(match[1].lower()) + 1), text)
    for match in _NUMBER.finditer(spelled):
        unit = (match[2] or "").lower()
        scale = next((s for start, s in _SCALES.items() if unit and unit.startswith(start)), 1.0)
        in_dollars = spelled[: match.start(1)].endswith("$")
        yield _Written(match[1].rstrip(","), scale, bool(unit) or in_dollars)
