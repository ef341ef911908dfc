"""An assistant with a shell and a network: terminals, scripts and requests instead of tools.

What it cannot pass is the passphrase. Where none is set, a shell is as good as its user, and the
approval is marked so; a shell that brings its own configuration is stopped at the executor.
"""

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import httpx2
import pytest

import config
from config.clock import SystemClock
from config.ids import random_id
from config.settings import load_settings
from council.trade_facts import LegIntended, TradeApproved
from council.trading.lifecycle import TradeStatus, load_trade
from mcp_server.passphrase import Cost, PassphraseLocked, set_passphrase, verify
from mcp_server.web.token_file import TokenFile
from mcp_server.wiring import opened_store
from tests.builders import make_ticket
from tests.council.trading.scenes import facts_of, store_proposal
from tests.system.command import started
from tests.system.self_trading.terminal import at_terminal

pytestmark = pytest.mark.slow

SECRET = "correct horse battery staple"
CHEAP = Cost(log2_n=4, r=1, p=1)
YES = ("[y/n]", "y")
_START = "from mcp_server.start import main; main()"


@dataclass(frozen=True)
class Installation:
    """A council with one trade that waits, and the environment in which a shell finds it."""

    home: Path
    environment: dict[str, str]
    trade_id: UUID
    phrase: str

    def under(self, mode: str, home: Path) -> "Installation":
        """Return the same database under a configuration of its own."""
        folder = home / f"config-{mode}"
        shutil.copytree(Path(config.__file__).parent, folder, ignore=shutil.ignore_patterns("*.py"))
        text = (folder / "risk.yaml").read_text()
        (folder / "risk.yaml").write_text(text.replace("mode: conversational", f"mode: {mode}"))
        own = {"COUNCIL_HOME": str(home), "COUNCIL_CONFIG": str(folder)}
        return replace(self, home=home, environment={**self.environment, **own})

    async def stored(self) -> tuple[list[TradeApproved], TradeStatus, int]:
        """Return the approvals in the log, where the trade stands, and how many legs there are."""
        async with opened_store(load_settings(self.environment, directory=self.home)) as app:
            facts = await facts_of(app.deps, f"trade-{self.trade_id}")
            state = await load_trade(app.deps.store, self.trade_id)
            legs = [e async for e in app.deps.store.read_all(event_types=[LegIntended.__name__])]
        return [own for own in facts if isinstance(own, TradeApproved)], state.status, len(legs)

    def ran(self, *arguments: str, lines: str = "", **further: str) -> tuple[int, str]:
        """Run a command as a script does."""
        done = subprocess.run(
            [sys.executable, "-c", _START, *arguments],
            env={**self.environment, **further},
            input=lines,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        return done.returncode, " ".join((done.stdout + done.stderr).split())


@pytest.fixture
def installation(database_dsn: str, tmp_path: Path) -> Installation:
    """Return a council without keys or passphrase in conversational mode."""
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
        "COUNCIL_HOME": str(tmp_path / "council"),
        "DATABASE_URL": database_dsn,
        "COUNCIL_EXCHANGE_HOURS": "always",
    }
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    ticket = make_ticket("CHATGPT", trade_id=random_id(), expires_at=tomorrow)

    async def proposed() -> None:
        async with opened_store(load_settings(environment, directory=tmp_path)) as app:
            await store_proposal(app.deps, ticket)

    asyncio.run(proposed())
    return Installation(tmp_path / "council", environment, ticket.trade_id, ticket.confirmation)


def in_mode(installation: Installation, mode: str) -> Installation:
    installation.home.mkdir(exist_ok=True)
    return installation.under(mode, installation.home)


@pytest.mark.parametrize("mode", ["strict", "conversational"])
def test_a_terminal_of_its_own_does_not_give_it_the_passphrase(
    mode: str, installation: Installation
) -> None:
    own = in_mode(installation, mode)
    set_passphrase(own.home, SECRET, cost=CHEAP)

    code, shown = at_terminal(
        "approve",
        str(own.trade_id),
        environment=own.environment,
        answers=[YES, ("Passphrase:", "correct horse")],
    )

    approvals, status, _ = asyncio.run(own.stored())
    assert (code, approvals, status) == (5, [], TradeStatus.PENDING)
    assert "4 tries left" in shown
    assert "correct horse" not in shown


def test_the_person_at_the_same_terminal_gets_through(installation: Installation) -> None:
    own = in_mode(installation, "strict")
    set_passphrase(own.home, SECRET, cost=CHEAP)

    code, shown = at_terminal(
        "approve",
        str(own.trade_id),
        environment=own.environment,
        answers=[YES, ("Passphrase:", SECRET)],
    )

    ((approval,), status, _) = asyncio.run(own.stored())
    assert (code, status) == (0, TradeStatus.APPROVED)
    assert (approval.channel, approval.trust) == ("cli", "human_direct")
    assert SECRET not in shown


def test_strict_mode_without_a_passphrase_gives_a_terminal_nothing(
    installation: Installation,
) -> None:
    own = in_mode(installation, "strict")

    code, shown = at_terminal(
        "approve", str(own.trade_id), environment=own.environment, answers=[YES]
    )

    approvals, _, _ = asyncio.run(own.stored())
    assert (code, approvals) == (5, [])
    assert "council passphrase" in shown


def test_guessing_by_script_ends_with_the_lock(installation: Installation) -> None:
    own = in_mode(installation, "strict")
    set_passphrase(own.home, SECRET, cost=CHEAP)
    call = ("approve", "--all", "--yes", "--passphrase-stdin")

    guesses = [own.ran(*call, lines=f"guess {n}\n", COUNCIL_PASSPHRASE=SECRET) for n in range(5)]
    right = own.ran(*call, lines=f"{SECRET}\n")

    approvals, _, _ = asyncio.run(own.stored())
    assert ({code for code, _ in (*guesses, right)}, approvals) == ({5}, [])
    assert "locked until" in right[1]
    with pytest.raises(PassphraseLocked):
        verify(own.home, SECRET, clock=SystemClock())


def test_another_passphrase_needs_the_old_one(installation: Installation) -> None:
    own = in_mode(installation, "strict")
    set_passphrase(own.home, SECRET, cost=CHEAP)

    code, _ = at_terminal(
        "passphrase",
        environment=own.environment,
        answers=[("Old passphrase:", "a guess"), ("New passphrase:", "my own one")],
    )

    verify(own.home, SECRET, clock=SystemClock())
    assert code == 5


def test_where_no_passphrase_is_set_a_shell_is_as_good_as_its_user_and_marked_so(
    installation: Installation,
) -> None:
    code, _ = at_terminal(
        "approve", str(installation.trade_id), environment=installation.environment, answers=[YES]
    )

    ((approval,), _, legs) = asyncio.run(installation.stored())
    assert (code, approval.channel, approval.trust, legs) == (0, "cli", "local_user", 0)


def test_a_configuration_of_its_own_is_stopped_at_the_executor(
    installation: Installation, tmp_path: Path
) -> None:
    own = in_mode(installation, "strict")
    set_passphrase(own.home, SECRET, cost=CHEAP)
    (tmp_path / "elsewhere").mkdir()
    foreign = installation.under("conversational", tmp_path / "elsewhere")

    foreign.ran("approve", "--all", "--yes")
    _, said = own.ran("execute", "--account", "CHATGPT")

    approvals, status, legs = asyncio.run(own.stored())
    assert [(fact.channel, fact.trust) for fact in approvals] == [("cli", "local_user")]
    assert (status, legs) == (TradeStatus.PENDING, 0), said
    assert "without the secret" in said


@pytest.mark.parametrize("mode", ["strict", "conversational"])
@pytest.mark.parametrize("scope", [None, "read"])
async def test_requests_to_the_pages_and_the_server_approve_nothing(
    mode: str, scope: str | None, installation: Installation
) -> None:
    own = in_mode(installation, mode)
    token = _token(own) if scope else "council_guessed"

    async with _serving(own) as address, httpx2.AsyncClient(base_url=address) as web:
        answers = [await web.request(*call) for call in _page_calls(own.trade_id)]
        foreign = [
            await web.get("/approvals", headers={"Host": "evil.example"}),
            await web.post("/approvals", headers={"Origin": "https://evil.example"}),
        ]
        for bearer in (None, "council_forged", token):
            # Without tokens this machine is the user's, as on stdio: there the phrase counts.
            phrase = own.phrase if scope or mode == "strict" else "yes"
            await _calls_tools(web, own.trade_id, phrase, bearer=bearer)

    approvals, status, legs = await own.stored()
    assert (approvals, status, legs) == ([], TradeStatus.PENDING, 0)
    changing = [own.status_code for own in answers if own.request.method not in {"GET", "HEAD"}]
    assert all(code in {401, 403, 404, 405} for code in changing)
    assert [answer.status_code for answer in foreign] == [421, 403]


def _page_calls(trade_id: UUID) -> list[tuple[str, str]]:
    page, query = f"/approvals/{trade_id}", "?decision=approve&confirm=yes&_method=POST"
    addresses = ["/approvals", page, f"{page}{query}", f"{page}/approve", "/api/approve", "/health"]
    methods = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
    return [(method, address) for method in methods for address in addresses]


def _token(own: Installation) -> str:
    return TokenFile.in_home(own.home).create("reader", "read", now=datetime.now(UTC))


async def _calls_tools(
    web: httpx2.AsyncClient, trade_id: UUID, phrase: str, *, bearer: str | None
) -> None:
    """Call every tool that decides, in the modern protocol, as curl would."""
    for tool, arguments in (
        ("approve_trade", {"trade_ids": [str(trade_id)], "confirmation": phrase}),
        ("decide_trade", {"trade_id": str(trade_id), "nonce": "n", "decision": "approve"}),
    ):
        call = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "tools/call",
            "params": {
                "name": tool,
                "arguments": arguments,
                "_meta": {
                    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                    "io.modelcontextprotocol/clientInfo": {"name": "curl", "version": "8"},
                    "io.modelcontextprotocol/clientCapabilities": {},
                },
            },
        }
        headers = {
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": "2026-07-28",
            "Mcp-Method": "tools/call",
            "Mcp-Name": tool,
            **({"Authorization": f"Bearer {bearer}"} if bearer else {}),
        }
        answer = await web.post("/mcp", json=call, headers=headers)
        assert answer.status_code in {401, 403} or "NOT " in answer.text


@asynccontextmanager
async def _serving(own: Installation) -> AsyncIterator[str]:
    """Run `council serve` on a free port until the test is done; its address."""
    process = await started("serve", "--port", "0", "--json", environment=own.environment)
    assert process.stdout is not None
    try:
        text = (await process.stdout.readuntil(b"\n}\n")).decode()
        yield str(json.loads(text)["address"])
    finally:
        process.terminate()
        await process.communicate()
