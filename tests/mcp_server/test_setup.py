"""`council setup` as a command: what it writes, what it leaves alone, what it never shows."""

import json
import os
import pty
import select
import signal
import stat
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from config.settings import load_settings
from mcp_server import cli
from mcp_server.passphrase import is_set
from tests.mcp_server.installations import hosts_environment

KEY = "rqsty-sk-" + "a1b2c3d4e5"
COUNCIL = "from mcp_server.start import main; main()"


@pytest.fixture
def home(environment: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the COUNCIL_HOME of commands of this process; HOME is elsewhere."""
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.setenv("COUNCIL_MODE", "rehearsal")
    return tmp_path


def set_up(*arguments: str) -> int:
    return cli.run(["setup", "--yes", "--json", *arguments])


def test_setup_stores_this_shells_keys_and_makes_the_database_ready(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REQUESTY_API_KEY", KEY)

    code = set_up()

    said = capsys.readouterr()
    shape = json.loads(said.out)
    file = home / "env"
    assert (code, said.err) == (0, "")
    assert (shape["healthy"], shape["backup"], shape["secret"]) == (True, None, "none")
    assert set(shape["changed"]) == {"REQUESTY_API_KEY", "DATABASE_URL"}
    assert KEY not in said.out
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "council install claude-desktop" in " ".join(shape["next_steps"])
    stored = load_settings({"COUNCIL_HOME": str(home)}, directory=home / "nowhere")
    assert stored.requesty_api_key is not None
    assert stored.requesty_api_key.get_secret_value() == KEY


def test_keyless_setup_stores_no_key_and_keeps_what_is_there(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REQUESTY_API_KEY", KEY)
    before = "# mine\nGEMINI_API_KEY=AIzaSomething\nUNKNOWN=1\n"
    (home / "env").write_text(before)

    code = set_up("--keyless")

    assert code == 0
    assert (home / "env").read_text() == before
    assert json.loads(capsys.readouterr().out)["changed"] == []


def test_the_former_settings_are_copied_aside_for_the_owner_alone(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REQUESTY_API_KEY", KEY)
    (home / "env").write_text("# before\n")

    set_up()

    backup = Path(json.loads(capsys.readouterr().out)["backup"])
    assert backup.read_text() == "# before\n"
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600


def test_settings_that_would_not_load_are_not_written(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql://user:hidden-word@host/name")

    code = set_up()

    said = capsys.readouterr().err
    assert code == 2
    assert "DATABASE_URL" in said
    assert "hidden-word" not in said
    assert not (home / "env").exists()


def test_without_a_terminal_setup_asks_for_yes(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)

    code = cli.run(["setup", "--json"])

    assert code == 2
    assert "--yes" in capsys.readouterr().err
    assert not (home / "env").exists()


class Terminal:
    """`council setup` on a terminal of its own, answered as its questions come."""

    def __init__(self, environment: Mapping[str, str], folder: Path) -> None:
        self.shown = ""
        self._child, self._side = pty.fork()
        if self._child == 0:
            # A shell in the background has its children ignore Ctrl-C.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.chdir(folder)
            command = [sys.executable, "-c", COUNCIL, "setup"]
            os.execve(sys.executable, command, dict(environment))  # noqa: S606 - our own program

    def answer(self, question: str, answer: str) -> None:
        """Wait for `question` at the end of what is shown, then type."""
        self._read_until(question)
        os.write(self._side, answer.encode())

    def end(self, again: str = "") -> int:
        """Wait for the end; press `again` whenever nothing is said for a second.

        A Ctrl-C in the instant between question and reading is lost, as it is to a person.
        """
        self._read_until(None, again)
        return os.waitstatus_to_exitcode(os.waitpid(self._child, 0)[1])

    def _read_until(self, wanted: str | None, again: str = "") -> None:
        start, ends_at = len(self.shown), time.monotonic() + 20
        while wanted is None or wanted not in self.shown[start:]:
            assert time.monotonic() < ends_at, self.shown
            if not select.select([self._side], [], [], 1)[0]:
                os.write(self._side, again.encode())
                continue
            try:
                read = os.read(self._side, 4096)
            except OSError:  # the child has closed its end
                read = b""
            if not read:
                assert wanted is None, self.shown
                return
            self.shown += read.decode()


def a_home(council_home: Path, tmp_path: Path) -> tuple[Path, dict[str, str]]:
    home = council_home / tmp_path.name
    home.mkdir(mode=0o755)
    return home, hosts_environment(home, TERM="dumb", COLUMNS="100")


def test_a_person_sets_up_on_a_terminal_and_no_secret_is_shown(
    council_home: Path, tmp_path: Path, database_dsn: str
) -> None:
    home, environment = a_home(council_home, tmp_path)
    terminal = Terminal({**environment, "COUNCIL_MODE": "rehearsal"}, home)

    terminal.answer("Enter keys now?", "y\n")
    terminal.answer("Model gateway", f"{KEY}\n")
    terminal.answer("Address of the gateway", "\n")
    terminal.answer("Perplexity", "\n")
    terminal.answer("Gemini", "\n")
    terminal.answer("Enter keys of Alpaca", "n\n")
    terminal.answer("use another?", "y\n")
    terminal.answer("Address postgresql", f"{database_dsn}\n")
    terminal.answer("Approval passphrase", "correct horse\n")
    terminal.answer("The same again", "correct horse\n")
    code = terminal.end()

    settings = load_settings({"HOME": str(home)}, directory=home)
    assert code == 0, terminal.shown
    assert KEY not in terminal.shown
    assert "correct horse" not in terminal.shown
    assert settings.requesty_api_key is not None
    assert settings.requesty_api_key.get_secret_value() == KEY
    assert settings.database_dsn == database_dsn
    assert is_set(home / ".council")


@pytest.mark.parametrize("key", ["\x03", "\x04"], ids=["Ctrl-C", "Ctrl-D"])
def test_ctrl_c_at_a_question_leaves_everything_as_it_was(
    council_home: Path, tmp_path: Path, key: str
) -> None:
    home, environment = a_home(council_home, tmp_path)
    terminal = Terminal(environment, home)

    terminal.answer("Enter keys now?", "y\n")
    terminal.answer("Model gateway", f"{KEY}\n")
    terminal.answer("Address of the gateway", key)
    code = terminal.end(again=key)

    assert code == 130
    assert "nothing was changed" in terminal.shown
    assert not (home / ".council").exists()
