"""What may stand in an event: the JSON that PostgreSQL's jsonb can hold, checked before it is sent.

The same rules bind the store in memory, so that no test passes there with an event that a database
would refuse. Text is refused, never repaired: whoever took it from outside cleans it there.
"""

import json
import math
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from pydantic_core import to_json as encoded

from store.errors import PayloadRefused
from store.events import NewEvent

MAX_DEPTH = 200
"""Deepest nesting of a payload; Python's own JSON reader gives up a little below 1,000."""

MAX_EVENT_CHARACTERS = 32 * 1024 * 1024
"""Longest JSON text of one event."""

_CONTAINERS = (dict, list, tuple)
_SCALARS = frozenset({str, int, float, bool, type(None)})
_TEXT = frozenset({str})
_MOST_DIGITS = 4_300
"""Of a number that Python's own JSON reader takes."""
_LONG_NUMBER = re.compile(rf"\d{{{_MOST_DIGITS + 1}}}")
_ENCODER = json.JSONEncoder(allow_nan=False, ensure_ascii=False, separators=(",", ":"))


def event_json(stream: str, event: NewEvent) -> str:
    """Return `event` as the JSON object that the append function takes.

    Raises:
        PayloadRefused: it holds NUL, a lone surrogate, NaN, too much or too deep nesting.
        TypeError: it holds something that is no JSON, such as a Decimal.
    """
    _check_event(event, stream)
    check_text(stream)
    return _fitting(event, to_json(_envelope(event)))


def payload_json(stream: str, event: NewEvent) -> str:
    """Return the payload of `event` as JSON, where the rest of it can be stored too.

    Raises:
        PayloadRefused: as `event_json`.
        TypeError: as `event_json`.
    """
    _check_event(event, stream)
    check_text(
        f"{stream} {event.event_type} {event.week_id} {event.account_id} {event.correlation_id}"
    )
    return _fitting(event, to_json(event.payload))


def _check_event(event: NewEvent, stream: str) -> None:
    if not stream or not event.event_type:
        raise PayloadRefused("An event needs a stream and an event_type: give both a name.")
    if event.timestamp.tzinfo is None:
        raise PayloadRefused(f"The timestamp of {event.event_type} has no time zone: give one.")
    if not isinstance(event.payload, dict):
        raise PayloadRefused(f"The payload of {event.event_type} must be a JSON object.")


def _fitting(event: NewEvent, text: str) -> str:
    if len(text) > MAX_EVENT_CHARACTERS:
        raise PayloadRefused(
            f"{event.event_type} has {len(text)} characters; at most {MAX_EVENT_CHARACTERS} fit."
        )
    return text


def to_json(value: Any) -> str:
    """Return `value` as JSON text that jsonb accepts.

    Raises:
        PayloadRefused: jsonb cannot hold it.
        TypeError: it is no JSON.
    """
    text = _plainly(value)
    if text is not None:
        return text
    try:
        text = _ENCODER.encode(value)
    except TypeError:
        _check(value)  # says better what is wrong, if it knows
        raise
    except (ValueError, RecursionError) as error:
        _check(value)
        raise PayloadRefused(f"This cannot be stored as JSON: {error}.") from error
    _check(value)
    return text


def _plainly(value: Any) -> str | None:
    """Return the JSON of what needs no closer look, as most does not; None for the rest.

    This encoder takes a quarter of the time of Python's own, and would take what is no JSON too.
    """
    if not _is_plain(value):
        return None
    try:
        text = encoded(value).decode()
    except ValueError:  # a lone surrogate
        return None
    if "\\u0000" in text or "NaN" in text or "Infinity" in text:
        return None  # mostly only text like any other, which the closer look finds
    return None if len(text) > _MOST_DIGITS and _LONG_NUMBER.search(text) else text


def _is_plain(value: Any) -> bool:
    """Whether `value` is made of JSON's own types, and not too deep."""
    level: list[Any] = [] if type(value) in _SCALARS else [value]
    for _ in range(MAX_DEPTH):
        members: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                if not _TEXT.issuperset(map(type, item)):
                    return False
                members += item.values()
            elif isinstance(item, _CONTAINERS):
                members += item
            else:
                return False
        if _SCALARS.issuperset(map(type, members)):
            return True
        level = [member for member in members if type(member) not in _SCALARS]
    return False


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_text(text: str) -> None:
    """Raise PayloadRefused when `text` holds NUL or a lone surrogate."""
    if "\0" in text:
        raise PayloadRefused(f"Text with a NUL character cannot be stored: {text[:40]!r}.")
    if not (text.isascii() or _encodes(text)):
        raise PayloadRefused(f"Text with a lone surrogate cannot be stored: {text[:40]!r}.")


def _envelope(event: NewEvent) -> dict[str, Any]:
    parent = event.parent_event_id
    return {
        "event_id": str(event.event_id),
        "event_type": event.event_type,
        "week_id": event.week_id,
        "account_id": event.account_id,
        "correlation_id": event.correlation_id,
        "parent_event_id": None if parent is None else str(parent),
        "timestamp": event.timestamp.isoformat(),
        "payload": event.payload,
    }


def _check(value: Any) -> None:
    pending = [(value, 0)]
    while pending:
        item, depth = pending.pop()
        if depth > MAX_DEPTH:
            raise PayloadRefused(f"JSON nested deeper than {MAX_DEPTH} levels cannot be stored.")
        if isinstance(item, Mapping):
            pending.extend((_checked_key(key), depth) for key in item)
            pending.extend((member, depth + 1) for member in item.values())
        elif isinstance(item, list | tuple):
            pending.extend((member, depth + 1) for member in item)
        else:
            _check_scalar(item)


def _checked_key(key: object) -> str:
    if not isinstance(key, str):
        raise TypeError(f"A JSON object's keys must be strings, not {key!r}.")
    return key


def _check_scalar(item: object) -> None:
    if isinstance(item, str):
        check_text(item)
    elif isinstance(item, Decimal):
        raise TypeError(f"A Decimal is no JSON: write {item} as a string.")
    elif isinstance(item, float) and not math.isfinite(item):
        raise PayloadRefused(f"{item} is no JSON number and cannot be stored.")
    elif item is not None and not isinstance(item, bool | int | float):
        raise TypeError(f"A {type(item).__name__} is no JSON: {item!r:.60}.")
