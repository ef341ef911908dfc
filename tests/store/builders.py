"""Valid events and a small projection: a ledger with one row per account."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

from config.ids import meaning_id
from store.events import NewEvent, RowChange, StoredEvent

AT = datetime(2026, 11, 18, 15, 0, 0, 123456, tzinfo=UTC)

LEDGER = """
CREATE TABLE ledger (
    account text PRIMARY KEY,
    opened_at timestamptz NOT NULL,
    balance numeric,
    notes jsonb,
    entries int CHECK (entries < 1000)
)
"""


def make_event(name: str = "one", *, kind: str = "Noted", **changes: Any) -> NewEvent:
    """Return an event whose id is computed from `name`."""
    values: dict[str, Any] = {
        "event_id": meaning_id("test", name),
        "event_type": kind,
        "payload": {"name": name},
        "timestamp": AT,
        "week_id": "2026-11-18",
        "account_id": "COUNCIL",
        "correlation_id": "week-2026-11-18",
        "parent_event_id": UUID(int=7),
    }
    return NewEvent(**(values | changes))


def opened(account: str) -> NewEvent:
    """Return the event that makes the row of `account`."""
    return make_event(f"open {account}", kind="Opened", payload={"account": account})


def credited(account: str, balance: str, *, entries: int = 1) -> NewEvent:
    """Return an event that sets three columns of the row of `account`."""
    payload = {"account": account, "balance": balance, "notes": [balance], "entries": entries}
    return make_event(f"credit {account} {balance}", kind="Credited", payload=payload)


def project_ledger(event: StoredEvent) -> Iterable[RowChange]:
    """Fold Opened and Credited into the ledger."""
    account = event.payload.get("account")
    if event.event_type == "Opened":
        yield RowChange("ledger", {"account": account}, {"opened_at": event.timestamp})
    if event.event_type == "Credited":
        columns = ("balance", "notes", "entries")
        values = {column: event.payload[column] for column in columns}
        yield RowChange("ledger", {"account": account}, values)


def generator(events: AsyncIterator[StoredEvent]) -> AsyncGenerator[StoredEvent, None]:
    """Return the same iterator as what it is: a generator, which can be closed."""
    return cast(AsyncGenerator[StoredEvent, None], events)
