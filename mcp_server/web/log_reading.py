"""The log as its page shows it: one page of events by position, each with its payload as text.

What stands in a payload was written by models, venues and the web. It is shown as JSON in which
every character is seen: those that a reader would not see stand as their escapes. It comes to the
templates escaped for HTML, so that they take nothing out of it.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from markupsafe import Markup, escape

from council.codec import to_fact
from council.errors import UnknownFact
from council.untrusted import clean_text
from council.week_sentences import SENTENCES
from store.events import EventFilter, Page, StoredEvent
from store.ports import EventStore

EVENTS: Final = 50
"""On one page."""
SHORT_CHARACTERS: Final = 3_000
"""Of a payload in the list; the event's own page shows all of it."""
_UNUSUAL: Final = re.compile(r"[^ -~\n]")


@dataclass(frozen=True, slots=True)
class EventLine:
    """One event; `said` is what it comes to in a sentence, where there is one for its kind.

    `is_cut` tells that `text`, the payload, goes on.
    """

    event: StoredEvent
    said: str | None
    trade_id: str | None
    text: Markup
    is_cut: bool

    @property
    def at(self) -> datetime:
        """Return when it happened."""
        return self.event.timestamp


@dataclass(frozen=True, slots=True)
class LogPage:
    """Events, the newest first; `older` and `newer` are positions from which to go on, if any."""

    lines: tuple[EventLine, ...]
    older: int | None
    newer: int | None


async def read_log(
    store: EventStore, wanted: EventFilter, *, before: int | None = None, after: int | None = None
) -> LogPage:
    """Return the newest events that are wanted; or those right `before`, or `after`, a position."""
    backwards = after is None
    edge = before if backwards else after
    place = None if edge is None else (edge,)
    found = await store.read_page(wanted, Page(EVENTS + 1, descending=backwards, after=place))
    shown = found[:EVENTS] if backwards else tuple(reversed(found[:EVENTS]))
    if not shown:
        return LogPage((), None, None)
    has_more, came_from = len(found) > EVENTS, edge is not None
    has_older, has_newer = (has_more, came_from) if backwards else (came_from, has_more)
    return LogPage(
        lines=tuple(event_line(event, most=SHORT_CHARACTERS) for event in shown),
        older=shown[-1].position if has_older else None,
        newer=shown[0].position if has_newer else None,
    )


async def event_at(store: EventStore, position: int) -> StoredEvent | None:
    """Return the event at a position, None where there is none."""
    found = await store.read_page(EventFilter(), Page(1, after=(position - 1,)))
    return _only(found) if found and found[0].position == position else None


async def event_by_id(store: EventStore, event_id: UUID) -> StoredEvent | None:
    """Return the event with that id, None where there is none."""
    return _only(await store.read_page(EventFilter(event_id=event_id), Page(1)))


def event_line(event: StoredEvent, *, most: int | None = None) -> EventLine:
    """Return an event with at most so many characters of its payload, by default with all."""
    text = shown_json(event.payload)
    cut = most is not None and len(text) > most
    return EventLine(
        event=event,
        said=_said(event),
        trade_id=_trade_id(event.payload),
        text=escape(text[:most] if cut else text),
        is_cut=cut,
    )


def shown_json(value: Any) -> str:
    """Return a JSON value over several lines, every character in it one that is seen."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return _UNUSUAL.sub(_seen, text)


def _seen(found: re.Match[str]) -> str:
    character = found[0]
    if character.isprintable() and clean_text(character) == character:
        return character
    return json.dumps(character)[1:-1]


def _said(event: StoredEvent) -> str | None:
    """Return the sentence of the event's kind; a newer version's kind has none here."""
    try:
        fact = to_fact(event)
    except UnknownFact:
        return None
    sentence = SENTENCES.get(type(fact))
    said = sentence(fact) if sentence else None
    return clean_text(said.text) if said else None


def _trade_id(payload: dict[str, Any]) -> str | None:
    try:
        return str(UUID(str(payload["trade_id"])))
    except (KeyError, ValueError):
        return None


def _only(found: Sequence[StoredEvent]) -> StoredEvent | None:
    return found[0] if found else None
