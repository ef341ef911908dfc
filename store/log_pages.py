"""Which events a page of the log holds: as SQL for the database, as a test of one event. Pure."""

from typing import Any

from store.events import EventFilter, Page, StoredEvent
from store.payloads import check_text


def page_of_log(wanted: EventFilter, page: Page) -> tuple[str, list[Any]]:
    """Return what follows the FROM of a query for the `page`, and its parameters.

    Raises:
        PayloadRefused: the database could hold no such text.
    """
    check_filter(wanted)
    conditions, values = [], []
    for condition, value in _conditions(wanted, page):
        values.append(value)
        conditions.append(condition.format(place=f"${len(values)}"))
    where = f"WHERE {' AND '.join(conditions)} " if conditions else ""
    backwards = " DESC" if page.descending else ""
    return f"{where}ORDER BY position{backwards} LIMIT {page.limit:d}", values


def is_wanted(event: StoredEvent, wanted: EventFilter) -> bool:
    """Whether `event` meets every field of `wanted` that is given."""
    return (
        event.stream.startswith(wanted.stream_prefix)
        and (not wanted.event_types or event.event_type in wanted.event_types)
        and wanted.week_id in {None, event.week_id}
        and wanted.account_id in {None, event.account_id}
        and wanted.event_id in {None, event.event_id}
    )


def is_beyond(event: StoredEvent, page: Page) -> bool:
    """Whether `event` comes after where the `page` begins."""
    if page.after is None:
        return True
    position = int(page.after[0])
    return event.position < position if page.descending else event.position > position


def check_filter(wanted: EventFilter) -> None:
    """Raise PayloadRefused when no event can have the texts that are wanted."""
    for text in (wanted.stream_prefix, *wanted.event_types, wanted.week_id, wanted.account_id):
        check_text(text or "")


def _conditions(wanted: EventFilter, page: Page) -> list[tuple[str, Any]]:
    beyond = "position < {place}" if page.descending else "position > {place}"
    possible: tuple[tuple[str, Any], ...] = (
        ("starts_with(stream, {place})", wanted.stream_prefix or None),
        ("event_type = ANY ({place}::text[])", list(wanted.event_types) or None),
        ("week_id = {place}", wanted.week_id),
        ("account_id = {place}", wanted.account_id),
        ("event_id = {place}", wanted.event_id),
        (beyond, page.after[0] if page.after else None),
    )
    return [(condition, value) for condition, value in possible if value is not None]
