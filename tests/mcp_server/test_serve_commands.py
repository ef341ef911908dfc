"""`council serve` and `council token` as they are typed."""

import json
import signal
import socket
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

import httpx2
import mcp
import pytest

from mcp_server import cli
from tests.mcp_server.test_processes import near_empty
from tests.mcp_server.test_tools import told

COUNCIL = "from mcp_server.start import main; main()"


@pytest.fixture
def _own_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COUNCIL_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


def document(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert cli.run([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def error(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code = cli.run([*arguments, "--json"])
    return code, json.loads(capsys.readouterr().err)["error"]["message"]


@pytest.mark.usefixtures("_own_home")
@pytest.mark.shows_secret("a token is shown when it is made, and never again")
def test_a_token_is_shown_once_listed_without_it_and_revoked(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    made = document(capsys, "token", "create", "laptop", "--scope", "run", "--expires", "30")
    listed = document(capsys, "token", "list")
    revoked = document(capsys, "token", "revoke", "laptop")
    left = document(capsys, "token", "list")

    (shown,) = listed["tokens"]
    assert made == {**shown, "token": made["token"]}
    assert (shown["name"], shown["scope"], shown["expired"]) == ("laptop", "run", False)
    assert revoked == {"name": "laptop", "left": 0}
    assert left == {"tokens": []}
    assert stat.S_IMODE((tmp_path / "tokens.json").stat().st_mode) == 0o600


@pytest.mark.usefixtures("_own_home")
@pytest.mark.shows_secret("a token is shown when it is made, and never again")
def test_a_person_reads_the_token_and_what_revoking_the_last_one_means(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.run(["token", "create", "laptop"]) == 0
    made = capsys.readouterr().out
    assert cli.run(["token", "list"]) == 0
    listed = capsys.readouterr().out
    assert cli.run(["token", "revoke", "laptop"]) == 0
    revoked = capsys.readouterr().out

    assert "scope read" in made
    assert made.count("council_") == 2
    assert "laptop" in listed
    assert "never" in listed
    assert "it was the last" in revoked


@pytest.mark.usefixtures("_own_home")
@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["token", "create", "x", "--scope", "admin"], 2, "choose from read, run, approve"),
        (["token", "create", "x y"], 2, "is no name"),
        (["token", "create", "x", "--expires", "0"], 2, "--expires"),
        (["token", "revoke", "x"], 2, "there is none at all"),
        (["serve", "--toolsets", "week,trade"], 2, "'trade'"),
        (["serve", "--host", "0.0.0.0", "--port", "0"], 5, "token create"),  # noqa: S104 - refused
        (["serve", "--port", "70000"], 2, "no port"),
    ],
)
def test_a_wrong_command_is_one_sentence(
    capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, says: str
) -> None:
    came, sentence = error(capsys, *arguments)

    assert came == code
    assert says in sentence


@pytest.mark.usefixtures("_own_home")
def test_the_stdio_server_knows_its_groups_of_tools_too(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = cli.run(["mcp", "--read-only", "--toolsets", "all"])

    assert code == 2
    assert "choose from week, trades, watch, ask" in capsys.readouterr().err


@pytest.mark.usefixtures("_own_home")
def test_a_port_in_use_is_told_before_anything_is_opened(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        code, sentence = error(capsys, "serve", "--port", str(port))

    assert code == 2
    assert f"Port {port} on 127.0.0.1 is in use" in sentence


@pytest.fixture
def home(council_home: Path, tmp_path: Path) -> Path:
    """Return an empty HOME that the embedded server's own user may enter, too."""
    own = council_home / tmp_path.name
    own.mkdir()
    own.chmod(0o755)
    return own


@contextmanager
def serving(home: Path, *options: str, **variables: str) -> Iterator[tuple[Popen[str], Any]]:
    """Run `council serve` on a free port; yields the process and what it said of itself."""
    command = (sys.executable, "-c", COUNCIL, "serve", "--port", "0", "--json", *options)
    environment = near_empty(home, COUNCIL_EXCHANGE_HOURS="always", **variables)
    with Popen(command, env=environment, cwd=home, stdout=PIPE, stderr=PIPE, text=True) as process:
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "")
        said = "".join(line for line in _until_end(lines))
        assert said, process.communicate()[1]
        try:
            yield process, json.loads(said)
        finally:
            process.kill()


def _until_end(lines: Iterator[str]) -> Iterator[str]:
    """Yield the lines of one JSON document."""
    for line in lines:
        yield line
        if line == "}\n":
            return


@pytest.mark.slow
async def test_the_server_serves_both_eras_and_its_pages_and_ends_at_sigterm(home: Path) -> None:
    with serving(home) as (process, said):
        ready = httpx2.get(f"{said['address']}/ready").json()
        page = httpx2.get(said["approvals_url"])
        answers = []
        for mode in ("auto", "legacy"):
            async with mcp.Client(said["mcp_url"], mode=mode) as client:
                answers.append(await told(client, "get_status"))
        process.send_signal(signal.SIGTERM)
        code = process.wait(timeout=15)
        assert process.stderr is not None
        last = process.stderr.read()

    assert ready["ready"]
    assert "No trades wait" in page.text
    assert [answer["mode"] for answer in answers] == ["rehearsal"] * 2
    assert said["mcp_url"].startswith(said["address"])
    assert code == 143
    assert json.loads(last)["error"]["code"] == "interrupted"


@pytest.mark.slow
async def test_two_servers_with_other_ports_name_their_own_pages(home: Path) -> None:
    with serving(home) as (_, first), serving(home, "--read-only") as (_, second):
        async with mcp.Client(second["mcp_url"]) as client:
            tools = {tool.name for tool in (await client.list_tools()).tools}
            listed = await told(client, "list_pending_trades")

    assert first["address"] != second["address"]
    assert listed["approval_url"] == second["approvals_url"]
    assert "approve_trade" not in tools
