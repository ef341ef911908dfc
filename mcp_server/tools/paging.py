"""Pages of a list of trades: an opaque cursor says what the page before it ended with.

The cursor remembers the last few trades shown and not a number of rows, so that a trade that was
decided between two pages makes none be passed over.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Sequence
from typing import Annotated, Any, Protocol, TypeVar

from pydantic import Field

from config.errors import UsageError

PAGE_LIMIT = 50
"""The most trades on one page."""

_REMEMBERED = 5
"""How many trades a cursor knows: one of them is still listed when the others were decided."""

_MARK_BYTES = 6
_CURSOR_CHARACTERS = 300

Limit = Annotated[int, Field(ge=1, le=PAGE_LIMIT, description="Trades a page.")]
Cursor = Annotated[
    str | None,
    Field(max_length=_CURSOR_CHARACTERS, description="next_cursor of the page before."),
]


class _Identified(Protocol):
    @property
    def trade_id(self) -> str: ...


_Item = TypeVar("_Item", bound=_Identified)


def page(
    items: Sequence[_Item], cursor: str | None, limit: int, *, of: str
) -> tuple[tuple[_Item, ...], str | None]:
    """Return the page of `items` that follows `cursor` (None: the first), and the next cursor.

    `of` names the list with what it is filtered by; a cursor belongs to that list alone. None
    follows the last page. Where every trade that a cursor knows has left the list, it begins anew:
    a trade may be shown twice and is never missed.

    Raises:
        UsageError: `cursor` was not made for this list.
    """
    start = 0 if cursor is None else _start(items, _marks_in(cursor, of))
    shown = tuple(items[start : start + limit])
    is_last = start + limit >= len(items)
    return shown, None if is_last else _cursor(items[: start + limit], of)


def _start(items: Sequence[_Item], marks: Sequence[str]) -> int:
    known = frozenset(marks)
    places = [place for place, item in enumerate(items) if _mark(item) in known]
    return places[-1] + 1 if places else 0


def _cursor(shown: Sequence[_Item], of: str) -> str:
    content = {"of": _digest(of), "after": [_mark(item) for item in shown[-_REMEMBERED:]]}
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


def _marks_in(cursor: str, of: str) -> list[str]:
    content = _content(cursor)
    if content is None or content["of"] != _digest(of):
        raise UsageError(
            "The cursor was not made for this list: call again without it, or with the next_cursor "
            "of the page before and the same filters."
        )
    return list(content["after"])


def _content(cursor: str) -> dict[str, Any] | None:
    """Return what `cursor` says, None where nobody here made it."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        content = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError):
        return None
    is_ours = isinstance(content, dict) and content.keys() == {"of", "after"}
    return content if is_ours and _is_marks(content["after"]) else None


def _is_marks(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(mark, str) for mark in value)


def _mark(item: _Identified) -> str:
    return _digest(item.trade_id)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[: 2 * _MARK_BYTES]
