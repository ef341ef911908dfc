"""The doctor's checks of this machine: private files, disk, tokens, time, port, telemetry."""

import asyncio
import json
import re
import shutil
import socket
import stat
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import datetime, timedelta
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Final
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, build_opener

from config import telemetry
from config.errors import ConfigError
from config.settings import Settings
from mcp_server.sealing import KEY_FILE
from mcp_server.shapes import CheckShape
from store.grants import ROLES

ADDRESSES: Final = tuple(f"roles/{role}" for role in ROLES)
"""Of the database, each with the password of its login."""
PRIVATE_FILES: Final = ("env", "tokens.json", "passphrase.json", KEY_FILE, *ADDRESSES)
_OTHERS: Final = 0o077
_OTHERS_WRITE: Final = 0o022
_LEAST_BYTES: Final = 200_000_000
_ENOUGH_BYTES: Final = 2_000_000_000
_SOON: Final = timedelta(days=14)
_OLDEST_ZONES_YEARS: Final = 2
_ZONES: Final = Path("/usr/share/zoneinfo/tzdata.zi")
_PATIENCE_SECONDS: Final = 2.0
_TELEMETRY_PORT: Final = 4318
_SERVE_PORT: Final = 8931


def private_files(home: Path) -> Iterator[CheckShape]:
    """Check that nobody else reads what is secret in the home, nor puts anything into it."""
    found = list(_exposed(home))
    for path, mode in found:
        message = f"{path} has the mode {mode:03o}: others may use it"
        yield CheckShape(
            check="private files",
            result="warn",
            message=message,
            mend=f"`chmod {'go-w' if path.is_dir() else '600'} {path}`",
        )
    if not found:
        message = f"only you read what is secret in {home}"
        yield CheckShape(check="private files", result="ok", message=message)


def _exposed(home: Path) -> Iterator[tuple[Path, int]]:
    for path, forbidden in ((home, _OTHERS_WRITE), *((home / f, _OTHERS) for f in PRIVATE_FILES)):
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
        except OSError:
            continue
        if mode & forbidden:
            yield path, mode


def disk(folder: Path) -> CheckShape:
    """Check that the disk under `folder` has room for years of events, or at least for a week."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(there).free
    result = "fail" if free < _LEAST_BYTES else "warn" if free < _ENOUGH_BYTES else "ok"
    return CheckShape(
        check="disk",
        result=result,
        message=f"{free / 1e9:,.1f} GB are free under {folder}",
        mend="Free some space: without it no fact is stored, and so no order is sent.",
    )


def tokens(settings: Settings, now: datetime) -> Iterator[CheckShape]:
    """Check the tokens of `council serve`: damaged, over, or over soon."""
    from mcp_server.web.token_file import TokenFile  # noqa: PLC0415 - with the web server's parts

    try:
        kept = TokenFile.in_home(settings.council_home).read()
    except ConfigError as error:
        mend = "Do what it says; until then no server takes a token."
        yield CheckShape(check="tokens", result="fail", message=str(error), mend=mend)
        return
    for token in kept:
        if token.expires_at is not None and token.expires_at <= now + _SOON:
            said = "is over since" if token.is_expired(now) else "is over on"
            yield CheckShape(
                check="tokens",
                result="warn",
                message=f"the token {token.name} {said} {token.expires_at:%Y-%m-%d}",
                mend=f"`council token revoke {token.name}`, then `council token create`.",
            )
    names = ", ".join(f"{token.name} ({token.scope})" for token in kept)
    message = names or "none: programs on this machine need none, others are not served"
    yield CheckShape(check="tokens", result="ok", message=message)


def zones(now: datetime, installed: str | None = None) -> CheckShape:
    """Check how old the rules of daylight saving time are, by which every slot is timed."""
    release = installed or zone_release()
    year = int((re.match(r"\d{4}", release) or ["0"])[0])
    old = now.year - year >= _OLDEST_ZONES_YEARS
    return CheckShape(
        check="time zones",
        result="warn" if old else "ok",
        message=f"the rules of New York's time are those of {release}",
        mend="Update the system's tzdata, or `uv sync --upgrade-package tzdata`.",
    )


def zone_release() -> str:
    """Return the release of the time zones in use: the system's, else the installed package's."""
    try:
        with _ZONES.open(encoding="utf-8") as file:
            first = file.readline()
    except OSError:
        return version("tzdata")
    return first.removeprefix("# version").strip() or version("tzdata")


def port(settings: Settings) -> CheckShape:
    """Check that `council serve` can listen where its pages are said to be, or listens already."""
    url = urlsplit(settings.council_web_url)
    number = url.port if url.hostname in {"127.0.0.1", "localhost"} and url.port else _SERVE_PORT
    with closing(socket.socket()) as probe:
        probe.settimeout(_PATIENCE_SECONDS)
        is_taken = probe.connect_ex(("127.0.0.1", number)) == 0
    check = f"port {number}"
    if not is_taken:
        return CheckShape(check=check, result="ok", message="free for `council serve`")
    if _is_ours(number):
        return CheckShape(check=check, result="ok", message="a council serves there")
    message = "another program listens where `council serve` would"
    mend = "Stop it, or choose another: `council serve --port N`, and set COUNCIL_WEB_URL."
    return CheckShape(check=check, result="warn", message=message, mend=mend)


def _is_ours(number: int) -> bool:
    try:
        address = f"http://127.0.0.1:{number}/health"
        # No proxy of the environment leads back to this machine.
        direct = build_opener(ProxyHandler({}))
        with direct.open(address, timeout=_PATIENCE_SECONDS) as answer:
            return "version" in json.loads(answer.read(1_000))
    except (URLError, OSError, ValueError):
        return False


async def exporter(environ: Mapping[str, str]) -> CheckShape:
    """Check that the collector which OTEL_* names answers; nothing is sent to it."""
    check, wanted = "telemetry", telemetry.wanted_by(environ)
    if not wanted.anything:
        return CheckShape(check=check, result="ok", message="none leaves: no OTEL_* asks for it")
    if find_spec("opentelemetry.sdk") is None:
        message = "OTEL_* asks for it, but the extra `telemetry` is not installed"
        mend = "`uv sync --extra telemetry`, or install llm-trading-council[telemetry]."
        return CheckShape(check=check, result="warn", message=message, mend=mend)
    if "otlp" not in {wanted.traces, wanted.metrics}:
        return CheckShape(check=check, result="ok", message=f"traces: {wanted.traces}, to stderr")
    host, number = _collector(environ)
    is_there = await _answers(host, number)
    return CheckShape(
        check=check,
        result="ok" if is_there else "warn",
        message=f"traces and metrics go to {host}:{number}, which "
        + ("answers" if is_there else "does not answer"),
        mend="Start the collector, or mend or unset OTEL_EXPORTER_OTLP_ENDPOINT.",
    )


def _collector(environ: Mapping[str, str]) -> tuple[str, int]:
    names = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
    named = next((environ[name] for name in names if environ.get(name)), "")
    try:
        url = urlsplit(named)
        number = url.port or (443 if url.scheme == "https" else None)
    except ValueError:
        return "an address that cannot be read", 0
    return url.hostname or "localhost", number or _TELEMETRY_PORT


async def _answers(host: str, number: int) -> bool:
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            _, writer = await asyncio.open_connection(host, number)
    except (OSError, TimeoutError, ValueError):
        return False
    writer.close()
    return True
