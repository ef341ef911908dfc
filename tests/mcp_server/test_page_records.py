"""Costs and status on pages: unknown is never zero, and no venue is asked unasked."""

import re
from typing import Any

import pytest

from broker.models import Account
from config.settings import Settings
from mcp_server import operations
from mcp_server.costs import read_costs
from mcp_server.stopping import halt
from tests.builders import NOW, WEEK_ID
from tests.council.week_results_scenes import LATER, Record
from tests.mcp_server.looking import looking
from tests.mcp_server.test_costs import recorded
from tests.mcp_server.test_page_results import ROWS, words_of


async def test_costs_are_those_of_the_readings_and_unknown_ones_are_said(
    settings: Settings,
) -> None:
    async with looking(settings, NOW) as (app, its):
        nothing = words_of((await its.get("/costs")).text)
        await recorded(app)
        all_weeks = words_of((await its.get("/costs")).text)
        one_week = words_of((await its.get(f"/costs?week={WEEK_ID}")).text)
        costs = await read_costs(app, None)

    assert "No model was called yet." in nothing
    assert "4 calls to models cost ~0.7500 or more USD." in all_weeks
    assert "1 call is of unknown cost" in all_weeks
    for line in (*costs.accounts, *costs.models, *costs.stages, *costs.weeks, *costs.months):
        assert f"{line.name} {line.calls:,} {line.prompt_tokens:,}" in all_weeks
    assert "3 calls to models" in one_week
    assert "10% used : 0.9500 of 10.00 USD" in one_week


async def test_costs_of_what_is_no_week_are_not_found(settings: Settings) -> None:
    async with looking(settings, NOW) as (_, its):
        answers = [
            (await its.get(f"/costs?week={week}")).status_code
            for week in ("2026-11-19", "x", "<b>")
        ]

    assert answers == [404] * 3


async def test_status_tells_what_is_stored_and_asks_no_venue(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    record = Record()
    record.begin(0)
    record.mark(0, 0, "open", ROWS[0])

    async with looking(settings, LATER) as (app, its):
        for name, desk in app.deps.desks.items():

            async def account(name: str = name, **_: Any) -> Account:
                asked.append(name)
                raise AssertionError("No venue is to be asked.")

            monkeypatch.setattr(type(desk.venue), "account", account, raising=False)
        await record.store_in(app.deps)
        page = await its.get("/status")

    shown = words_of(page.text)
    assert page.status_code == 200
    assert asked == []
    assert "Trading not halted" in shown
    assert "Approvals conversational" in shown
    for own in app.deps.config.accounts:
        assert f"{own.nickname} simulated {own.account_number} unknown never flat nothing" in shown


async def test_venues_answer_where_the_person_asks_them(settings: Settings) -> None:
    async with looking(settings, LATER) as (app, its):
        shown = words_of((await its.get("/status?ask=venues")).text)
        status = await operations.status(app)

    for own in status.accounts:
        assert own.equity_usd is not None
        assert f"{own.account} simulated {own.account_number} {own.equity_usd:,.2f} flat" in shown


async def test_what_is_halted_is_said_beside_the_way_on(settings: Settings) -> None:
    async with looking(settings, LATER) as (app, its):
        before = (await its.get("/status")).text
        await halt(app, ["GEMINI"], reason="<b>Too fast</b>", by="ann", channel="cli")
        page = (await its.get("/status")).text
        own = (await its.get("/accounts/GEMINI")).text
        other = (await its.get("/accounts/GROQ")).text

    assert 'href="/halt"' in before
    assert 'href="/resume"' not in before
    assert 'href="/resume"' in page
    assert "Trading halted" in words_of(page)
    assert "&lt;b&gt;Too fast&lt;/b&gt;" in page
    assert "<b>Too fast" not in page
    assert len(re.findall("Too fast", own)) == len(re.findall("Too fast", other)) + 1
