"""Compares the prices that a pack quotes for instruments with the market table, and flags them.

A pack tells stories; numbers come from the table alone. A price in a pack is never used, but one
that is far off says that its writer looked at another day. Levels to watch for are no quotes. What
the table itself lacks is flagged in every pack that was written over it.
"""

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import cache
from typing import Any

from council.model.market import MarketSnapshot
from council.model.research import ConfidenceNotes, ResearchAnswer
from council.untrusted import clean_text

TOLERANCE = Decimal("0.02")
"""Of the close: a quote of the same day is hardly further away."""
MOST_FLAGS = 8
_MOST_NAMED = 5
_LONGEST_FLAG = 280
_BARE_FACTOR = 3
"""A number without a dollar sign is a price only within this factor of the close."""
_LEVELS = frozenset(
    {"watch_indicators", "invalidation_rule", "what_would_falsify_it", "what_would_surprise"}
)
_GAP = r"""(?ix:
    [\s(),:=~'"*_-]
    | \b(?:at|near|around|about|roughly|is|was|now|currently|close[sd]?|closing|trad(?:es|ed|ing)
        |price[ds]?|quoted|last|stands|stood|sits|sat|opened|opens|finished|ended|settled|of|the
        |its|etf|share|shares|usd)\b
){1,14}?"""
_NUMBER = r"""(?ix:
    (?P<dollar>\$\s?)?(?<![\w.])
    (?P<number>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d{1,7}(?:\.\d{1,6})?)
    (?P<unit>\s?% | \s?(?:percent|bps?|basis|[xkm]\b|bn|billion|million|trillion|times)
        | [\s-]?(?:day|session|week|month|year|hour|minute|point|contract|-?(?:st|nd|rd|th)\b))?
    (?![\w%]|[.,]\d)
)"""


def flagged(answer: ResearchAnswer, snapshot: MarketSnapshot) -> ResearchAnswer:
    """Return `answer` with flags for what it may not be taken at its word.

    First for the prices in it that are more than 2 % off the close, then for what the market table
    itself lacks: symbols, recent sessions, history.
    """
    wrong = wrong_quotes(answer, snapshot)
    found = (*((_flag(wrong),) if wrong else ()), *map(_shortened, snapshot.notices))
    if not found:
        return answer
    notes = answer.confidence_notes
    flags = (*found, *notes.data_quality_flags)[:MOST_FLAGS]
    told = ConfidenceNotes(known_unknowns=notes.known_unknowns, data_quality_flags=flags)
    return answer.model_copy(update={"confidence_notes": told})


def wrong_quotes(answer: ResearchAnswer, snapshot: MarketSnapshot) -> tuple[str, ...]:
    """Return each quote that is off, such as "SPY 450 (close 687.2)", once, as they stand."""
    proxy = snapshot.volatility_proxy
    listed = (*snapshot.instruments, *((proxy,) if proxy else ()))
    closes = {line.symbol: line.last_close for line in listed}
    if not closes:
        return ()
    quote = _quote(tuple(sorted(closes)))
    texts = _texts(answer.model_dump(mode="json"))
    return tuple(dict.fromkeys(each for text in texts for each in _wrong(quote, text, closes)))


def _wrong(quote: re.Pattern[str], text: str, closes: dict[str, Decimal]) -> Iterator[str]:
    for match in quote.finditer(clean_text(text)):
        symbol, number = match["symbol"], Decimal(match["number"].replace(",", ""))
        close = closes[symbol]
        meant = match["dollar"] or close / _BARE_FACTOR <= number <= close * _BARE_FACTOR
        if meant and not match["unit"] and abs(number - close) > TOLERANCE * close:
            yield f"{symbol} {match['number']} (close {close:f})"


def _texts(value: Any) -> Iterator[str]:
    """Yield every text of a pack in which a price would be a quote."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            if key not in _LEVELS:
                yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _shortened(notice: str) -> str:
    """Cut a notice of the market table to the length of a flag."""
    return notice if len(notice) <= _LONGEST_FLAG else f"{notice[: _LONGEST_FLAG - 1]}…"


@cache
def _quote(symbols: Sequence[str]) -> re.Pattern[str]:
    named = "|".join(map(re.escape, symbols))
    return re.compile(rf"(?<![\w.$])(?P<symbol>{named})(?:\.close)?(?![\w.]){_GAP}{_NUMBER}")


def _flag(wrong: Sequence[str]) -> str:
    more = len(wrong) - _MOST_NAMED
    named = ", ".join(wrong[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
    return f"prices unlike the market table, which alone is right: {named}"
