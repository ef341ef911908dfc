"""What a conversation can do about stopping: halt, and be told; never resume."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID

import mcp
import pytest

from config.market_calendar import xnys
from config.settings import Settings
from council.trading.approvals import Decider
from mcp_server import operations, stopping
from mcp_server.offers import OFFERS
from mcp_server.server import build_server
from mcp_server.wiring import App, opened_store
from tests.builders import make_lasting_ticket
from tests.council.trading.scenes import store_proposal
from tests.mcp_server.conftest import OpenApp
from tests.mcp_server.test_stopping_commands import drifted
from tests.mcp_server.test_tools import refused, told

ANNA = Decider("anna", "cli", "local_user")
TRADE = UUID("12345678-0000-4000-8000-000000000000")


@pytest.fixture
def open_store(settings: Settings) -> OpenApp:
    """Return what opens the store and the calendar only: stopping needs no venue."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[App]:
        async with opened_store(settings) as app:
            yield replace(app, deps=replace(app.deps, calendar=xnys()))

    return opened


async def test_a_model_halts_and_is_told_that_only_a_person_resumes(open_store: OpenApp) -> None:
    async with mcp.Client(build_server(open_store)) as client:
        halted = await told(client, "halt_trading", reason="The user said stop.")
        again = await told(client, "halt_trading", reason="Again.", accounts=["GROQ"])
        status = await told(client, "get_status")

    assert len(halted["accounts"]) == 6
    assert halted["accounts"][2] == "GROQ halted: the executor cancels orders under way"
    assert "Only a person can resume" in halted["next_step"]
    assert "`council resume`" in halted["next_step"]
    assert "already, by mcp client" in again["accounts"][0]
    assert "The user said stop." in again["accounts"][0]
    assert status["halted"]
    assert status["summary"].startswith("Trading is HALTED. ")
    assert 'every account by mcp client: "The user said stop."' in status["degraded"][0]
    assert status["accounts"][0]["halted"].startswith("by mcp client at ")


async def test_no_tool_resumes_or_accepts_a_drift() -> None:
    names = " ".join(offer.call.__name__ for offer in OFFERS)

    assert "resume" not in names
    assert "drift" not in names


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"reason": "stop", "accounts": ["NOBODY"]}, "NOT halted: No account is called NOBODY"),
        ({"reason": ""}, "at least 1 character"),
        ({}, "reason"),
    ],
)
async def test_a_halt_that_cannot_be_meant_says_that_nothing_is_halted(
    open_store: OpenApp, arguments: dict[str, Any], expected: str
) -> None:
    async with mcp.Client(build_server(open_store)) as client:
        assert expected in await refused(client, "halt_trading", **arguments)


async def test_a_halt_of_one_account_is_not_told_as_one_of_all(open_store: OpenApp) -> None:
    async with mcp.Client(build_server(open_store)) as client:
        await told(client, "halt_trading", reason="stop", accounts=["GROQ", "CLAUDE"])
        status = await told(client, "get_status")

    assert status["summary"].startswith("Trading is HALTED for GROQ, CLAUDE. ")


async def test_a_drift_is_the_first_thing_to_tell_the_user(open_store: OpenApp) -> None:
    async with open_store() as app, mcp.Client(build_server(open_store)) as client:
        await drifted(app.deps)
        status = await told(client, "get_status")

    assert status["next_step"].startswith("Tell the user what is frozen: `council drifts`. ")


async def test_pending_trades_open_with_the_halt_and_no_phrase_is_asked_for(
    open_store: OpenApp,
) -> None:
    ticket = make_lasting_ticket("GROQ", trade_id=TRADE)
    async with open_store() as app, mcp.Client(build_server(open_store)) as client:
        await store_proposal(app.deps, ticket)
        await told(client, "halt_trading", reason="stop", accounts=["GROQ"])
        pending = await told(client, "list_pending_trades")
        refusal = await refused(client, "approve_trade", trade_ids=[str(TRADE)])
        await stopping.resume(app, None, ANNA)
        asked = await refused(client, "approve_trade", trade_ids=[str(TRADE)])

    assert "Trading is halted for GROQ" in pending["degraded"][0]
    assert "NOT approved: trading of GROQ was halted by mcp" in refusal
    assert ticket.confirmation not in refusal
    assert ticket.confirmation in asked


async def test_status_names_each_accounts_halt_and_the_file_halts_all(
    open_store: OpenApp, settings: Settings
) -> None:
    async with open_store() as app:
        before = await operations.status(app)
        await stopping.halt(app, ["GROQ"], reason="looking", by="anna", channel="cli")
        one = await operations.status(app)
        await stopping.resume(app, None, ANNA)
        (settings.council_home / "halt").write_text("stop")
        by_file = await operations.status(app)

    halts = {account.account: account.halted for account in one.accounts}
    assert (before.halted, one.halted, by_file.halted) == (False, True, True)
    assert (before.halt_file, by_file.halt_file) == (None, "stop")
    assert {name for name, halt in halts.items() if halt} == {"GROQ"}
    assert halts["GROQ"] is not None
    assert (halts["GROQ"].by, halts["GROQ"].reason) == ("anna", "looking")
    assert by_file.degraded[0].startswith('The halt file halts every account ("stop")')
