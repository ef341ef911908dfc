"""Values as the text that COPY reads: whole columns at a time, at a third of what they cost singly.

Only values whose text is beyond doubt are written so. The rest is for the server to read as JSON:
what it refuses there is not decided here a second time.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from pydantic_core import TzInfo, to_json

PIECE: Final = 1024 * 1024
"""Bytes that are handed to the connection at once."""
ONE_TEXT: Final = frozenset({"text", "uuid", "integer", "date"})
"""Types of which equal values have the same text."""
_NULL: Final = "\\N"
_ESCAPES: Final = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"})

_Texts = list[str]


@dataclass(frozen=True, slots=True)
class _Writer:
    """How the values of one type of column are written."""

    kinds: frozenset[type]
    """Of which kinds a value must be, exactly; any is taken where there are none."""
    texts: Callable[[Sequence[Any]], _Texts]
    doubtful: tuple[str, ...] = ()
    """What must stand in no text: numbers that are none, and days that may mean for ever."""


def column_texts(values: Sequence[Any], column_type: str) -> list[str] | None:
    """Return `values` of a column as COPY reads them; None where one is not beyond doubt.

    `column_type` is its type's name in PostgreSQL.
    """
    writer = _WRITERS.get(column_type)
    if writer is None:
        return None
    kinds = set(map(type, values))
    has_null = type(None) in kinds
    known = [value for value in values if value is not None] if has_null else values
    if not _is_known(known, writer, kinds - {type(None)}):
        return None
    texts = writer.texts(known)
    if writer.doubtful and _stands_in(texts, writer.doubtful):
        return None
    if not has_null:
        return texts
    following = iter(texts)
    return [_NULL if value is None else next(following) for value in values]


def lines(columns: Sequence[Sequence[str]]) -> list[str]:
    """Return the rows of the texts in `columns`, a line each."""
    return list(map("\t".join, zip(*columns, strict=True)))


async def pieces(text: bytes) -> AsyncIterator[bytes]:
    """Yield `text` in pieces of at most `PIECE` bytes."""
    for start in range(0, len(text), PIECE):
        yield text[start : start + PIECE]


def _is_known(values: Sequence[Any], writer: _Writer, kinds: set[type]) -> bool:
    if writer.kinds and not kinds <= writer.kinds:
        return False
    return datetime not in kinds or all(map(_is_plain, values))


def _is_plain(instant: datetime) -> bool:
    """Whether the zone of `instant` is whole minutes away from UTC, as one is that was read."""
    return instant.tzinfo is UTC or type(instant.tzinfo) is TzInfo


def _stands_in(texts: _Texts, parts: Sequence[str]) -> bool:
    together = "\n".join(texts)
    return any(part in together for part in parts)


def _escaped(texts: Sequence[str]) -> _Texts:
    together = "".join(texts)
    if any(chr(character) in together for character in _ESCAPES):
        return [text.translate(_ESCAPES) for text in texts]
    return list(texts)


def _documents(values: Sequence[Any]) -> _Texts:
    # Of what is to be escaped, JSON writes nothing but the backslash as it is.
    return [to_json(value).decode().replace("\\", "\\\\") for value in values]


def _quoted_in_json(values: Sequence[Any]) -> _Texts:
    """Return values that are strings in JSON, such as ids and instants, without their quotes."""
    return to_json(values).decode()[2:-2].split('","') if values else []


def _plain(values: Sequence[Any]) -> _Texts:
    return list(map(str, values))


_INFINITIES: Final = ("0001-01-01", "9999-12-31")
_DOCUMENT: Final = _Writer(frozenset(), _documents)
_WRITERS: Final[Mapping[str, _Writer]] = {
    "text": _Writer(frozenset({str}), _escaped),
    "json": _DOCUMENT,
    "jsonb": _DOCUMENT,
    "uuid": _Writer(frozenset({UUID}), _quoted_in_json),
    "numeric": _Writer(frozenset({Decimal}), _plain, ("N", "I")),
    "integer": _Writer(frozenset({int}), _plain),
    "double precision": _Writer(frozenset({float}), _plain),
    "date": _Writer(frozenset({date}), _quoted_in_json, _INFINITIES),
    "timestamp with time zone": _Writer(frozenset({datetime}), _quoted_in_json, _INFINITIES),
}
