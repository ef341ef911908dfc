"""The command line in this process: the four commands, their shapes, and what they refuse."""

import json
import os
import signal
from typing import Any

import pytest
import structlog

from mcp_server import cli, operations
from tests.spans import kept_spans

pytestmark = pytest.mark.usefixtures("environment")

TRADE_FIELDS = {
    *("trade_id", "week_id", "account", "venue", "model", "instrument", "direction"),
    *("conviction", "status", "quantity", "notional_usd", "confirmation", "expires_at"),
    *("legs", "rejection_reason"),
}
LEG_FIELDS = {
    *("leg", "side", "quantity", "client_order_id", "status"),
    *("filled_quantity", "average_price"),
}
WEEK_FIELDS = {
    *("week_id", "mode", "degraded", "research", "pitches", "reviews"),
    *("decision", "trades", "cost_usd"),
}
EVENT_FIELDS = {
    *("position", "stream", "version", "event_id", "event_type", "week_id"),
    *("account_id", "timestamp", "payload", "parent_event_id"),
}


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Any:
    """Return a function that runs a command and gives its one JSON document."""

    def run(*arguments: str) -> Any:
        code = cli.run([*arguments, "--json"])
        captured = capsys.readouterr()
        assert code == 0, captured.err
        return json.loads(captured.out)

    return run


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Any:
    """Return a function that runs a command and gives its exit code and its error."""

    def run(*arguments: str) -> tuple[int, dict[str, str]]:
        code = cli.run([*arguments, "--json"])
        error: dict[str, str] = json.loads(capsys.readouterr().err)["error"]
        return code, error

    return run


def events_in(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    assert cli.run(["events", *arguments]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_four_commands_lead_to_six_filled_trades(
    said: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    week = said("run-weekly")
    pending = said("trades", "--status", "pending")["trades"]
    approved = said("approve", "--all", "--yes")["results"]
    executed = said("execute", "--all-accounts")
    status = said("status")

    assert week.keys() >= WEEK_FIELDS
    assert (week["mode"], week["venue"], week["reviews"]) == ("rehearsal", "simulated", 20)
    assert len(week["pitches"]) == 5
    assert len(pending) == 6
    assert pending[0].keys() >= TRADE_FIELDS
    assert {result["status"] for result in approved} == {"approved"}
    legs = [leg for trade in executed["trades"] for leg in trade["legs"]]
    assert legs
    assert all(leg.keys() >= LEG_FIELDS and leg["status"] == "filled" for leg in legs)
    assert all(leg["filled_quantity"] == leg["quantity"] for leg in legs)
    assert (status["pending"], status["database"], status["halted"]) == (0, "external", False)
    held = {a["account"]: a["position"] for a in status["accounts"]}
    for trade in executed["trades"]:
        expected = trade["quantity"] or None
        assert (held[trade["account"]] or {"quantity": None})["quantity"] == expected


def test_a_finished_week_run_again_adds_no_event(
    said: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    first = said("run-weekly")
    before = events_in(capsys)

    again = said("run-weekly")

    assert again == first
    assert events_in(capsys) == before
    assert before[0].keys() == EVENT_FIELDS
    assert {e["stream"] for e in events_in(capsys, "--stream", "week-" + first["week_id"])} == {
        "week-" + first["week_id"]
    }


def test_the_steps_run_in_their_order_only(said: Any, refused: Any) -> None:
    code, error = refused("pm-pitches")
    for step in ("research", "pm-pitches", "peer-review", "chairman"):
        week = said(step)

    assert (code, error["code"]) == (5, "stage_out_of_order")
    assert week["state"] == "finished"


def test_a_decided_trade_cannot_be_decided_again(said: Any, refused: Any) -> None:
    first, second = (t["trade_id"] for t in said("run-weekly")["trades"][:2])

    said("approve", first, "--yes")
    said("reject", second, "--reason", "Not this week.")

    assert refused("approve", first, "--yes")[0] == 5
    assert refused("reject", first, "--reason", "Changed my mind.")[0] == 5
    assert refused("approve", second, "--yes")[1]["code"] == "already_decided"
    assert said("trade", second)["rejection_reason"] == "Not this week."


def test_of_several_approvals_one_refusal_does_not_stop_the_others(
    said: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = (t["trade_id"] for t in said("run-weekly")["trades"][:2])
    said("approve", first, "--yes")

    code = cli.run(["approve", first, second, "--yes", "--json"])

    results = json.loads(capsys.readouterr().out)["results"]
    assert code == 5
    assert [result["status"] for result in results] == ["refused", "approved"]


def test_approving_without_a_terminal_needs_yes(said: Any, refused: Any) -> None:
    said("run-weekly")

    code, error = refused("approve", "--all")

    assert (code, error["message"][:18]) == (2, "Without a terminal")
    assert len(said("trades", "--status", "pending")["trades"]) == 6


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("trade", "00000000-0000-4000-8000-000000000000"), 2, "No trade is"),
        (("trades", "--status", "sold"), 2, "No trade has the status"),
        (("run-weekly", "--week", "2031-01-01"), 5, "run the current week"),
        (("execute", "--account", "NOBODY"), 2, "No account is called NOBODY"),
        (("checkpoint", "--time", "13:37"), 2, "no checkpoint"),
    ],
)
def test_what_does_not_exist_is_one_sentence(
    arguments: tuple[str, ...], code: int, words: str, refused: Any
) -> None:
    refusal, error = refused(*arguments)

    assert refusal == code
    assert words in error["message"]


def test_ctrl_c_at_the_question_ends_it_at_once_and_approves_nothing(
    said: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    said("run-weekly")
    went_on_asking = []

    def asked(*_: object, **__: object) -> bool:
        os.kill(os.getpid(), signal.SIGINT)
        went_on_asking.append(True)
        return True

    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("mcp_server.commands.asking.Confirm.ask", asked)

    code = cli.run(["approve", "--all"])

    assert (code, went_on_asking) == (130, [])
    assert "what was decided before" in " ".join(capsys.readouterr().err.split())
    assert len(said("trades", "--status", "pending")["trades"]) == 6


def test_approved_trades_are_counted_and_who_sends_them_is_said(
    said: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    said("run-weekly")

    assert cli.run(["approve", "--all", "--yes"]) == 0
    assert "`council execute --all-accounts` sends" in " ".join(capsys.readouterr().out.split())
    assert (said("status")["approved"], said("status")["market_opens_at"]) == (6, None)
    assert cli.run(["status"]) == 0
    assert "6 approved trades wait for the executor." in capsys.readouterr().out


def test_the_read_tables_are_rebuilt_alike_and_the_log_verifies(said: Any) -> None:
    before = said("run-weekly")

    rebuilt = said("db", "rebuild")
    verified = said("db", "verify")

    assert said("run-weekly") == before
    assert rebuilt["events"] == verified["events"] > 0
    assert verified["ok"]


def test_the_doctor_points_at_the_row_that_sizes_to_nothing(said: Any) -> None:
    doctor = said("doctor")

    sizing = next(check for check in doctor["checks"] if check["check"] == "sizing")
    assert doctor["healthy"]
    assert sizing["result"] == "warn"
    assert "risk.yaml" in sizing["mend"]
    assert "-2" in sizing["mend"]
    assert {"python", "database", "models", "calendar"} <= {c["check"] for c in doctor["checks"]}


def test_the_doctor_points_at_a_key_that_no_account_uses(
    said: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALPACA_CHATGTP_KEY_ID", "PKX123")

    checks = {check["check"]: check for check in said("doctor")["checks"]}

    assert checks["key CHATGTP"]["result"] == "warn"
    assert "CHATGPT" in checks["key CHATGTP"]["mend"]


def test_the_doctor_is_ill_without_a_database(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody:geheim@127.0.0.1:1/none")

    code = cli.run(["doctor", "--json"])

    output = capsys.readouterr().out
    failed = [c["check"] for c in json.loads(output)["checks"] if c["result"] == "fail"]
    assert (code, failed) == (1, ["database"])
    assert "geheim" not in output


def test_a_live_host_is_refused_before_anything_is_written(
    refused: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALPACA_TRADING_URL", "https://example.com")

    code, error = refused("run-weekly")

    assert code == 5
    assert "example.com" in error["message"]
    assert events_in(capsys) == []


def test_a_key_that_is_not_a_paper_key_is_refused_by_name(
    refused: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALPACA_GROQ_KEY_ID", "AKLIVE")
    monkeypatch.setenv("ALPACA_GROQ_SECRET_KEY", "secret")

    code, error = refused("run-weekly")

    assert code == 3
    assert "ALPACA_GROQ_KEY_ID" in error["message"]
    assert "AKLIVE" not in error["message"]


def test_the_executor_says_first_what_falls_short_and_then_tells_its_turns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def one_turn(*_: object) -> None:
        structlog.get_logger("executor").info("executor.turn", account="GROQ")

    monkeypatch.setattr(operations, "execute_for_ever", one_turn)

    assert cli.run(["executor"]) == 0

    first, *rest = [line for line in capsys.readouterr().err.splitlines() if line.strip()]
    assert first.split()[:5] == ["Executor", "rehearsal", "models", "venue", "simulated"]
    assert any(line.startswith("! COUNCIL_EXCHANGE_HOURS=always") for line in rest)
    assert "executor.turn" in rest[-1]


def test_a_command_is_one_trace_unless_it_goes_on_for_months(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with kept_spans(monkeypatch) as kept:
        codes = [cli.run([name, "--help"]) for name in ("status", "executor", "serve", "worker")]

    assert codes == [0, 0, 0, 0]
    assert [span.name for span in kept.get_finished_spans()] == ["council status"]
