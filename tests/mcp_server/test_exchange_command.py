"""The simulated exchange as a process of its own, and an account that is sent to it."""

import asyncio
import json
import socket
from pathlib import Path

from tests.system.command import council, finished, started


async def test_an_account_with_the_exchanges_key_trades_there(
    database_dsn: str, tmp_path: Path
) -> None:
    home = {"COUNCIL_HOME": str(tmp_path), "DATABASE_URL": database_dsn}
    process = await started("exchange", "--port", "0", "--json", environment=home)
    assert process.stdout is not None

    try:
        shape = json.loads(await _document(process.stdout))
        keys = {key["account"]: key["key_id"] for key in shape["keys"]}
        environment = {
            **home,
            "ALPACA_TRADING_URL": shape["address"],
            "ALPACA_GROQ_KEY_ID": keys["GROQ"],
            "ALPACA_GROQ_SECRET_KEY": shape["secret_key"],
        }
        status = (await council("status", "--json", environment=environment)).document()
    finally:
        process.terminate()
        await process.wait()

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


async def _document(stream: asyncio.StreamReader) -> str:
    """Read one indented JSON document."""
    return (await stream.readuntil(b"\n}\n")).decode()
