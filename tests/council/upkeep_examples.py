"""One valid example of every fact about the program's own work: runs, news, slots, the record."""

from typing import Any

from config.ids import meaning_id
from council.alert_facts import (
    AlertBegun,
    AlertDoubted,
    AlertFailed,
    AlertGathered,
    AlertsBegan,
    AlertSent,
    DeliveryName,
    GatheredAlert,
)
from council.fact import Fact
from council.run_facts import RunCancelled, RunRequested
from council.slot_facts import SlotDone, SlotFailed, SlotSkipped
from council.upkeep_facts import (
    AnswersPruned,
    BackupMade,
    ChainDamageFound,
    ChainHeadPublished,
)
from tests.builders import NOW, WEEK_ID


def run_facts() -> tuple[Fact, ...]:
    """Return one example of every fact about what was asked to run."""
    run = {"week_id": WEEK_ID, "run_id": f"run-{WEEK_ID}", "number": 1}
    return (RunRequested(**run, query="Rates first."), RunCancelled(**run))


def alerting_facts() -> tuple[Fact, ...]:
    """Return one example of every fact about telling the owner."""
    delivery = {"week_id": WEEK_ID, "number": 1, "address": "json://127.0.0.1 (0a1b2c)"}
    attempt = {**delivery, "attempt": 1}
    return (
        AlertsBegan(week_id=WEEK_ID, position=7, read_from=3),
        AlertGathered(
            week_id=WEEK_ID,
            number=1,
            title="Council, SIMULATED: 1 trade waits",
            text="Paper trading, no real money.",
            alerts=(GatheredAlert(alert_id=meaning_id("alert", 1), kind="waiting"),),
            addresses=(str(delivery["address"]),),
            doubted=(DeliveryName(number=1, address=str(delivery["address"])),),
            read_from=3,
        ),
        AlertBegun(**attempt),
        AlertSent(**attempt),
        AlertFailed(**attempt, reason="it could not be reached", is_final=False),
        AlertDoubted(**attempt, reason="no answer in 30 s"),
    )


def slot_facts() -> tuple[Fact, ...]:
    """Return one example of every fact about scheduled work."""
    slot: dict[str, Any] = {
        "week_id": WEEK_ID,
        "job": "checkpoint",
        "slot": f"{WEEK_ID} 09:00",
        "due_at": NOW,
    }
    return (
        SlotDone(
            **slot,
            started_at=NOW,
            finished_at=NOW,
            outcome="6 open trades were looked at.",
            problems=("The backup failed.",),
        ),
        SlotSkipped(**slot, reason="nothing ran until 12:00"),
        SlotFailed(**slot, number=1, failed_at=NOW, reason="the gateway is away"),
    )


def upkeep_facts() -> tuple[Fact, ...]:
    """Return one example of every fact about looking after the record."""
    return (
        ChainHeadPublished(week_id=WEEK_ID, position=312, head="5e" * 32, verified_events=40),
        ChainDamageFound(week_id=WEEK_ID, position=7, reason="it is missing"),
        AnswersPruned(week_id=WEEK_ID, before=NOW, count=3, bytes=41_000),
        BackupMade(week_id=WEEK_ID, file="council.tar", bytes=90_112, position=312, head="5e" * 32),
    )
