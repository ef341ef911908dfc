"""The mark of a session's open: taken by an executor before it sends, and never in its way."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from broker.errors import VenueUnreachable
from broker.models import Account
from config.clock import VirtualClock
from council.events import WeekStarted
from council.ports import Deps, Progress
from council.projections import project
from council.remembered import Remembered
from council.result_facts import EquityMarked, PricesMarked
from council.trading import opening
from council.trading.executor import execute_once, run_until_settled
from council.trading.journal import record
from store.errors import StoreUnavailable
from store.events import Page
from store.memory import MemoryEventStore
from tests.builders import NOW, WEEK_ID
from tests.config import nyse
from tests.council.trading.scenes import ACCOUNT, approved, facts_of, venue_of, with_quote
from tests.fakes import FakeVenue, make_deps

BEFORE = nyse.at(NOW.date(), "09:00")
OPENED = nyse.at(NOW.date(), "09:31")


async def begun(**changes: Any) -> Deps:
    """Return the world of a week that has begun, just after the open."""
    deps = make_deps(clock=VirtualClock(OPENED), **changes)
    await record(deps, [_beginning()], {})
    with_quote(deps, Decimal(100), at=OPENED)
    return deps


def _beginning() -> WeekStarted:
    return WeekStarted(
        week_id=WEEK_ID,
        config_hash="config-1",
        mode="rehearsal",
        query=None,
        models={},
        degraded=(),
    )


async def opening_of(deps: Deps, account: str = ACCOUNT) -> EquityMarked | None:
    facts = await facts_of(deps, f"equity-{account}")
    return next((f for f in facts if isinstance(f, EquityMarked) and f.slot == "open"), None)


async def test_the_first_turn_in_a_session_marks_all_accounts_before_anything_is_sent() -> None:
    deps = await begun()
    await approved(deps)

    await run_until_settled(deps, (ACCOUNT,), timeout=timedelta(minutes=1))

    assert venue_of(deps).held == {"SPY": 500}
    for name in deps.desks:
        mark = await opening_of(deps, name)
        assert mark is not None
        assert (mark.positions, mark.marked_at) == ((), OPENED)
    (prices,) = await facts_of(deps, f"marks-{WEEK_ID}")
    assert isinstance(prices, PricesMarked)


async def test_later_turns_of_a_session_mark_nothing_and_the_next_session_is_marked() -> None:
    deps = await begun()
    for _ in range(3):
        await execute_once(deps)
    await deps.clock.sleep(timedelta(days=1))
    await execute_once(deps)

    marks = await facts_of(deps, f"marks-{WEEK_ID}")
    assert [m.session_on.day for m in marks if isinstance(m, PricesMarked)] == [18, 19]


async def test_before_the_open_and_before_the_week_nothing_is_marked() -> None:
    told: list[Progress] = []
    early = make_deps(clock=VirtualClock(BEFORE), tell=told.append)
    await record(early, [_beginning()], {})
    unbegun = make_deps(clock=VirtualClock(OPENED), tell=told.append)

    for deps in (early, unbegun):
        await execute_once(deps)
        assert await opening_of(deps) is None
    assert told == []

    await record(unbegun, [_beginning()], {})
    await execute_once(unbegun)
    assert await opening_of(unbegun) is not None


async def test_several_executors_at_once_leave_one_mark() -> None:
    deps = await begun()
    others = [replace(deps, remembered=Remembered()) for _ in range(3)]

    await asyncio.gather(*(execute_once(each) for each in (deps, *others)))

    assert len(await facts_of(deps, f"marks-{WEEK_ID}")) == 1
    assert len(await facts_of(deps, f"equity-{ACCOUNT}")) == 1


async def test_an_account_that_was_away_is_marked_before_its_first_order() -> None:
    told: list[Progress] = []
    deps = await begun(tell=told.append)
    await approved(deps)
    venue_of(deps).failure = VenueUnreachable("no answer")
    for _ in range(3):
        await execute_once(deps)
    venue_of(deps).failure = None

    await run_until_settled(deps, (ACCOUNT,), timeout=timedelta(minutes=1))

    mark = await opening_of(deps)
    assert mark is not None
    assert mark.positions == ()
    assert venue_of(deps).held == {"SPY": 500}
    assert [news.message for news in told] == [f"{ACCOUNT} was not marked at open: no answer"]


async def test_one_venue_that_hangs_holds_the_others_up_for_a_moment_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(opening, "LONGEST_MARK", timedelta(milliseconds=20))
    deps = await begun()
    await approved(deps)
    desk = deps.desks["BRAVO"]

    class Hanging(FakeVenue):
        async def account(self) -> Account:
            await asyncio.Event().wait()
            raise AssertionError

    hanging = Hanging(desk.account.account_number)
    deps = replace(deps, desks={**deps.desks, "BRAVO": replace(desk, venue=hanging)})

    async with asyncio.timeout(5):
        (report,) = await run_until_settled(deps, (ACCOUNT,), timeout=timedelta(minutes=1))

    assert report.outcome == "settled"
    assert venue_of(deps).held == {"SPY": 500}
    assert await opening_of(deps) is not None
    assert await opening_of(deps, "BRAVO") is None


class Unreadable(MemoryEventStore):
    """Cannot read its marks, and fails with `failure`."""

    def __init__(self, failure: Exception) -> None:
        super().__init__(project)
        self._failure = failure

    async def rows(
        self,
        table: str,
        *,
        where: dict[str, Any] | None = None,
        order_by: Sequence[str] = (),
        page: Page | None = None,
    ) -> tuple[dict[str, Any], ...]:
        if table == "equity_marks":
            raise self._failure
        return await super().rows(table, where=where, order_by=order_by, page=page)


@pytest.mark.parametrize("failure", [StoreUnavailable("the database is away"), KeyError("slot")])
async def test_a_mark_that_fails_is_told_once_and_fails_no_execution(failure: Exception) -> None:
    told: list[Progress] = []
    deps = await begun(tell=told.append, store=Unreadable(failure))
    await approved(deps)

    for _ in range(3):
        await run_until_settled(deps, (ACCOUNT,), timeout=timedelta(minutes=1))

    assert venue_of(deps).held == {"SPY": 500}
    (news,) = told
    assert news.message.startswith("the open was not marked")
