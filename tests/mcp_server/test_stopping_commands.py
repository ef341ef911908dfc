"""Halting, resuming, drifts and revocations by command line; none of it needs a venue."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from config.settings import Settings
from council.ports import Deps
from council.trade_facts import DriftDetected
from council.trading.account_guard import load_guard
from council.trading.journal import record
from mcp_server import cli
from mcp_server.wiring import opened_store
from tests.builders import WEEK_ID, make_lasting_ticket
from tests.council.trading.scenes import store_proposal

pytestmark = pytest.mark.usefixtures("environment")

ALL = ("CHATGPT", "GEMINI", "GROQ", "CLAUDE", "DEEPSEEK", "COUNCIL")
Run = Callable[..., tuple[int, Any, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs a command and gives its code, its JSON and what it said aside."""

    def ran(*arguments: str) -> tuple[int, Any, str]:
        code = cli.run([*arguments, "--json"])
        captured = capsys.readouterr()
        return code, json.loads(captured.out) if captured.out else None, captured.err

    return ran


@pytest.fixture
def stored(settings: Settings) -> Callable[[Callable[[Deps], Coroutine[Any, Any, Any]]], Any]:
    """Return a function that does something to the store that the commands will open."""

    async def with_store(work: Callable[[Deps], Coroutine[Any, Any, Any]]) -> Any:
        async with opened_store(settings) as app:
            return await work(app.deps)

    return lambda work: asyncio.run(with_store(work))


async def drifted(deps: Deps) -> None:
    fact = DriftDetected(
        week_id=WEEK_ID,
        account="GROQ",
        number=1,
        symbol="QQQ",
        expected=76,
        shown=70,
        reason="the venue shows 70 QQQ where the fills leave 76",
    )
    await record(deps, [fact], {fact.stream: (await load_guard(deps.store, "GROQ")).version})


def proposing(trade_id: UUID) -> Callable[[Deps], Coroutine[Any, Any, Any]]:
    ticket = make_lasting_ticket("GROQ", trade_id=trade_id)
    return lambda deps: store_proposal(deps, ticket)


def statuses(shape: Any) -> dict[str, str]:
    return {result["account"]: result["status"] for result in shape["results"]}


def test_halt_stops_every_account_and_resume_lets_them_trade(run: Run) -> None:
    halted = run("halt", "--reason", "looking into it")
    again = run("halt", "GROQ")
    resumed = run("resume", "--yes")
    idle = run("resume", "--yes")

    assert [halted[0], again[0], resumed[0], idle[0]] == [0, 0, 0, 0]
    assert statuses(halted[1]) == dict.fromkeys(ALL, "halted")
    assert "looking into it" in again[1]["results"][0]["message"]
    assert statuses(resumed[1]) == dict.fromkeys(ALL, "trading")
    assert {result["message"] for result in idle[1]["results"]} == {"it was not halted"}


def test_what_became_of_an_account_reads_as_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    cli.run(["halt", "GROQ", "--reason", "a look"])
    cli.run(["resume", "GROQ", "--yes"])

    halted, resumed = capsys.readouterr().out.splitlines()
    assert halted == "GROQ halted: the executor cancels orders under way"
    assert resumed.startswith("GROQ trading: again; ")
    assert resumed.endswith(" had halted it (a look)")


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("DATABASE_URL", "postgresql://anna@127.0.0.1:1/council", (4, "The database council at")),
        ("ALPACA_GROQ_KEY_ID", "PKHALF", (3, "ALPACA_GROQ_SECRET_KEY is missing")),
        ("COUNCIL_CONFIG", "/no/such/folder", (2, "")),
    ],
)
def test_a_halt_that_cannot_be_stored_points_at_the_file(
    variable: str,
    value: str,
    expected: tuple[int, str],
    *,
    run: Run,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(variable, value)

    code, _, error = run("halt")

    said = json.loads(error)["error"]["message"]
    assert code == expected[0]
    assert said.startswith(f"Trading is NOT halted: {expected[1]}")
    assert said.endswith(
        f"`touch {settings.council_home / 'halt'}` halts every account all the same."
    )


def test_orders_under_way_are_kept_only_where_that_was_asked(run: Run) -> None:
    _, kept, _ = run("halt", "GROQ", "--keep-orders")
    _, cancelled, _ = run("halt", "CLAUDE")

    assert "go on" in kept["results"][0]["message"]
    assert "the executor cancels" in cancelled["results"][0]["message"]


def test_a_halt_is_the_first_shortfall_of_the_list_of_trades(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    run("halt", "GROQ", "--reason", "looking into it")

    _, shape, _ = run("trades")
    cli.run(["trades"])

    assert shape["degraded"][0].startswith("Trading is halted for GROQ by ")
    assert '"looking into it"' in shape["degraded"][0]
    assert "Trading is halted for GROQ" in capsys.readouterr().out.splitlines()[1]


def test_resume_asks_on_a_terminal_and_needs_yes_without(
    run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    questions = []

    def answered(question: str, **_: object) -> bool:
        questions.append(question)
        return len(questions) > 1

    run("halt", "GROQ", "CLAUDE")
    without_terminal, _, error = run("resume")
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("mcp_server.commands.asking.Confirm.ask", answered)
    refused, _, _ = run("resume")
    _, resumed, _ = run("resume")
    _, idle, _ = run("resume")

    assert (without_terminal, refused) == (2, 1)
    assert "add --yes to resume" in error
    assert questions == ["Resume trading for GROQ, CLAUDE?"] * 2
    assert statuses(resumed) == {"GROQ": "trading", "CLAUDE": "trading"}
    assert idle == {"results": [], "notices": ["No account is halted."]}


def test_the_halt_file_is_removed_by_resume_and_only_the_named_account_goes_on(
    run: Run, settings: Settings
) -> None:
    file = settings.council_home / "halt"
    file.write_text("the cat is on the keyboard\n")

    _, before, _ = run("trades")
    _, resumed, _ = run("resume", "GROQ", "--yes")
    _, after, _ = run("trades")

    assert "cat is on the keyboard" in before["degraded"][0]
    assert (statuses(resumed), file.exists()) == ({"GROQ": "trading"}, False)
    others = ", ".join(name for name in ALL if name != "GROQ")
    assert resumed["notices"] == [f"The halt file {file} was removed; {others} stay halted."]
    assert "halted for CHATGPT, GEMINI, CLAUDE, DEEPSEEK, COUNCIL by" in after["degraded"][0]


def test_a_halt_file_that_cannot_be_removed_keeps_trading_halted(
    run: Run, settings: Settings
) -> None:
    run("halt", "GROQ")
    (settings.council_home / "halt").mkdir()

    code, _, error = run("resume", "--yes")

    assert code == 5
    assert "cannot be removed" in json.loads(error)["error"]["message"]
    assert "GROQ" in run("trades")[1]["degraded"][1]


def test_a_drift_is_listed_and_accepted(run: Run, stored: Any) -> None:
    stored(drifted)

    _, before, _ = run("drifts")
    first_words = run("trades")[1]["degraded"][0]
    code, accepted, _ = run("accept-drift", "groq", "qqq", "--yes")
    _, after, _ = run("drifts")

    (drift,) = before["drifts"]
    assert drift | {"at": ""} == {
        "account": "GROQ",
        "instrument": "QQQ",
        "expected": 76,
        "shown": 70,
        "reason": "the venue shows 70 QQQ where the fills leave 76",
        "number": 1,
        "at": "",
    }
    assert first_words.startswith("GROQ may not trade QQQ: the venue shows +70")
    assert (code, statuses(accepted)) == (0, {"GROQ": "accepted"})
    assert after == {"drifts": []}


def test_accepting_a_drift_asks_and_no_changes_nothing(
    run: Run, stored: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored(drifted)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("mcp_server.commands.asking.Confirm.ask", lambda *_, **__: False)

    code, _, _ = run("accept-drift", "GROQ", "QQQ")

    assert code == 1
    assert len(run("drifts")[1]["drifts"]) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("halt", "NOBODY"), "No account is called NOBODY: choose from CHATGPT"),
        (("resume", "NOBODY", "--yes"), "No account is called NOBODY"),
        (("accept-drift", "NOBODY", "SPY", "--yes"), "No account is called NOBODY"),
        (("accept-drift", "GROQ", "SPY", "--yes"), "GROQ has no drift in SPY to accept"),
        (("accept-drift", "GROQ", "QQQ"), "add --yes to accept it"),
        (("revoke", "nonsense", "--reason", "no"), "No trade is 'nonsense'"),
        (("revoke", "nonsense", "--reason", " "), "A revocation needs a reason"),
    ],
)
def test_what_cannot_be_meant_is_one_sentence(
    arguments: tuple[str, ...], words: str, run: Run
) -> None:
    code, _, error = run(*arguments)

    assert code == 2
    assert words in json.loads(error)["error"]["message"]


def test_an_approval_is_revoked_and_a_halt_refuses_the_next_one(run: Run, stored: Any) -> None:
    trade_id = "12345678-0000-4000-8000-000000000000"
    stored(proposing(UUID(trade_id)))

    run("approve", "12345678", "--yes")
    rejected = run("reject", "12345678", "--reason", "no")
    revoked = run("revoke", "12345678", "--reason", "too early")
    again = run("revoke", "12345678", "--reason", "too early")
    run("halt", "GROQ", "--reason", "looking into it")
    refused = run("approve", "12345678", "--yes")

    assert rejected[0] == 5
    assert f"council revoke {trade_id}" in rejected[2]
    assert (revoked[0], revoked[1]["results"][0]["status"]) == (0, "pending")
    assert (again[0], json.loads(again[2])["error"]["code"]) == (5, "not_approved")
    assert (refused[0], json.loads(refused[2])["error"]["code"]) == (5, "account_halted")
    assert "council resume GROQ" in refused[2]
    assert run("trade", "12345678")[1]["status"] == "pending"


def test_of_several_revocations_one_refusal_does_not_stop_the_others(run: Run, stored: Any) -> None:
    first, second = (f"{digit}" * 8 + "-0000-4000-8000-000000000000" for digit in (1, 2))
    for trade_id in (first, second):
        stored(proposing(UUID(trade_id)))
    run("approve", second, "--yes")

    code, shape, _ = run("revoke", first, second, "--reason", "too early")

    assert code == 5
    assert [result["status"] for result in shape["results"]] == ["refused", "pending"]


def test_the_doctor_points_at_what_stands_still(
    run: Run, stored: Any, settings: Settings, tmp_path: Path
) -> None:
    stored(drifted)
    run("halt", "CLAUDE")
    (settings.council_home / "halt").write_text("stop")

    _, doctor, _ = run("doctor")

    checks = {check["check"]: check for check in doctor["checks"]}
    found = {name: checks[name]["result"] for name in ("halt file", "halts", "drifts")}
    assert found == dict.fromkeys(found, "warn")
    assert "council resume" in checks["halts"]["mend"]
    assert "council accept-drift" in checks["drifts"]["mend"]
