"""The leaderboard and the accounts on pages: the figures of the readings, and nothing asked."""

import re
from collections.abc import Sequence
from html import unescape

import httpx2

from config.settings import Settings
from council.week_results import read_results
from mcp_server.reporting.document import Table
from mcp_server.reporting.reports import leaderboard_report
from mcp_server.result_readings import leaderboard_material, read_leaderboard
from mcp_server.wiring import App
from tests.council.week_results_scenes import LATER, Record, week_of
from tests.mcp_server.looking import looking

ROWS: Sequence[dict[str, float]] = [
    {"SPY": 100.0, "IEF": 100.0, "TLT": 100.0},
    {"SPY": 102.0, "IEF": 99.0, "TLT": 100.0},
    {"SPY": 101.0, "IEF": 99.5, "TLT": 100.0},
]
CELL = re.compile(r"<(?:th scope=\"row\"|td class=\"number\")>(.*?)</t[hd]>", re.DOTALL)


async def told(app: App, weeks: int, *, trades: int = 0) -> None:
    """Store weeks in which two managers pitch and ALPHA trades."""
    record = Record()
    for number in range(weeks):
        record.begin(number, views={"ALPHA": ("SPY", 1.0), "BRAVO": ("IEF", -0.5)})
        record.mark(number, 0, "open", ROWS[number % 3])
        record.trade("ALPHA", 10 if number % 2 else -10, 100.0, number=number)
        for day, row in zip((0, 1, 6), ROWS, strict=True):
            record.mark(number, day, "close", row)
    await record.store_in(app.deps)


def words_of(page: str) -> str:
    """Return what a page says, without its markup."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


def cells_of(page: str) -> list[str]:
    return [words_of(cell) for cell in CELL.findall(page)]


async def test_every_figure_of_the_leaderboard_is_that_of_the_readings(settings: Settings) -> None:
    async with looking(settings, LATER) as (app, its):
        await told(app, 3)
        shown = (await its.get("/leaderboard")).text
        shape = await read_leaderboard(app)
        report = leaderboard_report(await leaderboard_material(app))

    tables = [block for s in report.sections for block in s.blocks if isinstance(block, Table)]
    wanted = [cell for table in tables for row in table.rows for cell in row.cells]
    assert cells_of(shown) == wanted
    assert shape.answer in words_of(shown)
    assert len(wanted) > 100


async def test_too_few_weeks_are_said_to_be_too_few(settings: Settings) -> None:
    async with looking(settings, LATER) as (app, its):
        nothing = words_of((await its.get("/leaderboard")).text)
        await told(app, 2)
        two = words_of((await its.get("/leaderboard")).text)

    assert "No account was marked often enough to tell a return" in nothing
    assert "No equity has been marked yet." in nothing
    assert "not enough weeks: 2 of 8" in two


async def test_charts_are_drawn_without_a_style_of_their_own(settings: Settings) -> None:
    async with looking(settings, LATER) as (app, its):
        await told(app, 2)
        pages = [(await its.get(path)).text for path in ("/leaderboard", "/accounts/ALPHA")]

    for page in pages:
        assert page.count('class="council-chart"') >= 2
        assert re.search(r'href="/assets/[0-9a-f]{16}/chart.css"', page)
        assert not re.search(r"<style|\sstyle=", page)


async def test_a_second_look_works_nothing_out_until_something_happens(settings: Settings) -> None:
    async with looking(settings, LATER) as (app, its):
        await told(app, 2)
        first = (await its.get("/leaderboard")).text
        measured = await read_results(app.deps)
        again = (await its.get("/leaderboard")).text
        same = await read_results(app.deps)
        await told(app, 3)
        after = words_of((await its.get("/leaderboard")).text)

    assert first == again
    assert same.stages is measured.stages
    assert "To date: 3 weeks" in after


async def test_an_account_shows_its_worth_its_figures_and_its_trades(settings: Settings) -> None:
    async with looking(settings, LATER) as (app, its):
        await told(app, 3)
        page = (await its.get("/accounts/ALPHA")).text
        line = next(one for one in (await read_results(app.deps)).to_date if one.account == "ALPHA")
        marks = await app.deps.store.rows("equity_marks", where={"account_id": "ALPHA"})
        trades = await app.deps.store.rows("trades", where={"account_id": "ALPHA"})

    shown = words_of(page)
    newest = max(marks, key=lambda mark: mark["marked_at"])
    assert f"{newest['equity_usd']:,.2f} USD" in shown
    assert "no longer in accounts.yaml" in shown
    assert f"{line.hits.hits} of {line.hits.count}" in shown
    weeks = re.findall(r'<th scope="row"><a href="/weeks/([^"]+)">', page)
    assert weeks == [week_of(number) for number in (2, 1, 0)]
    assert {f'href="/approvals/{trade["trade_id"]}"' in page for trade in trades} == {True}


async def trades_met(its: httpx2.AsyncClient, path: str) -> list[str]:
    """Return the trades that the pages of an account lead to, page after page."""
    met: list[str] = []
    for _ in range(10):
        page = (await its.get(path)).text
        met += re.findall(r'href="/approvals/([0-9a-f-]{36})"', page)
        older = re.search(r'href="(/accounts/[^"]+\?after=[^"#]+)#trades"', page)
        if older is None:
            break
        path = unescape(older[1])
    return met


async def test_pages_of_trades_meet_each_once_newest_first(settings: Settings) -> None:
    record = Record()
    for number in range(45):
        record.begin(number)
        record.propose("ALPHA", 10, number=number)
    async with looking(settings, LATER) as (app, its):
        await record.store_in(app.deps)
        rows = await app.deps.store.rows(
            "trades", where={"account_id": "ALPHA"}, order_by=("week_id",)
        )
        record = Record()
        record.begin(0)
        record.mark(0, 0, "open", ROWS[0])
        await record.store_in(app.deps)
        met = await trades_met(its, "/accounts/ALPHA")
        astray = [
            (await its.get(f"/accounts/ALPHA?after={where}")).status_code
            for where in ("nowhere", "00000000-0000-5000-8000-000000000000")
        ]

    assert met == [str(row["trade_id"]) for row in reversed(rows)]
    assert len(met) == 45
    assert astray == [404, 404]


async def test_an_account_that_is_none_is_not_found(settings: Settings) -> None:
    names = ("nobody", "<script>alert(1)</script>", "council", "%00")
    async with looking(settings, LATER) as (_, its):
        answers = [await its.get(f"/accounts/{name}") for name in names]

    assert [answer.status_code for answer in answers] == [404] * 4
    assert not [answer for answer in answers if "<script>alert" in answer.text]
