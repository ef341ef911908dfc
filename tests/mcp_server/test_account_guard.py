"""Row B11: a replaced account, a wrong key, a wrong host. That account stops, the others go on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from broker.errors import AccountMismatch, NotPaperHost
from broker.exchange.app import ExchangeAccount, create_exchange
from broker.exchange.prices import SyntheticPrices
from broker.exchange.server import running_exchange
from config.clock import SystemClock
from config.settings import load_settings
from mcp_server import operations
from mcp_server.shapes import StatusShape
from mcp_server.wiring import App, Terms, assembled
from store.pool import open_pool

NUMBERS = {"GROQ": "PA33MEQA4WT7", "CLAUDE": "PA38PAHFRFYC", "DEEPSEEK": "PA3KKW3TN54V"}
KEYS = {nickname: f"SIM{nickname}" for nickname in NUMBERS}
PRICES = SyntheticPrices(1)


@asynccontextmanager
async def venue_with(dsn: str, *, port: int = 0, **numbers: str) -> AsyncIterator[str]:
    """Serve an exchange that knows every key, each with its account's number or another one."""
    accounts = [
        ExchangeAccount(KEYS[name], "secret", numbers.get(name, NUMBERS[name])) for name in NUMBERS
    ]
    pool = await open_pool(dsn, min_size=0, max_size=2, command_timeout_seconds=10)
    exchange = create_exchange(pool=pool, prices=PRICES, clock=SystemClock(), accounts=accounts)
    async with running_exchange(exchange, port=port) as url:
        yield url
    await pool.close()


def council_at(url: str, home: Path, dsn: str, **changes: str) -> AbstractAsyncContextManager[App]:
    """Open the council with a key for each account; `changes` are other variables."""
    variables = {f"ALPACA_{name}_KEY_ID": key for name, key in KEYS.items()}
    variables |= {f"ALPACA_{name}_SECRET_KEY": "secret" for name in KEYS}
    variables |= {"ALPACA_TRADING_URL": url, "COUNCIL_HOME": str(home), "DATABASE_URL": dsn}
    settings = load_settings({**variables, **changes}, directory=home)
    return assembled(settings, Terms(models=False, prices=PRICES))


def problems_in(status: StatusShape) -> dict[str, str]:
    return {a.account: a.problem for a in status.accounts if a.problem}


async def test_a_replaced_paper_account_is_refused_by_name_and_the_others_go_on(
    database_dsn: str, tmp_path: Path
) -> None:
    async with (
        venue_with(database_dsn, CLAUDE="PA3REPLACED1") as url,
        council_at(url, tmp_path, database_dsn) as app,
    ):
        problems = problems_in(await operations.status(app))

    assert problems.keys() == {"CLAUDE"}
    assert "PA3REPLACED1" in problems["CLAUDE"]
    assert NUMBERS["CLAUDE"] in problems["CLAUDE"]
    assert "CLAUDE" not in app.deps.desks


async def test_an_account_that_is_replaced_while_all_runs_is_noticed_at_the_next_question(
    database_dsn: str, tmp_path: Path
) -> None:
    async with AsyncExitStack() as first:
        url = await first.enter_async_context(venue_with(database_dsn))
        async with council_at(url, tmp_path, database_dsn) as app:
            venues = {name: app.deps.desks[name].venue for name in KEYS}
            await asyncio.gather(*(venue.account() for venue in venues.values()))
            await first.aclose()
            port = int(url.rpartition(":")[2])
            async with venue_with(database_dsn, port=port, CLAUDE="PA3REPLACED1"):
                with pytest.raises(AccountMismatch, match="PA3REPLACED1"):
                    await venues["CLAUDE"].account()
                others = [await venues[name].account() for name in ("GROQ", "DEEPSEEK")]

    assert [account.account_number for account in others] == [NUMBERS["GROQ"], NUMBERS["DEEPSEEK"]]


async def test_a_wrong_key_is_refused_by_name_and_the_others_go_on(
    database_dsn: str, tmp_path: Path
) -> None:
    async with (
        venue_with(database_dsn) as url,
        council_at(url, tmp_path, database_dsn, ALPACA_GROQ_SECRET_KEY="another") as app,
    ):
        problems = problems_in(await operations.status(app))

    assert problems.keys() == {"GROQ"}
    assert "does not accept the key" in problems["GROQ"]
    assert "another" not in problems["GROQ"]


async def test_a_live_address_stops_the_program_before_anything_is_asked(
    database_dsn: str, tmp_path: Path
) -> None:
    live = "https://api.alpaca.markets"

    with pytest.raises(NotPaperHost, match="Orders may not go to") as caught:
        async with council_at(live, tmp_path, database_dsn):
            pass

    assert caught.value.exit_code == 5


async def test_two_accounts_with_one_key_are_both_refused_and_the_others_go_on(
    database_dsn: str, tmp_path: Path
) -> None:
    async with (
        venue_with(database_dsn) as url,
        council_at(url, tmp_path, database_dsn, ALPACA_GROQ_KEY_ID=KEYS["CLAUDE"]) as app,
    ):
        status = await operations.status(app)

    problems = problems_in(status)
    assert problems.keys() == {"GROQ", "CLAUDE"}
    assert "ALPACA_GROQ_KEY_ID and ALPACA_CLAUDE_KEY_ID are the same key" in problems["GROQ"]
    assert {"DEEPSEEK", "COUNCIL"} <= app.deps.desks.keys()
    assert any(sentence.startswith("GROQ is refused") for sentence in status.degraded)


async def test_a_key_of_another_account_is_refused_though_it_is_a_good_key(
    database_dsn: str, tmp_path: Path
) -> None:
    async with (
        venue_with(database_dsn) as url,
        council_at(
            url,
            tmp_path,
            database_dsn,
            ALPACA_GROQ_KEY_ID=KEYS["DEEPSEEK"],
            ALPACA_DEEPSEEK_KEY_ID=KEYS["GROQ"],
        ) as app,
    ):
        problems = problems_in(await operations.status(app))

    assert problems.keys() == {"GROQ", "DEEPSEEK"}
    assert f"belongs to account {NUMBERS['DEEPSEEK']}" in problems["GROQ"]
