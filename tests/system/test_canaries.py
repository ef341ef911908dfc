"""No secret comes out again: not in an answer, a page, the log, a command's output or a file."""

import json
import re
import subprocess
import sys
import tarfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import mcp
import pytest
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

from mcp_server.passphrase import Cost, set_passphrase
from store.addresses import with_login
from tests.system.command import started

pytestmark = pytest.mark.slow

AWAY = "http://127.0.0.1:9"
SECRETS = {
    "REQUESTY_API_KEY": "canary-requesty-Zz9Q-Zz9Q-Zz9Q",
    "PERPLEXITY_API_KEY": "canary-perplexity-Zz9Q-Zz9Q",
    "GEMINI_API_KEY": "canary-gemini-Zz9Q-Zz9Q-Zz9Q",
    "COUNCIL_STATE_KEY": "canary-state-Zz9Q-Zz9Q-Zz9Q-Zz9Q-Zz9Q",
    "ALPACA_CHATGPT_KEY_ID": "PKCANARYZZ9QZZ9QZZ9Q",
    "ALPACA_CHATGPT_SECRET_KEY": "canary-alpaca-Zz9Q-Zz9Q-Zz9Q",
}
DATABASE_PASSWORD, ALERT_PASSWORD = "canary-database-Zz9Q-Zz9Q", "canary-alert-Zz9Q-Zz9Q"
PASSPHRASE, GUESS = "canary passphrase of four words", "canary guess of four words"
ARGUMENTS: tuple[dict[str, Any], ...] = (
    {},
    {"trade_ids": ["abcdef"]},
    {"trade_id": "abcdef", "nonce": "n", "decision": "approve"},
    {"question": "Why?"},
    {"run_id": "run-2026-11-18"},
    {"week_id": "2026-11-18"},
)
COMMANDS = (
    "status --json",
    "doctor",
    "doctor --notify",
    "trades",
    "costs",
    "events",
    "token list",
    "approve --all",
    "--log-format json status",
    "support-bundle {home}/bundle.tar.gz",
)
PAGES = (
    "/",
    "/approvals",
    "/approvals/x",
    "/ready",
    "/metrics",
    "/.well-known/oauth-protected-resource/mcp",
)
_START = "from mcp_server.start import main; main()"


@pytest.fixture
def environment(database_dsn: str, tmp_path: Path) -> dict[str, str]:
    """Return a council that has every secret, and whose services do not answer."""
    home = tmp_path / "council"
    home.mkdir(mode=0o700)
    set_passphrase(home, PASSPHRASE, cost=Cost(log2_n=4, r=1, p=1))
    addresses = {"ALPACA_TRADING_URL": AWAY, "ALPACA_DATA_URL": AWAY, "REQUESTY_BASE_URL": AWAY}
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
        "COUNCIL_HOME": str(home),
        "DATABASE_URL": with_login(database_dsn, "postgres", DATABASE_PASSWORD),
        "COUNCIL_ALERT_URLS": f"json://owner:{ALERT_PASSWORD}@127.0.0.1:9/x",
        "COUNCIL_EXCHANGE_HOURS": "always",
        "OTEL_TRACES_EXPORTER": "console",
        **addresses,
        **SECRETS,
    }


@pytest.mark.shows_secret("a token is shown when it is made, and the state key is in its file")
async def test_no_secret_comes_out_again(environment: dict[str, str]) -> None:
    made = ran(environment, "token create ann --scope approve --json")
    (token,) = re.findall(r"council_[\w-]{40,}", made)

    async with serving(environment) as (address, said):
        said += [text async for text in asked_by_tools(f"{address}/mcp", token)]
        async with httpx2.AsyncClient(base_url=address) as web:
            said += [(await web.get(page, follow_redirects=True)).text for page in PAGES]
    home = Path(environment["COUNCIL_HOME"])
    said += [ran(environment, command.format(home=home)) for command in COMMANDS]
    said.append(ran(environment, "resume --yes --passphrase-stdin", f"{GUESS}\n"))
    kept = [*kept_in(home), *bundled_in(home / "bundle.tar.gz")]

    secrets = (*SECRETS.values(), DATABASE_PASSWORD, ALERT_PASSWORD, PASSPHRASE, GUESS, token)
    found = [secret for secret in secrets for text in (*said, *kept) if secret in text]
    assert found == []
    assert len("".join(said)) > 20_000
    assert "council.command" in "".join(said), "nothing was traced"


def ran(environment: dict[str, str], command: str, lines: str = "") -> str:
    """Run a command and return all that it prints."""
    done = subprocess.run(
        [sys.executable, "-c", _START, *command.split()],
        env=environment,
        input=lines,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.stdout + done.stderr


def kept_in(home: Path) -> list[str]:
    """Return the files of a home, such as tokens and passphrase."""
    kept = [path for path in home.iterdir() if path.is_file() and path.suffix != ".gz"]
    return [path.read_text() for path in kept]


def bundled_in(path: Path) -> list[str]:
    """Return the files of a bundle for somebody else."""
    with tarfile.open(path) as bundle:
        files = [bundle.extractfile(member) for member in bundle]
        return [file.read().decode() for file in files if file is not None]


@asynccontextmanager
async def serving(environment: dict[str, str]) -> AsyncIterator[tuple[str, list[str]]]:
    """Run `council serve`; yields its address, and a list that has all it said in the end."""
    process = await started("serve", "--port", "0", "--json", environment=environment)
    assert process.stdout is not None
    text = (await process.stdout.readuntil(b"\n}\n")).decode()
    said = [text]
    try:
        yield json.loads(text)["address"], said
    finally:
        process.terminate()
        said.extend(part.decode() for part in await process.communicate() if part)


async def asked_by_tools(url: str, token: str) -> AsyncIterator[str]:
    """Yield what every tool and a few resources answer, most of it refusals."""
    bearer = {"Authorization": f"Bearer {token}"}
    async with (
        httpx2.AsyncClient(headers=bearer, timeout=60) as web,
        mcp.Client(streamable_http_client(url, http_client=web)) as client,
    ):
        for tool in (await client.list_tools()).tools:
            for arguments in ARGUMENTS:
                yield (await client.call_tool(tool.name, arguments)).model_dump_json()
        for uri in ("council://status", "council://weeks/current", "council://weeks/2026-11-18"):
            try:
                yield (await client.read_resource(uri)).model_dump_json()
            except MCPError as error:
                yield str(error)
