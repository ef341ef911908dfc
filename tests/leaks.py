"""Fails a run of the tests in which a secret of theirs comes out: in print, log, file or event.

Every secret that a test gives to the program is known here from the moment at which the program
takes it: settings, tokens, passphrases and guesses at them, state keys, and what a process gets in
its environment. What that test then prints, logs, reads from a process, stores or leaves in its
folder is looked through. A test in which one may be seen says so with the mark `shows_secret`.
"""

import functools
import logging
import os
import re
import subprocess
from asyncio.subprocess import Process
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

import mcp_server.passphrase
import mcp_server.sealing
from config import env_files
from config.settings import Settings
from mcp_server.web.token_file import TokenFile
from store.events import NewEvent
from store.grants import ROLES

SHORTEST: Final = 12
"""What is shorter may stand in a text by chance."""
LARGEST_FILE_BYTES: Final = 2_000_000
_SECRET_NAME: Final = re.compile("KEY|SECRET|PASSWORD|TOKEN|ALERT_URLS|DATABASE_URL")
FILES_OF_SECRETS: Final = frozenset({"env", ".env", "state-key", *ROLES})
"""They are where a person or the program keeps them."""


@dataclass(slots=True)
class Watch:
    """The secrets of the test at hand, and where one of them was seen; never which it was."""

    secrets: set[str] = field(default_factory=set)
    seen: list[str] = field(default_factory=list)
    stores: set[Path] = field(default_factory=set)
    """Folders in which a service finds its secrets."""
    test: str = ""
    is_allowed: bool = False

    def knows(self, *secrets: str) -> None:
        """Look out for them until the test ends."""
        if self.test:
            self.secrets.update(s for s in secrets if len(s) >= SHORTEST and not _is_open(s))

    def look(self, where: str, text: str | bytes | None) -> None:
        """Note the place if a secret stands there."""
        if not text or not self.secrets or self.is_allowed:
            return
        told = text.decode(errors="replace") if isinstance(text, bytes) else text
        if any(secret in told for secret in self.secrets):
            self.seen.append(f"{self.test}: {where}")


def _is_open(value: str) -> bool:
    """Return whether it is no secret: an address without a password, a place left to be filled."""
    if value.startswith("${"):
        return True
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return bool(parts.scheme and "://" in value and not parts.password and not parts.query)


WATCH: Final = Watch()


class Listener(logging.Handler):
    """Hears what reaches the root logger; what a logger keeps to itself comes out nowhere."""

    def emit(self, record: logging.LogRecord) -> None:
        """Look at the line, trace and all."""
        if WATCH.secrets:
            WATCH.look(f"log of {record.name}", self.format(record))


LISTENER: Final = Listener()


def _after(owner: Any, name: str, look: Callable[..., None]) -> None:
    """Let `look` see the result and the arguments of whatever `owner` calls by `name`."""
    inner = getattr(owner, name)

    @functools.wraps(inner)
    def called(*args: Any, **kwargs: Any) -> Any:
        result = inner(*args, **kwargs)
        look(result, *args, **kwargs)
        return result

    setattr(owner, name, called)


def pytest_configure(config: pytest.Config) -> None:
    """Stand beside everything by which secrets come in and words go out."""
    config.addinivalue_line("markers", "shows_secret(why): a secret may be seen in this test")
    _after(Settings, "__init__", lambda _, own, **__: WATCH.knows(*own.secret_values()))
    _after(TokenFile, "create", lambda token, *_, **__: WATCH.knows(token))
    _after(mcp_server.passphrase, "_hashed", lambda _, text, *__: WATCH.knows(text))
    _after(mcp_server.sealing, "_key_in", lambda key, *_: WATCH.knows(key.decode()))
    _after(env_files, "_credentials", lambda _, folder: WATCH.stores.add(Path(folder)))
    _after(NewEvent, "__init__", _look_at_event)
    _after(pytest.CaptureFixture, "readouterr", lambda read, _: _look_at_streams(*read))
    _after(subprocess.Popen, "__init__", _know_environment)
    _after(subprocess.Popen, "communicate", lambda read, *_, **__: _look_at_streams(*read))
    _watch_processes()


def _know_environment(*_: Any, env: Mapping[str, str] | None = None, **__: Any) -> None:
    given = {name: value for name, value in (env or {}).items() if os.environ.get(name) != value}
    WATCH.knows(*(str(value) for name, value in given.items() if _SECRET_NAME.search(str(name))))


def _watch_processes() -> None:
    inner = Process.communicate

    async def communicate(self: Process, input: Any = None) -> Any:
        read = await inner(self, input)
        _look_at_streams(*read)
        return read

    Process.communicate = communicate  # type: ignore[method-assign]  # what this is for


def _look_at_event(_: None, event: NewEvent, *__: Any, **___: Any) -> None:
    if WATCH.secrets:
        WATCH.look(f"event {event.event_type}", str(event.payload))


def _look_at_streams(out: Any, error: Any) -> None:
    WATCH.look("stdout", out)
    WATCH.look("stderr", error)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Begin anew with each test."""
    WATCH.secrets.clear()
    WATCH.stores.clear()
    logging.getLogger().addHandler(LISTENER)
    WATCH.test, WATCH.is_allowed = item.nodeid, item.get_closest_marker("shows_secret") is not None
    try:
        return (yield)
    finally:
        WATCH.test = ""
        logging.getLogger().removeHandler(LISTENER)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, None, None]:
    """Look through what the test left in its folder, before that is taken away."""
    folder = getattr(item, "funcargs", {}).get("tmp_path")
    if WATCH.secrets and isinstance(folder, Path):
        for path in _files(folder):
            WATCH.look(f"file {path.relative_to(folder)}", path.read_bytes())
    yield


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if path.name in FILES_OF_SECRETS or path.parent in WATCH.stores:
            continue
        if path.is_symlink() or not path.is_file():
            continue
        if path.stat().st_size <= LARGEST_FILE_BYTES:
            yield path


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """Look through what pytest caught of print; it takes logs where nobody else hears them."""
    report = yield
    for name, text in report.sections:
        if "log" not in name:
            WATCH.look(name, text)
    return report


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what another process of the run has seen."""
    WATCH.seen += getattr(node, "workeroutput", {}).get("leaks", [])


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the run, or tell the process that can."""
    if (output := getattr(session.config, "workeroutput", None)) is not None:
        output["leaks"] = sorted(set(WATCH.seen))
    elif WATCH.seen:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say where, but not what."""
    if WATCH.seen:
        terminalreporter.section("secrets that came out", red=True)
        for place in sorted(set(WATCH.seen)):
            terminalreporter.write_line(place)
