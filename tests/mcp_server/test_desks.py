"""Accounts with keys of their own: who is refused by name, and that the others go on."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from broker.exchange.server import running_exchange
from config.settings import Settings, load_settings
from mcp_server import operations
from mcp_server.wiring import Terms, assembled

NUMBERS = {"PKGROQ": "PA33MEQA4WT7", "PKCLAUDE": "PA00000000"}


async def account(request: Request) -> JSONResponse:
    number = NUMBERS.get(request.headers["APCA-API-KEY-ID"])
    if number is None:
        return JSONResponse({"message": "unauthorized."}, status_code=401)
    body = {"account_number": number, "status": "ACTIVE", "cash": "5000", "equity": "5000"}
    body |= {"buying_power": "10000", "long_market_value": "0", "short_market_value": "0"}
    return JSONResponse(
        {
            **body,
            "id": number,
            "shorting_enabled": True,
            "trading_blocked": False,
            "multiplier": "2",
        }
    )


async def nothing(_: Request) -> JSONResponse:
    return JSONResponse([])


@asynccontextmanager
async def stub_venue() -> AsyncIterator[str]:
    routes = [Route("/v2/account", account), Route("/v2/positions", nothing)]
    async with running_exchange(Starlette(routes=routes)) as url:
        yield url


def settings_with(url: str, home: Path, dsn: str) -> Settings:
    keys = {"GROQ": "PKGROQ", "CLAUDE": "PKCLAUDE", "DEEPSEEK": "PKREVOKED"}
    variables = {f"ALPACA_{name}_KEY_ID": key for name, key in keys.items()}
    variables |= {f"ALPACA_{name}_SECRET_KEY": "secret" for name in keys}
    variables |= {"ALPACA_TRADING_URL": url, "COUNCIL_HOME": str(home), "DATABASE_URL": dsn}
    return load_settings(variables, directory=home)


async def test_a_wrong_number_or_a_revoked_key_refuses_that_account_and_no_other(
    database_dsn: str, tmp_path: Path
) -> None:
    async with stub_venue() as url:
        settings = settings_with(url, tmp_path, database_dsn)
        async with assembled(settings, Terms(models=False)) as app:
            status = await operations.status(app)

    problems = {a.account: a.problem for a in status.accounts if a.problem}
    assert problems.keys() == {"CLAUDE", "DEEPSEEK"}
    assert "PA00000000" in (problems["CLAUDE"] or "")
    assert set(app.deps.desks) == {"CHATGPT", "GEMINI", "GROQ", "COUNCIL"}
    assert any(sentence.startswith("CLAUDE is refused") for sentence in status.degraded)


async def test_accounts_with_and_without_keys_stand_beside_each_other(
    database_dsn: str, tmp_path: Path
) -> None:
    async with stub_venue() as url:
        settings = settings_with(url, tmp_path, database_dsn)
        async with assembled(settings, Terms(models=False)) as app:
            status = await operations.status(app)
            source = app.deps.market_data.source

    equity = {a.account: (a.venue, a.equity_usd) for a in status.accounts}
    assert equity["GROQ"] == ("simulated", 5000.0)
    assert equity["GEMINI"] == ("simulated", 100_000.0)
    assert source == f"exchange at {url}"
    assert any(f"the exchange at {url}" in sentence for sentence in status.degraded)


async def test_a_venue_that_is_away_is_a_problem_to_show_and_no_error(
    database_dsn: str, tmp_path: Path
) -> None:
    settings = settings_with("http://127.0.0.1:9", tmp_path, database_dsn)

    async with assembled(settings, Terms(models=False)) as app:
        status = await operations.status(app)

    groq = next(account for account in status.accounts if account.account == "GROQ")
    assert groq.equity_usd is None
    assert groq.problem
    assert "GROQ" in app.deps.desks
