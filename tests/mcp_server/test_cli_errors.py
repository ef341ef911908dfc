import asyncio
import json
import os
import signal
from pathlib import Path

import pytest
import typer

from config.errors import CredentialsError, RefusedError, UnreachableError
from mcp_server import cli
from mcp_server.commands.options import carry_out
from mcp_server.output import Output, error_code


def error_of(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    captured = capsys.readouterr()
    assert captured.out == ""
    error: dict[str, str] = json.loads(captured.err)["error"]
    return error


@pytest.fixture(autouse=True)
def _own_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COUNCIL_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    "arguments",
    [
        ["run-weakly", "--json"],
        ["trades", "--colour", "--json"],
        ["reject", "abc", "--json"],
        ["approve", "--json"],
        ["approve", "abc", "--all", "--json"],
        ["execute", "--json"],
        ["checkpoint", "--json"],
        ["run-weekly", "--week", "2026-11-19", "--json"],
    ],
)
def test_a_wrong_command_line_is_one_sentence_of_json_and_exit_code_two(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    code = cli.run(arguments)

    error = error_of(capsys)
    assert code == 2
    assert error["code"].endswith("usage_error")
    assert "\n" not in error["message"]


def test_a_wrong_setting_names_its_variable(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COUNCIL_EXCHANGE_HOURS", "sometimes")

    code = cli.run(["trades", "--json"])

    assert code == 2
    assert "COUNCIL_EXCHANGE_HOURS" in error_of(capsys)["message"]


@pytest.mark.parametrize(
    ("error", "code"), [(CredentialsError, 3), (UnreachableError, 4), (RefusedError, 5)]
)
def test_every_kind_of_error_has_its_exit_code(
    error: type[Exception],
    code: int,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise error("No.")

    monkeypatch.setattr("mcp_server.commands.operation.settled", fails)

    assert cli.run(["events", "--json"]) == code
    assert error_of(capsys)["message"] == "No."


def test_what_nobody_expected_is_a_sentence_and_a_logged_traceback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("mcp_server.commands.operation.settled", fails)

    code = cli.run(["events"])

    captured = capsys.readouterr()
    assert code == 1
    assert "Traceback" in captured.err
    assert "Unexpected ZeroDivisionError: division by zero" in captured.err


def test_ctrl_c_says_that_the_week_resumes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("mcp_server.commands.operation.settled", interrupted)

    assert cli.run(["events"]) == 130
    said = " ".join(capsys.readouterr().err.split())
    assert said.startswith("Interrupted; nothing is lost")
    assert "resumes with `council run-weekly`" in said


def test_sigterm_closes_what_is_open_and_says_that_the_week_resumes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    closed = []

    async def work() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.Event().wait()
        finally:
            closed.append(True)

    with pytest.raises(typer.Exit) as ended:
        carry_out(work(), Output(as_json=True))

    assert (ended.value.exit_code, closed) == (143, [True])
    assert "resumes with `council run-weekly`" in capsys.readouterr().err


def test_a_reader_that_has_gone_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object, **__: object) -> None:
        raise BrokenPipeError

    silenced = []
    monkeypatch.setattr("mcp_server.commands.operation.settled", gone)
    monkeypatch.setattr("mcp_server.cli.os.dup2", lambda *ends: silenced.append(ends))

    assert cli.run(["events"]) == 1
    assert silenced


def test_error_codes_are_the_names_of_the_errors_in_words() -> None:
    assert error_code(RefusedError("x")) == "refused_error"


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("council ")
