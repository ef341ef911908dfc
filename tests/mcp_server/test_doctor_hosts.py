"""What the doctor says of hosts' files, of certificates and of the server's start."""

import json
from pathlib import Path
from typing import Any

import pytest

from mcp_server import doctor_hosts
from mcp_server.setting_up.hosts import HOSTS, entry_of, host_file
from mcp_server.setting_up.launching import launch_of
from mcp_server.setting_up.machine import Machine
from mcp_server.shapes import CheckShape
from tests.mcp_server.installations import make_command, make_machine

DESKTOP = HOSTS["claude-desktop"]


def written(machine: Machine, **changes: Any) -> dict[str, Any]:
    entry = {**entry_of(DESKTOP, launch_of(machine)), **changes}
    file = host_file(DESKTOP, machine)
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"mcpServers": {"council": entry, "files": {"command": "npx"}}}))
    return entry


def only_check(machine: Machine) -> CheckShape:
    (check,) = doctor_hosts.hosts(machine)
    return check


def test_an_entry_that_starts_this_installation_is_ok(tmp_path: Path) -> None:
    machine = make_machine(tmp_path)
    written(machine)

    check = only_check(machine)

    assert (check.check, check.result) == ("host claude-desktop", "ok")


def test_no_host_at_all_is_no_fault(tmp_path: Path) -> None:
    assert only_check(make_machine(tmp_path)).result == "ok"


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("council", "without its path"),
        ("/gone/council", "not there any more"),
        ("elsewhere", "another installation"),
    ],
)
def test_an_entry_that_starts_something_else_is_pointed_at(
    tmp_path: Path, command: str, said: str
) -> None:
    machine = make_machine(tmp_path)
    elsewhere = make_command(tmp_path / "elsewhere", "council")
    written(machine, command=str(elsewhere) if command == "elsewhere" else command)

    check = only_check(machine)

    assert (check.result, check.mend) == ("warn", "`council install claude-desktop`")
    assert said in check.message


def test_an_entry_with_another_home_is_pointed_at(tmp_path: Path) -> None:
    machine = make_machine(tmp_path, council_home=tmp_path / "elsewhere")
    written(machine, env={})

    assert f"does not use {tmp_path / 'elsewhere'}" in only_check(machine).message


def test_an_entry_without_the_proxys_certificates_is_pointed_at(tmp_path: Path) -> None:
    machine = make_machine(tmp_path, variables={"SSL_CERT_FILE": "/certs.pem"})
    written(machine, env={})

    assert "without SSL_CERT_FILE" in only_check(machine).message


def test_a_file_that_cannot_be_read_is_a_warning(tmp_path: Path) -> None:
    machine = make_machine(tmp_path)
    host_file(DESKTOP, machine).parent.mkdir(parents=True)
    host_file(DESKTOP, machine).write_text("// mine\n{}")

    assert only_check(machine).result == "warn"


@pytest.mark.parametrize(
    ("variables", "result"),
    [
        ({}, "ok"),
        ({"SSL_CERT_FILE": __file__}, "ok"),
        ({"SSL_CERT_FILE": "/gone.pem"}, "fail"),
        ({"CURL_CA_BUNDLE": "/proxy.pem"}, "warn"),
    ],
)
def test_certificates_of_a_proxy_are_looked_at(
    tmp_path: Path, variables: dict[str, str], result: str
) -> None:
    machine = make_machine(tmp_path, variables=variables)

    assert doctor_hosts.certificates(machine).result == result


async def test_a_server_that_does_not_start_is_a_failure(tmp_path: Path) -> None:
    machine = make_machine(tmp_path)
    make_command(machine.scripts, "council", "exit 7")

    check = await doctor_hosts.handshake(machine)

    assert check.result == "fail"
    assert "does not start" in check.message
