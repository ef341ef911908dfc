"""`council db roles`, and processes that start with the login of a role."""

import asyncio
import io
import json
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

import config
from config.errors import RefusedError
from config.loader import load_config
from config.settings import Settings
from council.grants import ApprovalMode
from mcp_server import cli, doctor, duties, operations
from mcp_server.database_roles import roles_ready
from mcp_server.host import Host
from mcp_server.readings import list_trades
from mcp_server.web.halting import HALT
from mcp_server.wiring import Terms, assembled, opened_store
from store.addresses import with_login
from store.errors import GrantsDisagree
from store.grants import LC_APPROVER, LC_EXEC, LC_MCP, ROLES
from tests.builders import make_lasting_ticket
from tests.council.trading.scenes import store_proposal
from tests.mcp_server import web
from tests.mcp_server.conftest import settings_for
from tests.mcp_server.signing_in import sent, signed_in, with_passphrase
from tests.store.roles import connected, with_roles

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(environment: None, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs a command; its code and all that it said."""

    def ran(*arguments: str) -> tuple[int, str]:
        code = cli.run(arguments)
        said = capsys.readouterr()
        return code, " ".join((said.out + said.err).split())

    return ran


def strict_folder(home: Path) -> str:
    """Make a configuration in which approval.mode is strict."""
    folder = home / "strict"
    shutil.copytree(Path(config.__file__).parent, folder, ignore=shutil.ignore_patterns("*.py"))
    text = (folder / "risk.yaml").read_text()
    (folder / "risk.yaml").write_text(text.replace("mode: conversational", "mode: strict"))
    return str(folder)


def files_in(settings: Settings) -> dict[str, str]:
    folder = settings.council_home / "roles"
    return {role: (folder / role).read_text().strip() for role in ROLES}


def test_the_addresses_go_into_files_of_their_owner_alone_and_are_never_printed(
    run: Run, settings: Settings
) -> None:
    code, said = run("db", "roles")
    again, repeated = run("db", "roles", "--json")

    addresses = files_in(settings)
    assert (code, again) == (0, 0)
    for role, address in addresses.items():
        file = settings.council_home / "roles" / role
        assert file.stat().st_mode & 0o777 == 0o600
        assert address.partition("@")[0].rpartition(":")[2] not in said + repeated
        assert str(file) in said
    assert files_in(settings) == addresses
    assert [own["is_new"] for own in json.loads(repeated)["roles"]] == [False] * 3


@pytest.mark.slow
def test_an_address_that_is_lost_or_another_databases_is_made_anew(
    run: Run, settings: Settings
) -> None:
    run("db", "roles")
    before, folder = files_in(settings), settings.council_home / "roles"
    (folder / LC_MCP).unlink()
    (folder / LC_EXEC).write_text("postgresql://somebody@127.0.0.1:1/other")

    _, said = run("db", "roles", "--json")

    after = files_in(settings)
    assert {own["role"]: own["is_new"] for own in json.loads(said)["roles"]} == {
        LC_MCP: True,
        LC_APPROVER: False,
        LC_EXEC: True,
    }
    assert after[LC_APPROVER] == before[LC_APPROVER]
    assert after[LC_MCP] != before[LC_MCP]


def test_grants_for_another_mode_than_that_of_risk_yaml_stop_every_command(run: Run) -> None:
    _, told = run("db", "roles", "--mode", "strict")
    code, said = run("trades")
    run("db", "roles")
    mended, _ = run("trades")

    assert "risk.yaml says approval.mode conversational" in told
    assert code == 2
    assert "`council db roles --mode conversational`" in said
    assert mended == 0


def test_there_is_no_third_mode(run: Run) -> None:
    code, said = run("db", "roles", "--mode", "free")

    assert code == 2
    assert "use conversational or strict" in said


@pytest.mark.slow
def test_a_role_cannot_give_itself_more(
    run: Run, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("db", "roles")
    monkeypatch.setenv("DATABASE_URL", files_in(settings)[LC_MCP])

    code, said = run("db", "roles")

    assert code == 5
    assert "let DATABASE_URL name the user that made the tables" in said


def test_a_models_login_approves_nothing_in_a_terminal_and_is_told_so_in_one_sentence(
    run: Run, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = make_lasting_ticket("GROQ")

    async def propose() -> None:
        async with opened_store(settings) as app:
            await store_proposal(app.deps, ticket)

    asyncio.run(propose())
    run("db", "roles")
    monkeypatch.setenv("DATABASE_URL", files_in(settings)[LC_MCP])
    monkeypatch.setattr("sys.stdin", io.StringIO())
    refused, said = run("approve", str(ticket.trade_id), "--yes")
    monkeypatch.setenv("DATABASE_URL", files_in(settings)[LC_APPROVER])
    approved, _ = run("approve", str(ticket.trade_id), "--yes")

    assert refused == 5
    assert "may not append TradeApproved: nothing was written" in said
    assert approved == 0


@pytest.mark.slow
def test_the_executor_does_not_begin_with_another_roles_login(
    run: Run, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("db", "roles")
    for role in (LC_MCP, LC_APPROVER):
        monkeypatch.setenv("DATABASE_URL", files_in(settings)[role])

        for command in (("executor",), ("execute", "--all-accounts")):
            code, said = run(*command)

            assert code == 5
            assert f"No order is sent with the login of {role}" in said


async def test_on_the_embedded_server_the_command_says_that_roles_bind_nobody(
    settings: Settings, database_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    @asynccontextmanager
    async def embedded(_: Settings) -> AsyncIterator[str]:
        yield database_dsn

    monkeypatch.setattr("mcp_server.database_roles.opened_database", embedded)
    own = settings.model_copy(update={"database_url": None})

    shape = await roles_ready(own, None)

    assert shape.database == "embedded"
    assert "bind nobody" in shape.notices[0]
    assert [role.address_file for role in shape.roles] == [None] * 3
    assert not (settings.council_home / "roles").exists()


@pytest.mark.slow
@pytest.mark.parametrize(("granted", "is_strict"), [("strict", False), ("conversational", True)])
async def test_no_process_starts_where_grants_and_mode_disagree(
    database_dsn: str, tmp_path: Path, granted: ApprovalMode, *, is_strict: bool
) -> None:
    addresses = await with_roles(database_dsn, granted)

    for address in (database_dsn, *addresses.values()):
        settings = settings_for(address, tmp_path)
        if is_strict:
            folder = tmp_path / "strict"
            chosen = str(folder) if folder.exists() else strict_folder(tmp_path)
            settings = settings.model_copy(update={"council_config": Path(chosen)})
        with pytest.raises(GrantsDisagree, match=r"approval\.mode is"):
            async with opened_store(settings):
                pass


@pytest.mark.slow
@pytest.mark.parametrize("role", ROLES)
async def test_each_role_opens_the_council_and_says_what_it_leaves_to_others(
    database_dsn: str, tmp_path: Path, role: str
) -> None:
    addresses = await with_roles(database_dsn, "conversational")

    async with assembled(settings_for(addresses[role], tmp_path), Terms()) as app:
        status = await operations.status(app)

    assert app.role == role
    assert any(role in sentence for sentence in status.degraded)
    assert not any(role in sentence for sentence in app.deps.degraded)
    assert all(own.problem is None for own in status.accounts)


async def test_only_the_executors_login_sends_orders_in_the_background(
    database_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    addresses = await with_roles(database_dsn, "conversational")
    begun: list[str] = []

    async def executing(*_: Any, **__: Any) -> None:
        begun.append("executor")

    monkeypatch.setattr("mcp_server.operations.executor_loop", executing)
    for one in ROLES:
        async with opened_store(settings_for(addresses[one], tmp_path)) as app:
            await operations.execute_in_background(app, asyncio.Event())

    assert begun == ["executor"]


@pytest.mark.parametrize(
    ("role", "tools", "page"), [(LC_MCP, True, 403), (LC_APPROVER, False, 303)]
)
async def test_a_server_offers_tools_or_decides_and_never_both(
    database_dsn: str, tmp_path: Path, role: str, *, tools: bool, page: int
) -> None:
    addresses = await with_roles(database_dsn, "conversational")
    settings = settings_for(addresses[role], with_passphrase(tmp_path))
    ticket = make_lasting_ticket("GROQ")
    async with opened_store(settings_for(database_dsn, tmp_path)) as owner:
        await store_proposal(owner.deps, ticket)
    host = Host(lambda: assembled(settings, Terms(models=False)), web.nothing)
    await host.app()

    async with web.running(tmp_path, host=host) as transport, web.browser(transport) as its:
        csrf = await signed_in(its)
        fields = {"csrf": csrf, "digest": ticket.digest, "round": "1"}
        there = await its.post("/mcp", json=web.INITIALIZE, headers=web.ACCEPTS)
        decided = await sent(its, f"/approvals/{ticket.trade_id}/approve", **fields)
        halted = await sent(its, HALT, csrf=csrf, reason="Wait.", account="GROQ")
        ready = (await its.get("/ready")).json()

    assert (there.status_code == 200) is tools
    assert decided.status_code == page
    assert halted.status_code == 303
    assert ready["executor"] == f"not here: the login of {role} sends no orders"


def test_the_executors_login_serves_nothing_and_the_approvers_no_tools() -> None:
    with pytest.raises(RefusedError, match="`council executor`"):
        duties.check_serves_pages(LC_EXEC)
    with pytest.raises(RefusedError, match="roles/lc_mcp"):
        duties.check_serves_tools(LC_APPROVER)
    duties.check_serves_pages(LC_APPROVER)
    duties.check_serves_tools(None)


async def test_what_waits_is_shown_as_the_log_asks_for_it_whatever_a_row_says(
    database_dsn: str, tmp_path: Path
) -> None:
    addresses = await with_roles(database_dsn, "strict")
    settings = settings_for(database_dsn, tmp_path)
    settings = settings.model_copy(update={"council_config": Path(strict_folder(tmp_path))})
    async with opened_store(settings) as app:
        ticket = make_lasting_ticket("GROQ")
        await store_proposal(app.deps, ticket)
        async with connected(addresses[LC_MCP]) as captured:
            await captured.execute(
                "UPDATE trades SET instrument = 'TLT', ticket = jsonb_set(ticket, "
                "'{target_quantity}', '1')"
            )
        (shown,) = await list_trades(app, status="pending")

    assert (shown.instrument, shown.quantity) == (ticket.instrument, ticket.target_quantity)
    assert shown.digest == ticket.digest


@pytest.mark.parametrize(
    ("mode", "role", "result", "words"),
    [
        pytest.param(None, None, "ok", "none: every process may", marks=pytest.mark.slow),
        pytest.param("conversational", None, "ok", "bind no process", marks=pytest.mark.slow),
        ("conversational", LC_MCP, "ok", "belongs to lc_mcp"),
        ("strict", LC_MCP, "fail", "`council db roles --mode conversational`"),
    ],
)
async def test_the_doctor_has_a_line_for_the_roles(
    database_dsn: str, tmp_path: Path, mode: Any, role: str | None, *, result: str, words: str
) -> None:
    addresses = await with_roles(database_dsn, mode) if mode else {}
    settings = settings_for(addresses.get(role or "", database_dsn), tmp_path)

    found = [c async for c in doctor._opened(settings, load_config(settings.council_config))]

    (line,) = [check for check in found if check.check == "database roles"]
    assert line.result == result
    assert words in line.message


def test_an_address_keeps_all_but_its_login() -> None:
    address = "postgresql://old:pw@db.example:5433/council?sslmode=require&user=x"

    assert with_login(address, "lc_mcp_council", "a/b") == (
        "postgresql://lc_mcp_council:a%2Fb@db.example:5433/council?sslmode=require"
    )
