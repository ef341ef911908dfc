"""Commands that ask for the secret: approve, revoke, resume, accept-drift, and passphrase."""

import asyncio
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

import config
from config.clock import SystemClock
from config.ids import random_id
from config.settings import Settings
from council.trade_facts import DriftDetected, TradeApproved
from council.trading.account_guard import load_guard
from council.trading.journal import record
from mcp_server import cli
from mcp_server.commands import asking
from mcp_server.passphrase import Cost, is_set, set_passphrase, verify
from mcp_server.wiring import opened_store
from tests.builders import WEEK_ID, make_lasting_ticket
from tests.council.trading.scenes import facts_of, store_proposal

pytestmark = pytest.mark.usefixtures("environment")

SECRET = "correct horse battery staple"
Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that runs a command on these lines of stdin; its code and what it said."""

    def ran(*arguments: str, lines: str = "") -> tuple[int, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(lines))
        code = cli.run(arguments)
        captured = capsys.readouterr()
        return code, " ".join((captured.out + captured.err).split())

    return ran


@pytest.fixture
def trade_id(settings: Settings) -> UUID:
    """Return a trade that waits; GROQ is halted by nobody and QQQ frozen for it."""
    ticket = make_lasting_ticket("CLAUDE", trade_id=random_id())
    drift = DriftDetected(
        week_id=WEEK_ID,
        account="GROQ",
        number=1,
        symbol="QQQ",
        expected=76,
        shown=70,
        reason="the venue shows 70 QQQ where the fills leave 76",
    )

    async def stored() -> None:
        async with opened_store(settings) as app:
            await store_proposal(app.deps, ticket)
            version = (await load_guard(app.deps.store, "GROQ")).version
            await record(app.deps, [drift], {drift.stream: version})

    asyncio.run(stored())
    return ticket.trade_id


@pytest.fixture
def secret(settings: Settings) -> None:
    """Set the passphrase."""
    set_passphrase(settings.council_home, SECRET, cost=Cost(log2_n=4, r=1, p=1))


@pytest.fixture
def strict(environment: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the commands find a configuration in which approval.mode is strict."""
    folder = tmp_path / "strict"
    shutil.copytree(Path(config.__file__).parent, folder, ignore=shutil.ignore_patterns("*.py"))
    text = (folder / "risk.yaml").read_text()
    (folder / "risk.yaml").write_text(text.replace("mode: conversational", "mode: strict"))
    monkeypatch.setenv("COUNCIL_CONFIG", str(folder))


def approvals_of(settings: Settings, trade_id: UUID) -> list[tuple[str, str]]:
    async def read() -> list[tuple[str, str]]:
        async with opened_store(settings) as app:
            facts = await facts_of(app.deps, f"trade-{trade_id}")
        return [(f.channel, f.trust) for f in facts if isinstance(f, TradeApproved)]

    return asyncio.run(read())


def test_without_a_passphrase_whoever_sits_here_approves(
    run: Run, settings: Settings, trade_id: UUID
) -> None:
    code, _ = run("approve", str(trade_id), "--yes")

    assert (code, approvals_of(settings, trade_id)) == (0, [("cli", "local_user")])


@pytest.mark.usefixtures("secret")
def test_with_the_passphrase_the_approval_is_the_persons_own(
    run: Run, settings: Settings, trade_id: UUID
) -> None:
    code, _ = run("approve", str(trade_id), "--yes", "--passphrase-stdin", lines=f"{SECRET}\n")

    assert (code, approvals_of(settings, trade_id)) == (0, [("cli", "human_direct")])


def deciding(trade_id: UUID) -> list[list[str]]:
    return [
        ["approve", str(trade_id), "--yes"],
        ["approve", "--all", "--yes"],
        ["revoke", str(trade_id), "--reason", "too soon"],
        ["resume", "--yes"],
        ["accept-drift", "GROQ", "QQQ", "--yes"],
    ]


@pytest.mark.usefixtures("secret")
def test_a_wrong_or_missing_passphrase_changes_nothing(
    run: Run, settings: Settings, trade_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COUNCIL_PASSPHRASE", SECRET)
    before = len(events(run))

    wrong = [run(*call, "--passphrase-stdin", lines="guess\n") for call in deciding(trade_id)]
    missing = [run(*call) for call in deciding(trade_id)]

    assert {code for code, _ in wrong} == {5}
    assert all("passphrase" in said for _, said in (*wrong, *missing))
    assert {code for code, _ in missing} == {2}
    assert all("--passphrase-stdin" in said for _, said in missing)
    assert len(events(run)) == before


def events(run: Run) -> list[Any]:
    _, said = run("events")
    return said.split('{"position"')[1:]


@pytest.mark.usefixtures("strict")
def test_strict_mode_without_a_passphrase_refuses_whatever_a_person_must_decide(
    run: Run, settings: Settings, trade_id: UUID
) -> None:
    answers = [run(*call) for call in deciding(trade_id)]

    assert {code for code, _ in answers} == {5}
    assert all("`council setup` or `council passphrase`" in said for _, said in answers)
    assert approvals_of(settings, trade_id) == []


@pytest.mark.usefixtures("strict", "secret")
def test_strict_mode_takes_the_passphrase(run: Run, settings: Settings, trade_id: UUID) -> None:
    code, _ = run("approve", str(trade_id), "--yes", "--passphrase-stdin", lines=SECRET)

    assert (code, approvals_of(settings, trade_id)) == (0, [("cli", "human_direct")])


@pytest.mark.usefixtures("strict", "secret")
def test_rejecting_and_halting_need_no_passphrase(run: Run, trade_id: UUID) -> None:
    assert run("halt", "--reason", "enough")[0] == 0
    assert run("reject", str(trade_id), "--reason", "no")[0] == 0


@pytest.mark.usefixtures("secret")
def test_revoking_resuming_and_accepting_take_the_passphrase(run: Run, trade_id: UUID) -> None:
    run("halt", "--reason", "enough")

    calls = deciding(trade_id)
    resumed, accepted = calls[3], calls[4]
    codes = [
        run(*call, "--passphrase-stdin", lines=f"{SECRET}\r\n")[0]
        for call in (resumed, accepted, calls[0], calls[2])
    ]

    assert codes == [0, 0, 0, 0]


@pytest.mark.usefixtures("secret")
def test_a_person_at_a_terminal_types_it_unseen_after_seeing_the_ticket(
    run: Run, settings: Settings, trade_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "sys", _Terminal())
    monkeypatch.setattr("getpass.getpass", lambda *_: SECRET)

    code, _ = run("approve", str(trade_id), "--yes")

    assert (code, approvals_of(settings, trade_id)) == (0, [("cli", "human_direct")])


class _Terminal:
    """Stands in for sys where stdin is a terminal."""

    class stdin:
        @staticmethod
        def isatty() -> bool:
            return True

    stderr = io.StringIO()


def test_the_first_passphrase_needs_none_and_the_next_one_the_old(
    run: Run, settings: Settings
) -> None:
    first = run("passphrase", "--passphrase-stdin", lines="the first one\n")
    forged = run("passphrase", "--passphrase-stdin", lines="a guess\nmy own one\n")
    second = run("passphrase", "--passphrase-stdin", "--json", lines="the first one\nthe second\n")

    assert first[0] == 0
    assert forged[0] == 5
    assert json.loads(second[1])["status"] == "changed"
    verify(settings.council_home, "the second", clock=SystemClock())


def test_without_a_terminal_no_passphrase_is_asked_for(run: Run, settings: Settings) -> None:
    code, said = run("passphrase", lines="typed by nobody\n")

    assert (code, is_set(settings.council_home)) == (2, False)
    assert "--passphrase-stdin" in said


def test_a_trade_that_is_asked_again_shows_its_new_phrase(run: Run, trade_id: UUID) -> None:
    run("approve", str(trade_id), "--yes")
    _, before = run("trade", str(trade_id), "--json")
    run("revoke", str(trade_id), "--reason", "too soon")

    _, after = run("trade", str(trade_id), "--json")

    assert json.loads(after)["confirmation"] == f"{json.loads(before)['confirmation']} 2"
