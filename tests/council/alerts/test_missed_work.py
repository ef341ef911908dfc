"""The owner is told of scheduled work that was skipped, failed, or was done but for a part."""

from typing import Any

import pytest

from council.alerts.alert import AlertKind
from council.alerts.due import due
from council.alerts.message import message_of
from council.fact import Fact
from council.slot_facts import SlotDone, SlotFailed, SlotSkipped
from tests.builders import NOW, WEEK_ID
from tests.council.alerts.scenes import HEAD, scene_of
from tests.council.alerts.test_rules import LATER, TIMING

SLOT: dict[str, Any] = {"week_id": WEEK_ID, "job": "daily", "slot": WEEK_ID, "due_at": NOW}
DONE: dict[str, Any] = {**SLOT, "started_at": NOW, "finished_at": NOW, "outcome": "Done."}
FAILED: dict[str, Any] = {**SLOT, "failed_at": NOW, "reason": "the gateway is away"}


@pytest.mark.parametrize(
    ("fact", "line"),
    [
        (SlotSkipped(**SLOT, reason="nothing ran"), "was skipped: “nothing ran”"),
        (
            SlotFailed(**FAILED, number=1),
            "failed, and is tried again while it is of use: “the gateway is away”",
        ),
        (
            SlotDone(**DONE, problems=("Back up failed.",)),
            "was done but for a part: “Back up failed”",
        ),
    ],
)
def test_what_was_missed_is_told_with_its_reason(fact: Fact, line: str) -> None:
    (alert,) = due(scene_of(fact), LATER, frozenset(), TIMING)

    assert (alert.kind, alert.about) == (AlertKind.MISSED, f"daily {WEEK_ID}")
    assert alert.line == line
    assert f"daily {WEEK_ID}: {line}" in message_of((alert,), (), HEAD).text


@pytest.mark.parametrize("fact", [SlotDone(**DONE), SlotFailed(**FAILED, number=2)])
def test_what_was_done_and_what_fails_again_is_no_news(fact: Fact) -> None:
    assert due(scene_of(fact), LATER, frozenset(), TIMING) == ()
