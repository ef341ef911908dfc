from datetime import UTC, datetime
from typing import Any

import pytest

from config.ids import random_id
from mcp_server.changes import resources_of
from store.events import StoredEvent

WEEK = "2026-11-18"
RUNS = {
    f"council://runs/run-{WEEK}{step}"
    for step in ("", "-research", "-pitch", "-peer_review", "-chairman")
}
OF_WEEK = {f"council://weeks/{WEEK}", "council://weeks/current", *RUNS}
STATUS = "council://status"


def stored(stream: str, week_id: str | None = WEEK, **payload: Any) -> StoredEvent:
    return StoredEvent(
        position=1,
        stream=stream,
        version=1,
        event_id=random_id(),
        event_type="Anything",
        payload=payload,
        timestamp=datetime(2026, 11, 18, tzinfo=UTC),
        week_id=week_id,
        account_id=None,
        correlation_id=None,
        parent_event_id=None,
    )


@pytest.mark.parametrize(
    ("event", "changed"),
    [
        (stored(f"week-{WEEK}"), {STATUS, *OF_WEEK}),
        (stored(f"llm-{WEEK}"), OF_WEEK),
        (stored("trade-7", trade_id="7"), {STATUS, "council://trades/7", *OF_WEEK}),
        (stored("account-GROQ", trade_id="7"), {STATUS, "council://trades/7", *OF_WEEK}),
        (stored("account-GROQ", None), {STATUS}),
        (stored("ask-2026-11-18-abc"), {"council://runs/ask-2026-11-18-abc"}),
        (stored("request-ask-7", run_id="ask-7"), {"council://runs/ask-7"}),
        (stored("llm-modes", None), set[str]()),
        (stored("something-new", None), set[str]()),
    ],
)
def test_an_event_changes_the_resources_that_it_is_shown_in(
    event: StoredEvent, changed: set[str]
) -> None:
    assert set(resources_of(event, current_week=WEEK)) == changed


def test_an_older_week_is_not_the_current_one() -> None:
    changed = set(resources_of(stored(f"week-{WEEK}"), current_week="2026-11-25"))

    assert changed == {STATUS, *OF_WEEK} - {"council://weeks/current"}
