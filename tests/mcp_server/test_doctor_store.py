"""What the doctor says of the database and of the venues, with each thing broken and mended."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from broker.errors import VenueUnreachable
from broker.models import Account, MarketClock, Quote
from config.clock import FixedClock
from council.codec import to_event
from council.fact import Fact
from council.ports import Deps, Desk
from council.slot_facts import SlotSkipped
from council.upkeep_facts import BackupMade, ChainHeadPublished
from mcp_server.doctor_store import BACKUP_DUE, HEAD_DUE, of_store
from mcp_server.doctor_venues import clocks, looked, of_venues, prices
from mcp_server.shapes import CheckShape
from mcp_server.wiring import App
from tests.mcp_server.conftest import OpenApp

WEEK = "2026-11-18"


@pytest.fixture
async def app(open_app: OpenApp) -> AsyncIterator[App]:
    async with open_app() as opened:
        yield opened


async def stored(app: App, fact: Fact, ago: timedelta) -> None:
    at = app.deps.clock.now() - ago
    await app.deps.store.append(fact.stream, (to_event(fact, at=at),))


async def line(app: App, name: str) -> CheckShape:
    (found,) = [check async for check in of_store(app) if check.check == name]
    return found


def changed(app: App, **parts: Any) -> App:
    deps: Deps = replace(app.deps, **parts)
    return replace(app, deps=deps)


HEAD = ChainHeadPublished(week_id=WEEK, position=1, head="ab" * 32, verified_events=1)
BACKUP = BackupMade(week_id=WEEK, file="council.tar", bytes=1, position=1, head="ab" * 32)


@pytest.mark.parametrize(
    ("name", "fact", "due"), [("chain head", HEAD, HEAD_DUE), ("backup", BACKUP, BACKUP_DUE)]
)
async def test_what_keeps_the_record_safe_is_due_again_after_a_while(
    app: App, name: str, fact: Fact, due: timedelta
) -> None:
    young = await line(app, name)
    await stored(app, fact, due + timedelta(hours=1))
    late = await line(app, name)
    clock = FixedClock(app.deps.clock.now() - timedelta(hours=2))
    in_time = await line(changed(app, clock=clock), name)

    assert [check.result for check in (young, late, in_time)] == ["ok", "warn", "ok"]
    assert late.mend is not None
    assert "`council" in late.mend


async def test_an_old_log_without_a_backup_is_pointed_at(app: App) -> None:
    await stored(app, HEAD, BACKUP_DUE + timedelta(days=1))

    check = await line(app, "backup")

    assert (check.result, check.message) == ("warn", "none yet")


async def test_a_slot_that_was_skipped_lately_is_pointed_at(app: App) -> None:
    now = app.deps.clock.now()
    before = await line(app, "slots")
    fact = SlotSkipped(
        week_id=WEEK, job="weekly", slot=WEEK, due_at=now, reason="the machine was off"
    )
    await stored(app, fact, timedelta(days=1))
    after = await line(app, "slots")
    later = changed(app, clock=FixedClock(now + timedelta(days=9)))

    assert (before.result, after.result) == ("ok", "warn")
    assert f"weekly {WEEK}" in after.message
    assert (await line(later, "slots")).result == "ok"


async def test_the_server_tells_its_version_and_size_and_who_waits(app: App) -> None:
    server, locks = await line(app, "database server"), await line(app, "locks")

    assert server.result == locks.result == "ok"
    assert server.message.startswith("PostgreSQL ")
    assert "MB" in server.message


class ChangedVenue:
    """A venue whose account and clock are not what they were."""

    def __init__(self, inner: Any, *, skew: timedelta = timedelta(), **account: Any) -> None:
        self._inner, self._skew, self._account = inner, skew, account

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def account(self) -> Account:
        found: Account = await self._inner.account()
        return replace(found, **self._account)

    async def clock(self) -> MarketClock:
        found: MarketClock = await self._inner.clock()
        return replace(found, at=found.at + self._skew)


def desk_with(app: App, **changes: Any) -> Desk:
    desk = app.deps.desks["COUNCIL"]
    venue: Any = ChangedVenue(desk.venue, **changes)
    return replace(desk, venue=venue)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"trading_blocked": True}, "trading is blocked"),
        ({"buying_power": Decimal(0)}, "nothing can be bought"),
        ({"shorting_enabled": False}, "a SHORT would be refused"),
        ({"equity": Decimal(1_500)}, "too little equity for a SHORT"),
    ],
)
async def test_an_account_that_cannot_do_what_may_be_asked_is_pointed_at(
    app: App, changes: dict[str, Any], said: str
) -> None:
    broken, _ = await looked(app, desk_with(app, **changes))
    mended, _ = await looked(app, app.deps.desks["COUNCIL"])

    assert (broken.result, mended.result) == ("warn", "ok")
    assert said in broken.message
    assert broken.mend


async def test_clocks_that_differ_are_a_failure_because_no_order_is_sent(app: App) -> None:
    _, skew = await looked(app, desk_with(app, skew=timedelta(seconds=-3)))

    (broken,) = clocks({"COUNCIL": skew, "GROQ": None}, app)
    (mended,) = clocks({"COUNCIL": timedelta(seconds=0.4)}, app)

    assert (broken.result, mended.result) == ("fail", "ok")
    assert "timedatectl" in (broken.mend or "")


class StaleQuotes:
    """Market data that stopped at some time, or lost instruments."""

    source = "alpaca"

    def __init__(self, inner: Any, age: timedelta, *, lost: int = 0) -> None:
        self._inner, self._age, self._lost = inner, age, lost

    async def latest_quotes(self, symbols: Any) -> dict[str, Quote]:
        found = await self._inner.latest_quotes(symbols)
        kept = list(found.items())[self._lost :]
        return {symbol: replace(quote, at=quote.at - self._age) for symbol, quote in kept}


@pytest.mark.parametrize(
    ("age", "lost", "result"),
    [
        (timedelta(), 0, "ok"),
        (timedelta(days=6), 0, "warn"),
        (timedelta(), 1, "warn"),
    ],
)
async def test_prices_that_stopped_are_pointed_at(
    app: App, age: timedelta, lost: int, result: str
) -> None:
    stale: Any = StaleQuotes(app.deps.market_data, age, lost=lost)

    assert (await prices(changed(app, market_data=stale))).result == result


async def test_a_venue_that_is_away_is_one_failing_line_among_the_others(app: App) -> None:
    desks = {**app.deps.desks, "COUNCIL": desk_with(app)}
    desks["COUNCIL"].venue.account = _unreachable  # type: ignore[method-assign]  # it breaks here

    found = [check async for check in of_venues(changed(app, desks=desks))]

    assert [check.check for check in found if check.result == "fail"] == ["venue COUNCIL"]
    assert len(found) == len(desks) + 2


async def _unreachable() -> Account:
    raise VenueUnreachable("The venue cannot be reached.")
