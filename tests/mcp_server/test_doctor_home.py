"""What the doctor says of this machine, with each thing broken and mended."""

import ast
import os
import shutil
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from config.settings import Settings
from mcp_server import doctor_home
from mcp_server.setting_up.machine import Machine
from mcp_server.shapes import CheckShape
from mcp_server.web.token_file import TokenFile
from tests.mcp_server.installations import make_command, make_machine
from tests.mcp_server.web import listening

PROGRAM = Path(doctor_home.__file__).parent
NOW = datetime(2026, 11, 18, 12, tzinfo=UTC)


class Usage(NamedTuple):
    total: int
    used: int
    free: int


def only(checks: object) -> CheckShape:
    (check,) = list(checks)  # type: ignore[call-overload]  # whatever yields them
    assert isinstance(check, CheckShape)
    return check


def lines_of(program: str) -> list[dict[str, ast.expr]]:
    """Return what each line of the doctor is made of, by the names of its parts."""
    if "CheckShape(" not in program:
        return []
    calls = [node for node in ast.walk(ast.parse(program)) if isinstance(node, ast.Call)]
    made = [call for call in calls if getattr(call.func, "id", "") == "CheckShape"]
    return [{part.arg or "": part.value for part in call.keywords} for call in made]


def test_every_line_that_may_point_at_something_says_how_to_mend_it() -> None:
    found = [line for file in PROGRAM.rglob("*.py") for line in lines_of(file.read_text("utf-8"))]

    mendless = [
        line for line in found if ast.unparse(line["result"]) != "'ok'" if "mend" not in line
    ]
    assert [ast.unparse(line["message"]) for line in mendless] == []
    assert len(found) > 40


@pytest.mark.parametrize("name", doctor_home.PRIVATE_FILES)
def test_a_secret_file_that_others_may_read_is_pointed_at_until_it_is_closed(
    name: str, tmp_path: Path
) -> None:
    tmp_path.chmod(0o700)
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).touch(mode=0o640)

    broken = only(doctor_home.private_files(tmp_path))
    assert broken.mend is not None
    os.chmod(tmp_path / name, 0o600)
    mended = only(doctor_home.private_files(tmp_path))

    assert (broken.result, mended.result) == ("warn", "ok")
    assert broken.mend == f"`chmod 600 {tmp_path / name}`"


def test_a_home_into_which_others_may_write_is_pointed_at(tmp_path: Path) -> None:
    tmp_path.chmod(0o770)

    check = only(doctor_home.private_files(tmp_path))

    assert (check.result, check.mend) == ("warn", f"`chmod go-w {tmp_path}`")


@pytest.mark.parametrize(
    ("free", "result"), [(100_000_000, "fail"), (1_000_000_000, "warn"), (3_000_000_000, "ok")]
)
def test_a_disk_that_runs_full_is_pointed_at(
    free: int, result: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(free * 2, free, free))

    assert doctor_home.disk(tmp_path / "not" / "there").result == result


def test_a_token_that_is_over_soon_is_pointed_at(tmp_path: Path) -> None:
    settings, file = Settings(council_home=tmp_path), TokenFile.in_home(tmp_path)
    file.create("ann", "read", now=NOW, lifetime=timedelta(days=3))
    file.create("bob", "approve", now=NOW)

    soon, every = doctor_home.tokens(settings, NOW)
    over, _ = doctor_home.tokens(settings, NOW + timedelta(days=4))

    assert (soon.result, every.result) == ("warn", "ok")
    assert soon.message == "the token ann is over on 2026-11-21"
    assert over.message == "the token ann is over since 2026-11-21"
    assert every.message == "ann (read), bob (approve)"


def test_a_damaged_file_of_tokens_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "tokens.json").write_text("{")

    check = only(doctor_home.tokens(Settings(council_home=tmp_path), NOW))

    assert check.result == "fail"
    assert "damaged" in check.message


@pytest.mark.parametrize(("release", "result"), [("2026a", "ok"), ("2024b", "warn")])
def test_old_rules_of_daylight_saving_time_are_pointed_at(release: str, result: str) -> None:
    assert doctor_home.zones(NOW, release).result == result


def test_a_port_that_another_program_took_is_pointed_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor_home, "_PATIENCE_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        taken.listen()
        number = taken.getsockname()[1]
        settings = Settings(council_home=tmp_path, council_web_url=f"http://127.0.0.1:{number}")
        taken.settimeout(0)
        broken = doctor_home.port(settings)
    mended = doctor_home.port(settings)

    assert (broken.result, mended.result) == ("warn", "ok")
    assert "--port" in (broken.mend or "")


async def test_a_port_where_a_council_serves_is_no_fault_behind_a_proxy_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import asyncio

    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    async with listening(tmp_path) as number:
        settings = Settings(council_home=tmp_path, council_web_url=f"http://127.0.0.1:{number}")
        check = await asyncio.to_thread(doctor_home.port, settings)

    assert check.message == "a council serves there"


async def test_a_collector_that_does_not_answer_is_pointed_at() -> None:
    with socket.create_server(("127.0.0.1", 0)) as collector:
        endpoint = f"http://127.0.0.1:{collector.getsockname()[1]}"
        environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}
        mended = await doctor_home.exporter(environ)
    broken = await doctor_home.exporter(environ)

    assert (mended.result, broken.result) == ("ok", "warn")
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in (broken.mend or "")


async def test_no_telemetry_is_no_fault() -> None:
    assert (await doctor_home.exporter({})).result == "ok"


SYSTEMCTL = """case "$*" in
  *--user*) ;;
  *list-unit-files*) echo "council-weekly.timer enabled" ;;
  *list-timers*) {listed} ;;
esac"""


@pytest.mark.parametrize(
    ("listed", "result"),
    [("echo 'Wed council-weekly.timer council-weekly.service'", "ok"), ("true", "warn")],
)
async def test_a_timer_that_is_installed_and_does_not_run_is_pointed_at(
    listed: str, result: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mcp_server.doctor_timers import timers

    program = make_command(tmp_path / "bin", "systemctl", SYSTEMCTL.format(listed=listed))
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    machine: Machine = make_machine(tmp_path)

    check = await timers(machine)

    assert check.result == result
    assert "council-weekly.timer" in check.message
