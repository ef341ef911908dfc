"""Nothing before an instant depends on a price after it: the future changes, the past stays."""

import csv
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path

import asyncpg
import pytest

from broker.exchange.prices import FilePrices, SyntheticPrices
from broker.models import Bar
from config.clock import NEW_YORK
from config.loader import load_config
from config.market_calendar import Session, xnys
from config.settings import Settings
from council.simulate import SimulationPlan, hash_of
from mcp_server.simulating import database_of, simulate
from store.addresses import with_database
from tests.conftest import drop_database, run_apart

FIRST_WEEK = date(2023, 1, 11)
CHANGED_ON = date(2023, 1, 18)
"""The first session of the second week, which deliberates before it opens."""
_EVENTS = 'SELECT "timestamp", event_type, hash FROM events ORDER BY position'

Day = dict[str, tuple[float, ...]]
Change = Callable[[list[Day]], list[Day]]
History = list[tuple[datetime, str, bytes]]


def scaled(days: list[Day]) -> list[Day]:
    """Move every price up by a tenth."""
    return [{s: tuple(1.1 * price for price in bar) for s, bar in day.items()} for day in days]


def shifted(days: list[Day]) -> list[Day]:
    """Let every day be what the next one would have been."""
    return [*days[1:], days[0]]


@pytest.fixture
def simulated(settings: Settings, cluster_dsn: str) -> Iterator[list[str]]:
    """Collect the names of simulations, whose databases are dropped afterwards."""
    names: list[str] = []
    yield names
    for name in names:
        for database in (database_of(name), f"{database_of(name)}$saved"):
            run_apart(partial(drop_database, cluster_dsn, database))


@pytest.mark.slow
async def test_the_past_is_the_same_whatever_the_future_brings(
    settings: Settings, tmp_path: Path, simulated: list[str]
) -> None:
    days = market()
    past = [day for day in days if day[0] < CHANGED_ON]
    future = [day for day in days if day[0] >= CHANGED_ON]
    usual = await played("usual", past + future, settings, simulated)

    before = [event for event in usual if event[0] < _changed_at()]
    assert len(before) > len(usual) / 3
    for change in (scaled, shifted):
        changed = [day for _, day in future]
        other = list(zip([on for on, _ in future], change(changed), strict=True))
        history = await played(change.__name__, past + other, settings, simulated)

        assert history[: len(before)] == before
        assert history[len(before)][0] >= _changed_at()
        assert history[len(before) :] != usual[len(before) :]


@pytest.mark.slow
@pytest.mark.parametrize("leak", ["_day", "quote_at"])
async def test_bars_or_quotes_of_the_next_day_would_be_seen(
    leak: str, settings: Settings, simulated: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FilePrices, leak, _LEAKS[leak])
    days = market()
    future = [on for on, _ in days if on >= CHANGED_ON]
    changed = zip(future, scaled([day for on, day in days if on >= CHANGED_ON]), strict=True)
    other = [*days[: -len(future)], *changed]

    histories = [
        await played(name, told, settings, simulated, first_week=CHANGED_ON, weeks=1)
        for name, told in (("as_it_was", days), ("otherwise", other))
    ]

    usual, unlike = ([event for event in one if event[0] < _changed_at()] for one in histories)
    assert len(usual) > 20
    assert unlike != usual


def _next_bar(self: FilePrices, symbol: str, session: Session) -> object:
    later = session.session_on + timedelta(days=1)
    return _DAY(self, symbol, xnys().between(later, later + timedelta(days=7))[0])


def _next_quote(self: FilePrices, symbol: str, at: datetime) -> object:
    quote = _QUOTE_AT(self, symbol, at + timedelta(days=1))
    return replace(quote, at=at) if quote else None


_DAY, _QUOTE_AT = FilePrices._day, FilePrices.quote_at
_LEAKS = {"_day": _next_bar, "quote_at": _next_quote}


def _changed_at() -> datetime:
    session = xnys().session_on(CHANGED_ON)
    assert session is not None
    return session.open_at


def market() -> list[tuple[date, Day]]:
    """Return the days of a synthetic market, with what indicators look back on."""
    prices, days = SyntheticPrices(11), dict[date, Day]()
    for symbol in prices.symbols:
        for bar in prices.daily_bars(symbol, date(2021, 6, 1), date(2023, 2, 10)):
            days.setdefault(_day(bar), {})[symbol] = _prices(bar)
    return sorted(days.items(), key=lambda day: day[0])


async def played(
    name: str,
    days: list[tuple[date, Day]],
    settings: Settings,
    names: list[str],
    *,
    first_week: date = FIRST_WEEK,
    weeks: int = 2,
) -> History:
    """Play the weeks on these days and return every event with its link of the chain."""
    path = written(settings.council_home / name, days)
    names.append(name)
    plan = SimulationPlan(
        name=name,
        first_week=first_week,
        weeks=weeks,
        prices=str(path),
        prices_hash=name,
        config_hash=hash_of(load_config()),
    )
    await simulate(plan, settings, tell=lambda week: None)
    dsn = settings.database_dsn
    assert dsn is not None
    connection = await asyncpg.connect(with_database(dsn, database_of(name)))
    try:
        return [tuple(row) for row in await connection.fetch(_EVENTS)]
    finally:
        await connection.close()


def written(folder: Path, days: list[tuple[date, Day]]) -> Path:
    """Write the days as daily bars; the file's name, which facts tell, is always the same."""
    folder.mkdir()
    path = folder / "bars.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("date", "symbol", "open", "high", "low", "close", "volume"))
        for on, day in days:
            for symbol, prices in sorted(day.items()):
                writer.writerow((on, symbol, *(f"{price:.4f}" for price in prices), 1_000))
    return path


def _day(bar: Bar) -> date:
    return bar.start_at.astimezone(NEW_YORK).date()


def _prices(bar: Bar) -> tuple[float, ...]:
    return tuple(float(price) for price in (bar.open, bar.high, bar.low, bar.close))
