"""The daily upkeep: the chain's head published, raw answers pruned, backups made and thinned."""

import json
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from config.clock import FixedClock
from config.settings import Settings
from council.alerts.alert import AlertKind
from council.alerts.news import news_of
from council.codec import to_fact
from council.fact import Fact
from council.upkeep_facts import (
    UPKEEP_STREAM,
    AnswersPruned,
    BackupMade,
    ChainDamageFound,
    ChainHeadPublished,
)
from mcp_server.upkeep.back_up import back_up
from mcp_server.upkeep.backup_names import backup_name, made_at, newest, superfluous
from mcp_server.upkeep.prune_answers import prune_answers
from mcp_server.upkeep.publish_head import publish_head
from mcp_server.wiring import App, Terms, opened_store
from store.backup_files import read_manifest
from store.chain import ChainPoint
from store.errors import LogDamaged
from store.projector import verify
from store.raw_answers import PostgresRawAnswers
from tests.store.builders import make_event

MONDAY = datetime(2026, 11, 23, 22, 30, tzinfo=UTC)
DAY = timedelta(days=1)
YEARS = (datetime(2020, 1, 1), datetime(2030, 1, 1))  # noqa: DTZ001 - hypothesis wants them plain


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[App]:
    async with opened_store(settings, Terms(clock=FixedClock(MONDAY))) as opened:
        yield opened


async def upkeep(app: App) -> list[Fact]:
    return [to_fact(event) for event in await app.deps.store.read_stream(UPKEEP_STREAM)]


async def write(app: App, *names: str) -> None:
    for name in names:
        await app.deps.store.append(name, [make_event(name, kind="RunRequested")])


def later(app: App, days: float) -> App:
    clock = FixedClock(app.deps.clock.now() + days * DAY)
    return replace(app, deps=replace(app.deps, clock=clock))


async def test_a_head_is_published_once_a_day_as_a_fact_and_as_one_line(app: App) -> None:
    await write(app, "a", "b", "c")
    before = await verify(app.pool)

    with structlog.testing.capture_logs() as lines:
        said = await publish_head(app)
        again = await publish_head(app)

    (fact,) = await upkeep(app)
    assert isinstance(fact, ChainHeadPublished)
    assert (fact.position, fact.head, fact.verified_events) == (3, before.head, 3)
    assert f"3:{before.head}" in said
    assert again == f"the head of today was published: 3:{before.head}"
    assert [line for line in lines if line["event"] == "chain.head"] == [
        {"event": "chain.head", "log_level": "info", "position": 3, "head": before.head,
         "verified_events": 3}
    ]  # fmt: skip
    assert json.dumps(lines)


async def test_a_day_verifies_only_what_is_new_and_a_week_all_of_it(app: App) -> None:
    await write(app, "a", "b", "c")

    for days in (0, 1, 2, 8):
        await publish_head(later(app, days))

    counts = [f.verified_events for f in await upkeep(app) if isinstance(f, ChainHeadPublished)]
    assert counts == [3, 1, 1, 6]


async def test_an_empty_log_has_no_head_to_publish(app: App) -> None:
    assert await publish_head(app) == "the log has no events, and so no head"
    assert await upkeep(app) == []


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        ("UPDATE events SET payload = '{}' WHERE position = 5", "position 5"),
        ("UPDATE events SET hash = sha256('x') WHERE position = 3", "position 3.*another hash"),
    ],
)
async def test_damage_is_told_once_and_stops_the_publication(
    app: App, *, harm: str, told: str
) -> None:
    await write(app, "a", "b", "c")
    await publish_head(app)
    await write(app, "d")
    await app.pool.execute("ALTER TABLE events DISABLE TRIGGER ALL")
    await app.pool.execute(harm)

    for days in (1, 2):
        with pytest.raises(LogDamaged, match=told):
            await publish_head(later(app, days))

    facts = [fact for fact in await upkeep(app) if isinstance(fact, ChainDamageFound)]
    assert len(facts) == 1


async def test_damage_far_back_is_found_by_the_weeks_verification_of_all(app: App) -> None:
    await write(app, "a", "b", "c")
    await publish_head(app)
    await app.pool.execute("ALTER TABLE events DISABLE TRIGGER ALL")
    await app.pool.execute("DELETE FROM events WHERE position = 2")

    await publish_head(later(app, 6))

    with pytest.raises(LogDamaged, match=r"position 2 \(it is missing\)"):
        await publish_head(later(app, 7))


def test_damage_is_the_first_thing_that_a_message_says_and_a_head_the_last() -> None:
    ranks = list(AlertKind)

    assert (ranks[0], ranks[-1]) == (AlertKind.DAMAGED, AlertKind.HEAD)


async def test_the_owner_is_told_the_head_in_full_and_of_damage(app: App) -> None:
    await write(app, "a")
    await publish_head(app)
    (event,) = await app.deps.store.read_stream(UPKEEP_STREAM)
    head = to_fact(event)
    damage = ChainDamageFound(week_id="2026-11-18", position=7, reason="it is missing")

    told = news_of(event, head, lambda *_: "", relayed=frozenset())
    worse = news_of(event, damage, lambda *_: "", relayed=frozenset())

    assert told is not None
    assert worse is not None
    assert isinstance(head, ChainHeadPublished)
    assert ChainPoint.read(told.line) == ChainPoint(1, head.head)
    assert (worse.kind, "position 7" in worse.line) == (AlertKind.DAMAGED, True)


async def test_answers_go_when_they_are_as_old_as_the_policy_says(app: App) -> None:
    old, young = _kept(app, "aa/old.json", 91), _kept(app, "bb/young.json", 89)
    foreign = _kept(app, "notes.txt", 400)

    apart = PostgresRawAnswers(app.pool)
    await apart.keep("a" * 64, "old answer", MONDAY - 91 * DAY)
    await apart.keep("b" * 64, "young answer", MONDAY - 89 * DAY)

    forever = await prune_answers(app)
    said = await prune_answers(under_policy(app, 90))
    again = await prune_answers(under_policy(app, 90))

    (fact,) = await upkeep(app)
    assert forever == "raw answers are kept for ever"
    assert said == "2 raw answers older than 90 days, 18 bytes, were thrown away"
    assert again == "no raw answer is older than 90 days"
    assert isinstance(fact, AnswersPruned)
    assert (fact.count, fact.bytes, fact.before.date().isoformat()) == (2, 18, "2026-08-25")
    assert list(await apart.find(["a" * 64, "b" * 64])) == ["b" * 64]
    assert (old.exists(), young.exists(), foreign.exists()) == (False, True, True)


async def test_answers_of_the_week_in_force_stay_for_whoever_goes_on_with_it(app: App) -> None:
    apart = PostgresRawAnswers(app.pool)
    await apart.keep("a" * 64, "of Wednesday", MONDAY - 5 * DAY)
    await apart.keep("b" * 64, "of the week before", MONDAY - 6 * DAY)

    await prune_answers(under_policy(app, 1))

    assert list(await apart.find(["a" * 64, "b" * 64])) == ["a" * 64]


def under_policy(app: App, days: int) -> App:
    risk = app.deps.config.risk
    retention = risk.retention.model_copy(update={"raw_answers_days": days})
    changed = risk.model_copy(update={"retention": retention})
    config = app.deps.config.model_copy(update={"risk": changed})
    return replace(app, deps=replace(app.deps, config=config))


def _kept(app: App, name: str, days_old: int) -> Path:
    file = app.settings.council_home / "answers" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("an answer"[:8])
    at = (MONDAY - days_old * DAY).timestamp()
    os.utime(file, (at, at))
    return file


async def test_without_a_folder_no_backup_is_made(app: App) -> None:
    assert await back_up(app) == "no backup is made, as COUNCIL_BACKUP_DIR is not set"


async def test_a_backup_is_made_once_a_day_and_recorded(app: App, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    app = with_folder(app, folder)
    await write(app, "a", "b")

    await back_up(app)
    again = await back_up(app)
    await back_up(later(app, 1))

    facts: list[Any] = await upkeep(app)
    files = sorted(os.listdir(folder))
    assert [type(fact) for fact in facts] == [BackupMade, BackupMade]
    assert [(fact.file, fact.position) for fact in facts] == [(files[0], 2), (files[1], 3)]
    assert again == f"the backup of today is {files[0]}"
    assert read_manifest(folder / files[0]).head == facts[0].head


def with_folder(app: App, folder: Path) -> App:
    settings = app.settings.model_copy(update={"council_backup_dir": folder})
    return replace(app, settings=settings)


def test_of_two_years_of_backups_fourteen_days_and_twelve_months_stay() -> None:
    days = [MONDAY - number * DAY for number in range(730)]
    names = [backup_name("council", at) for at in days]
    others = ["council.tar", "notes.txt", backup_name("council_demo", MONDAY - 700 * DAY)]

    gone = superfluous([*names, *others], "council", daily=14, monthly=12)

    kept = sorted(made_at(name, "council") for name in names if name not in gone)  # type: ignore[type-var]  # all are
    assert kept[-14:] == sorted(days[:14])
    assert [at.strftime("%Y-%m") for at in kept[:-14]] == [  # type: ignore[union-attr]  # all are
        *(f"2025-{month:02}" for month in range(12, 13)),
        *(f"2026-{month:02}" for month in range(1, 11)),
    ]
    assert not set(others) & set(gone)


@given(st.lists(st.datetimes(*YEARS), max_size=40))
def test_the_newest_backup_is_never_removed_and_thinning_twice_removes_nothing(
    moments: list[datetime],
) -> None:
    names = [backup_name("council", at.replace(tzinfo=UTC)) for at in moments]

    gone = superfluous(names, "council", daily=14, monthly=12)
    left = [name for name in names if name not in gone]

    assert newest(left, "council") == newest(names, "council")
    assert superfluous(left, "council", daily=14, monthly=12) == []
    assert len(set(left)) <= 26
