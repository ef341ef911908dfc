"""Whether the numbers that a text cites by their ids are those of the market table.

A cited number is one that stands beside an id: "SPY.rsi_14 61.2", "SPY.return_20d (4.3%)" or
"61.2 (SPY.rsi_14)". Levels ("SPY.rsi_14 > 70", "below 70") are none. A wrong one is told to the
reviewers and never refused: a typing error must not silence a manager.
"""

import re
from collections.abc import Iterable, Mapping

from council.model.market import INDICATOR_NAMES

_NAMES = frozenset({"close", *INDICATOR_NAMES})
_ID = r"(?<![\w.])([A-Z]{1,5}\.[a-z][a-z0-9_]*)(?![\w])"
_NUMBER = r"([-+]?\$?-?\d[\d,]*(?:\.\d+)?)(?![\d])\s?(%|percent\b|bps\b)?"
_LINK = (
    r"(?:\s*[(=:,]\s*|\s+(?:is|was|at|of|now|stands|currently|reads|equals|about|only|just|still)"
    r"\b){0,3}\s*"
)
_ID_FIRST = re.compile(rf"{_ID}{_LINK}{_NUMBER}(?!\w)")
_NUMBER_FIRST = re.compile(rf"(?<![\w.]){_NUMBER}\s*\(\s*{_ID}\s*\)")
_ANY_ID = re.compile(_ID)
_SCALES = {"%": 100.0, "percent": 100.0, "bps": 10_000.0}
_RELATIVE, _ROUNDED = 0.01, 0.1
"""One part in a hundred is close enough; what is rounded may be off by half of its last digit, but
never by more than a tenth."""


def citation_flags(texts: Iterable[str], numbers: Mapping[str, float]) -> tuple[str, ...]:
    """Return one clause for each citation in `texts` that `numbers` does not bear out."""
    found: dict[str, None] = {}
    for text in texts:
        plain = text.replace("\u2212", "-")
        unknown = (i for i in _ANY_ID.findall(plain) if i not in numbers and _means_one(i, numbers))
        found |= {f"{name} is no number of the market table": None for name in unknown}
        found |= dict.fromkeys(_wrong(plain, numbers))
    return tuple(found)


def _means_one(name: str, numbers: Mapping[str, float]) -> bool:
    """Return whether `name` is meant as an id and not two words whose space is missing."""
    symbol, _, rest = name.partition(".")
    return rest in _NAMES or any(known.startswith(f"{symbol}.") for known in numbers)


def _wrong(text: str, numbers: Mapping[str, float]) -> Iterable[str]:
    cited = [(m[1], m[2], m[3]) for m in _ID_FIRST.finditer(text)]
    cited += [(m[3], m[1], m[2]) for m in _NUMBER_FIRST.finditer(text)]
    for name, written, unit in cited:
        if name in numbers and not agrees(written, _SCALES.get(unit or "", 1.0), numbers[name]):
            said = f"{written}{'%' if unit == 'percent' else unit or ''}"
            yield f"{name} is cited as {said}, the market table has {numbers[name]:.6g}"


def agrees(digits: str, scale: float, actual: float) -> bool:
    """Return whether `digits`, divided by `scale`, are `actual`, rounded as they are written."""
    plain = digits.replace("$", "").replace(",", "")
    decimals = len(plain.partition(".")[2])
    half_unit = 0.5 * 10.0**-decimals / scale
    allowed = max(_RELATIVE * abs(actual), min(half_unit, _ROUNDED * abs(actual)))
    return abs(float(plain) / scale - actual) <= allowed * (1 + 1e-9)
