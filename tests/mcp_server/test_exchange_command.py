"""The simulated exchange as a process of its own, and an account that is sent to it."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from mcp_server import cli
from tests.system.command import council, finished, started


async def test_an_account_with_the_exchanges_key_trades_there(
    database_dsn: str, tmp_path: Path
) -> None:
    async with running(database_dsn, tmp_path) as shape:
        keys = {key["account"]: key["key_id"] for key in shape["keys"]}
        environment = {
            "COUNCIL_HOME": str(tmp_path),
            "DATABASE_URL": database_dsn,
            "ALPACA_TRADING_URL": shape["address"],
            "ALPACA_GROQ_KEY_ID": keys["GROQ"],
            "ALPACA_GROQ_SECRET_KEY": shape["secret_key"],
        }
        status = (await council("status", "--json", environment=environment)).document()

    groq = next(account for account in status["accounts"] if account["account"] == "GROQ")
    assert (groq["venue"], groq["equity_usd"], groq["problem"]) == ("simulated", 100_000.0, None)


async def test_a_port_in_use_is_said_in_one_sentence(database_dsn: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        environment = {"COUNCIL_HOME": str(tmp_path), "DATABASE_URL": database_dsn}
        process = await started("exchange", "--port", port, "--json", environment=environment)
        ended = await finished(process)

    assert ended.code == 2
    assert f"Port {port} on 127.0.0.1 is in use" in json.loads(ended.stderr)["error"]["message"]
    assert ended.stdout == ""


async def test_the_options_reach_the_exchange(database_dsn: str, tmp_path: Path) -> None:
    bars = tmp_path / "old.csv"
    bars.write_text(
        "date,symbol,open,high,low,close,volume\n2019-12-18,SPY,318,319,317,318.5,1000\n"
    )
    options = (
        *("--not-shortable", "lqd, uso", "--hard-to-borrow", "USO", "--without-easy-to-borrow"),
        *("--requests-per-minute", "2", "--prices", str(bars)),
    )
    async with running(database_dsn, tmp_path, *options) as shape:
        lqd, uso = [await _asked(shape, f"/v2/assets/{symbol}") for symbol in ("LQD", "USO")]
        too_many = await _asked(shape, "/v2/account")

    assert shape["prices"] == "file:old.csv"
    assert shape["notices"] == ["No price now for SPY: their orders are refused."]
    assert lqd.json()["shortable"] is False
    assert (lqd.json()["borrow_status"], "easy_to_borrow" in lqd.json()) == (
        "easy_to_borrow",
        False,
    )
    assert (uso.json()["shortable"], uso.json()["borrow_status"]) == (False, "hard_to_borrow")
    assert too_many.status_code == 429


@pytest.mark.slow
async def test_a_plan_of_faults_makes_the_wire_fail(database_dsn: str, tmp_path: Path) -> None:
    plan = "seed=7,gets=1,kinds=error_before"
    hours = {"COUNCIL_EXCHANGE_HOURS": "always"}
    async with running(database_dsn, tmp_path, "--faults", plan, **hours) as shape:
        answers = [(await _asked(shape, "/v2/clock")).status_code for _ in range(4)]

    assert shape["notices"] == [
        "COUNCIL_EXCHANGE_HOURS=always: it ignores market hours.",
        f"Its wire fails by plan: {plan}.",
    ]
    assert set(answers[:3]) <= {500, 502, 503, 504}
    assert answers[3] == 200


@pytest.mark.slow
async def test_one_exchange_trades_at_the_prices_of_another(
    database_dsn: str, tmp_path: Path
) -> None:
    async with running(database_dsn, tmp_path, "--seed", "3") as alpaca:
        environment = {
            "ALPACA_DATA_URL": alpaca["address"],
            "ALPACA_GROQ_KEY_ID": "SIMGROQ",
            "ALPACA_GROQ_SECRET_KEY": alpaca["secret_key"],
        }
        async with running(database_dsn, tmp_path, "--prices", "alpaca", **environment) as shape:
            days = "/v2/stocks/bars?symbols=SPY&timeframe=1Day&start=2026-10-01&end=2026-11-01"
            bars = [(await _asked(one, days)).json() for one in (alpaca, shape)]

    assert (shape["prices"], shape["notices"]) == ("alpaca", [])
    assert len(bars[0]["bars"]["SPY"]) == 22
    assert bars[1] == bars[0]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--hard-to-borrow", "GME"], (2, "The exchange has no instrument GME")),
        (["--faults", "posts=2"], (2, "posts is a share from 0 to 1")),
        (["--prices", "alpaca"], (3, "Prices from Alpaca need a key of any paper account")),
        (["--prices", "/no/such.csv"], (2, "The bars file /no/such.csv cannot be read")),
    ],
)
def test_an_option_that_cannot_be_used_is_one_sentence(
    options: list[str],
    expected: tuple[int, str],
    *,
    database_dsn: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("COUNCIL_HOME", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", database_dsn)

    code = cli.run(["exchange", "--port", "0", "--json", *options])

    printed = capsys.readouterr()
    assert (code, printed.out) == (expected[0], "")
    assert expected[1] in json.loads(printed.err)["error"]["message"]


@asynccontextmanager
async def running(
    dsn: str, home: Path, *options: str, **environment: str
) -> AsyncIterator[dict[str, Any]]:
    """Yield what a running `council exchange` has said of itself."""
    base = {"COUNCIL_HOME": str(home), "DATABASE_URL": dsn, **environment}
    process = await started("exchange", "--port", "0", "--json", *options, environment=base)
    assert process.stdout is not None
    try:
        yield json.loads(await _document(process.stdout))
    finally:
        process.terminate()
        await process.wait()


async def _asked(shape: dict[str, Any], path: str) -> requests.Response:
    key = {
        "APCA-API-KEY-ID": shape["keys"][0]["key_id"],
        "APCA-API-SECRET-KEY": shape["secret_key"],
    }
    return await asyncio.to_thread(
        requests.get, shape["address"] + path, headers=key, timeout=(3, 30)
    )


async def _document(stream: asyncio.StreamReader) -> str:
    """Read one indented JSON document."""
    return (await stream.readuntil(b"\n}\n")).decode()
