"""That the run fails where a secret of a test comes out, and names the place and not the secret."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SECRET = "canary-Xx7W-Xx7W-Xx7W"
TESTS = """
import logging, os, subprocess, sys
from datetime import UTC, datetime
from uuid import uuid4
import pytest
from config.settings import load_settings
from store.events import NewEvent

SECRET = "-".join(["canary", *["Xx7W"] * 3])

@pytest.fixture(autouse=True)
def taken(tmp_path):
    load_settings({"COUNCIL_HOME": str(tmp_path), "REQUESTY_API_KEY": SECRET}, directory=tmp_path)

def test_print(): print(SECRET)
def test_read(capsys): print(SECRET); capsys.readouterr()
def test_file(tmp_path): (tmp_path / "report.html").write_text(SECRET)
def test_log(): logging.getLogger("urllib3").error("no answer from %s", SECRET)
def test_event(): NewEvent(uuid4(), "Noted", {"words": SECRET}, datetime.now(UTC))
def test_process():
    subprocess.run([sys.executable, "-c", f"print({SECRET!r})"], capture_output=True)
def test_environment():
    own = {**os.environ, "GEMINI_API_KEY": SECRET[::-1]}
    program = "import os; print(os.environ['GEMINI_API_KEY'])"
    subprocess.run([sys.executable, "-c", program], env=own, capture_output=True)
def test_own_file(tmp_path): (tmp_path / "env").write_text(SECRET)
def test_credential(tmp_path):
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "GEMINI_API_KEY").write_text(SECRET[::-1])
    load_settings({"CREDENTIALS_DIRECTORY": str(tmp_path / "given")}, directory=tmp_path)
def test_kept_log():
    logger = logging.getLogger("apprise")
    logger.propagate = False
    logger.addHandler(logging.NullHandler())
    logger.error(SECRET)
def test_silence(): pass
@pytest.mark.shows_secret("as this one does")
def test_allowed(): print(SECRET)
"""
LEAKING = {"print", "read", "log", "file", "event", "process", "environment"}


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("leaking")
    (folder / "test_leaking.py").write_text(TESTS)
    return folder


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the tests of `folder` as others are run, without this project's configuration."""
    terms = ("-p", "tests.leaks", "-p", "no:cacheprovider", "-q", "-c", "/dev/null")
    return subprocess.run(
        [sys.executable, "-m", "pytest", *terms, "--rootdir", folder, folder, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(
    "processes", ["0", pytest.param("2", marks=pytest.mark.slow)], ids=["one", "two"]
)
def test_a_run_fails_by_every_way_on_which_a_secret_comes_out(
    program: Path, processes: str
) -> None:
    done = run(program, "-n", processes)

    named = [line for line in done.stdout.splitlines() if "::test_" in line]
    assert {line.partition("::test_")[2].partition(":")[0] for line in named} == LEAKING
    assert "12 passed" in done.stdout
    assert done.returncode == 1
    assert SECRET not in done.stdout + done.stderr


@pytest.mark.slow
def test_a_run_without_a_leak_passes(program: Path) -> None:
    done = run(program, "-n", "0", "-k", "own_file or credential or kept_log or silence or allowed")

    assert done.returncode == 0, done.stdout
