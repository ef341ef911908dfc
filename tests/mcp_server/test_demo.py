import csv
import json
import math
import re
from contextlib import aclosing
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from broker.exchange.prices import FilePrices, SyntheticPrices
from config.clock import VirtualClock
from config.errors import UsageError
from config.loader import load_config
from config.market_calendar import xnys
from config.settings import load_settings
from council.slots import CLOSE
from mcp_server import cli
from mcp_server.demo import DATABASE, DemoBusy, DemoOrder, play
from mcp_server.demo_week import chosen_week
from mcp_server.output import Output
from mcp_server.result_readings import postmortem_material
from mcp_server.wiring import Terms, opened_store
from store.addresses import with_database
from store.locks import PostgresLocks
from tests.conftest import run_apart

pytestmark = pytest.mark.usefixtures("environment")

NOW = datetime.fromisoformat("2026-11-21T06:00:00+00:00")
SYMBOLS = ("SPY", "TLT", "GLD")


def write_bars(path: Path, *, first_on: date, last_on: date, early_end: str | None = None) -> Path:
    """Write daily bars that swing; `early_end` names a symbol that lacks the last ten days."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["date", "symbol", "open", "high", "low", "close", "volume"])
        for number, session in enumerate(xnys().between(first_on, last_on)):
            for place, symbol in enumerate(SYMBOLS):
                cut = symbol == early_end and last_on - session.session_on < timedelta(days=10)
                if not cut:
                    price = 100 + 10 * place + 8 * math.sin(number / (9 + place)) + number / 20
                    low, high = price - 1, price + 1
                    row = [price - 0.3, high, low, price + 0.4, 1000]
                    writer.writerow([session.session_on, symbol, *row])
    return path


async def kept_of_the_demo() -> tuple[int, tuple[str, ...]]:
    """Return how many closes are marked, and the events behind the postmortem in words."""
    settings = load_settings()
    dsn = with_database(settings.database_dsn or "", DATABASE)
    async with opened_store(settings, Terms(dsn=dsn)) as app:
        rows = await app.deps.store.rows("equity_marks", where={"slot": CLOSE})
        material = await postmortem_material(app, "2026-11-18")
    assert material is not None
    return len({row["session_on"] for row in rows}), tuple(material.evidence.values())


def test_the_demo_plays_a_whole_week_and_says_what_is_not_real(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = cli.run(["demo", "--week", "2026-11-18"])

    output = capsys.readouterr().out
    assert code == 0
    assert "rehearsal models" in output.splitlines()[0]
    assert "venue simulated" in output.splitlines()[0]
    for told in (
        "Pack A",
        "Pitches",
        "Blind peer review",
        "Chairman",
        "Dissent",
        "Unsealed",
        "6 tickets",
    ):
        assert told in output
    for told in ("Approved by the demo itself", "Fills", "Positions at Tue 24 Nov 16:00"):
        assert told in output
    postmortem = output[output.index("Postmortem\n") :]
    assert " led with " in postmortem
    assert 1 <= postmortem.count("\n  - ") <= 2
    closes, events = run_apart(kept_of_the_demo)
    assert closes == 5
    assert any(re.search(r"DEEPSEEK: worth [\d.]+ USD at the close", event) for event in events)
    assert any("DEEPSEEK: pitch: SHORT USO" in event for event in events)


def test_the_demo_on_a_file_of_bars_names_the_instruments_without(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    bars = write_bars(
        tmp_path / "bars.csv",
        first_on=date(2022, 1, 3),
        last_on=date(2023, 6, 30),
        early_end="GLD",
    )

    code = cli.run(["demo", "--bars", str(bars), "--week", "2023-06-21", "--json"])

    demo = json.loads(capsys.readouterr().out)
    assert code == 0
    assert demo["prices"] == "file:bars.csv"
    assert demo["notices"][0].startswith("No bars for QQQ, IWM, IEF, HYG, LQD, UUP, GLD, USO")
    assert {trade["instrument"] for trade in demo["week"]["trades"]} <= {"SPY", "TLT"}
    assert {trade["approval_channel"] for trade in demo["week"]["trades"]} == {"demo"}
    assert len(demo["accounts"]) == 6
    assert demo["marked_at"] == demo["postmortem"]["until_at"] == "2023-06-27T20:00:00Z"
    assert demo["postmortem"]["state"] == "written"
    assert [said for said in demo["postmortem"]["notices"] if "60/40" not in said] == []


def test_without_a_week_the_last_full_week_of_most_symbols_is_played(tmp_path: Path) -> None:
    dates = {"first_on": date(2023, 1, 3), "last_on": date(2023, 6, 30)}
    bars = write_bars(tmp_path / "bars.csv", early_end="GLD", **dates)

    week = chosen_week(None, FilePrices(bars), now=NOW, schedule=load_config().schedule)

    assert week == "2023-06-14"


def test_a_week_that_the_file_leaves_is_one_sentence(tmp_path: Path) -> None:
    bars = write_bars(tmp_path / "b.csv", first_on=date(2023, 1, 3), last_on=date(2023, 6, 30))

    with pytest.raises(UsageError, match="from 2023-01-04 to 2023-06-21, but not 2024-01-03"):
        chosen_week("2024-01-03", FilePrices(bars), now=NOW, schedule=load_config().schedule)


def test_synthetic_weeks_before_the_prices_begin_are_refused() -> None:
    prices, clock = SyntheticPrices(7), VirtualClock(NOW)

    with pytest.raises(UsageError, match="do not reach the week 2012-01-04"):
        chosen_week("2012-01-04", prices, now=clock.now(), schedule=load_config().schedule)


async def test_a_second_demo_at_the_same_time_is_refused(database_dsn: str) -> None:
    async with aclosing(PostgresLocks(database_dsn)) as locks, locks.exclusive("demo") as held:
        with pytest.raises(DemoBusy, match="Another `council demo`"):
            await play(DemoOrder(week_id="2026-11-18"), Output(as_json=True))

    assert held
