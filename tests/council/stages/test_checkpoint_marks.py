"""Every slot is marked with its looks, in one lock, and neither is lost where the other fails."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any
from unittest.mock import AsyncMock

import pytest

from broker.errors import VenueUnreachable
from broker.models import Quote
from config.errors import UnreachableError, UsageError
from council import checkpoints
from council.checkpoints import run_checkpoint
from council.errors import UnknownWeek, WeekBusy
from council.events import CheckpointTaken
from council.marking import mark_problems
from council.model.checkpoint import Action
from council.ports import Deps, Progress
from council.remembered import Remembered
from council.result_facts import EquityMarked, PricesMarked
from store.errors import StoreUnavailable
from tests.builders import CHAIRMAN, MANAGERS, WEEK_ID
from tests.config import nyse
from tests.council.stages.test_checkpoint import NOON, SLOT, move_price, open_week, wanting
from tests.council.test_pipeline_rehearsal import Killed
from tests.council.trading.scenes import facts_of, venue_of
from tests.fakes import FakeMarketData, FakeModels, make_deps

WEDNESDAY, TUESDAY = date(2026, 11, 18), date(2026, 11, 24)


async def marked(deps: Deps, account: str = "ALPHA") -> list[tuple[date, str]]:
    facts = await facts_of(deps, f"equity-{account}")
    return [(fact.session_on, fact.slot) for fact in facts if isinstance(fact, EquityMarked)]


async def priced(deps: Deps) -> list[str]:
    facts = await facts_of(deps, f"marks-{WEEK_ID}")
    return [fact.slot for fact in facts if isinstance(fact, PricesMarked)]


async def until(day: date, wall: str, deps: Deps) -> None:
    await deps.clock.sleep(nyse.at(day, wall) - deps.clock.now())


@pytest.mark.parametrize("accounts", [(), ("ALPHA",)])
async def test_a_slot_is_marked_whether_or_not_anything_is_open(accounts: tuple[str, ...]) -> None:
    deps = await open_week(FakeModels(), accounts=accounts)

    looks = await run_checkpoint(WEEK_ID, deps, slot=SLOT)
    again = await run_checkpoint(WEEK_ID, deps, slot=SLOT)

    assert [fact.about_account for fact in looks] == [*accounts]
    assert again == ()
    assert await priced(deps) == [SLOT]
    for account in (*MANAGERS, CHAIRMAN):
        assert await marked(deps, account) == [(WEDNESDAY, SLOT)]


async def test_looks_come_before_marks() -> None:
    deps = await open_week(wanting(Action.STAY, "0.5"))
    move_price(deps, "80")
    await run_checkpoint(WEEK_ID, deps, slot=SLOT)

    kinds = (CheckpointTaken.__name__, PricesMarked.__name__)
    order = [event.event_type async for event in deps.store.read_all(event_types=kinds)]
    assert order == [CheckpointTaken.__name__, PricesMarked.__name__]


@dataclass
class SilentSource(FakeMarketData):
    """Has quotes for the looks, and for nobody afterwards."""

    answers: int = 1

    async def latest_quotes(self, symbols: Sequence[str]) -> Mapping[str, Quote]:
        self.answers -= 1
        if self.answers < 0:
            raise VenueUnreachable("prices are away")
        return await super().latest_quotes(symbols)


async def test_a_mark_that_fails_loses_no_look_and_is_told() -> None:
    told: list[Progress] = []
    deps = await open_week(FakeModels())
    assert isinstance(deps.market_data, FakeMarketData)
    silent = SilentSource(deps.calendar, quotes=deps.market_data.quotes)
    desks = {name: replace(desk, market_data=silent) for name, desk in deps.desks.items()}
    deps = replace(deps, market_data=silent, desks=desks, tell=told.append)

    (look,) = await run_checkpoint(WEEK_ID, deps, slot=SLOT)

    assert isinstance(look, CheckpointTaken)
    said = "prices were not marked at 12:00: prices are away"
    assert said in [news.message for news in told]
    assert mark_problems(WEDNESDAY, SLOT, deps) == (f"P{said[1:]}.",)
    assert await marked(deps) == [(WEDNESDAY, SLOT)]


async def test_what_could_not_be_marked_for_a_moment_is_no_problem_once_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def away(*_: Any, **__: Any) -> tuple[()]:
        raise StoreUnavailable("the database is away")

    deps = await open_week(FakeModels(), accounts=())
    with monkeypatch.context() as patched:
        patched.setattr(deps.store, "rows", away)
        await run_checkpoint(WEEK_ID, deps, slot=SLOT)
        before = mark_problems(WEDNESDAY, SLOT, deps)

    await run_checkpoint(WEEK_ID, deps, slot=SLOT)

    assert before == ("12:00 was not marked: the database is away.",)
    assert mark_problems(WEDNESDAY, SLOT, deps) == ()
    assert await priced(deps) == [SLOT]


async def test_killed_between_look_and_mark_the_slot_is_marked_and_not_looked_at_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    models = wanting(Action.STAY, "1")
    deps = await open_week(models)
    move_price(deps, "80")
    with monkeypatch.context() as patched:
        patched.setattr(checkpoints, "mark", AsyncMock(side_effect=Killed))
        with pytest.raises(Killed):
            await run_checkpoint(WEEK_ID, deps, slot=SLOT)

    again = await run_checkpoint(WEEK_ID, replace(deps, remembered=Remembered()), slot=SLOT)

    assert (again, await priced(deps)) == ((), [SLOT])
    assert models.asked_in("checkpoint") == ["ALPHA"]


async def test_looks_that_fail_lose_no_mark() -> None:
    deps = await open_week(FakeModels(), accounts=MANAGERS)
    for name in MANAGERS:
        venue_of(deps, name).failure = VenueUnreachable("no answer")
    only = {name: deps.desks[name] for name in MANAGERS}

    with pytest.raises(UnreachableError):
        await run_checkpoint(WEEK_ID, replace(deps, desks=only), slot=SLOT)

    assert await priced(deps) == [SLOT]


async def test_the_close_is_marked_without_a_look_and_without_a_model() -> None:
    models = wanting(Action.EXIT, "0")
    deps = await open_week(models)
    move_price(deps, "80")
    await until(WEDNESDAY, "16:02", deps)

    assert await run_checkpoint(WEEK_ID, deps, slot="close") == ()
    assert (await priced(deps), await marked(deps)) == (["close"], [(WEDNESDAY, "close")])
    assert models.asked_in("checkpoint") == []


async def test_the_week_s_last_close_is_marked_after_its_end_until_the_next_open() -> None:
    deps = await open_week(FakeModels())
    await until(TUESDAY, "18:00", deps)
    await run_checkpoint(WEEK_ID, deps, slot="close")
    assert await marked(deps) == [(TUESDAY, "close")]

    late = await open_week(FakeModels())
    await until(date(2026, 11, 25), "09:29", late)
    await run_checkpoint(WEEK_ID, late, slot="close")
    assert await marked(late) == [(TUESDAY, "close")]

    told: list[Progress] = []
    too_late = replace(await open_week(FakeModels()), tell=told.append)
    await until(date(2026, 11, 25), "09:31", too_late)
    await run_checkpoint(WEEK_ID, too_late, slot="close")
    assert await marked(too_late) == []
    assert [news.message for news in told] == ["today's session is open until 16:00 New York"]


async def test_a_slot_that_is_passed_over_is_not_marked() -> None:
    told: list[Progress] = []
    deps = replace(await open_week(FakeModels()), tell=told.append)
    await deps.clock.sleep(timedelta(hours=5))

    await run_checkpoint(WEEK_ID, deps, slot="15:50")

    assert await priced(deps) == []
    assert len(told) == 1


async def test_marks_wait_for_the_week_s_lock_and_for_its_beginning() -> None:
    deps = make_deps()
    await until(WEDNESDAY, "16:02", deps)

    with pytest.raises(UnknownWeek):
        await run_checkpoint(WEEK_ID, deps, slot="close")
    async with deps.locks.exclusive(f"week-{WEEK_ID}"):
        with pytest.raises(WeekBusy):
            await run_checkpoint(WEEK_ID, deps, slot="close")


async def test_no_slot_is_called_otherwise() -> None:
    with pytest.raises(UsageError, match="09:00, 12:00, 14:00, 15:50, close"):
        await run_checkpoint(WEEK_ID, make_deps(), slot="open")


async def test_a_late_look_and_its_mark_know_when_they_were_taken() -> None:
    deps = await open_week(FakeModels())
    late_at = NOON + timedelta(minutes=40)
    await deps.clock.sleep(late_at - deps.clock.now())

    (look,) = await run_checkpoint(WEEK_ID, deps, slot=SLOT)

    (mark,) = await facts_of(deps, "equity-ALPHA")
    assert isinstance(look, CheckpointTaken)
    assert isinstance(mark, EquityMarked)
    assert look.checkpoint.taken_at == mark.marked_at == late_at
