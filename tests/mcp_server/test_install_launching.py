"""Which command line a host is given, by where the program was installed from."""

import subprocess
import sys
from pathlib import Path

import pytest

from mcp_server import cli
from mcp_server.setting_up.launching import launch_of, own_launch
from mcp_server.setting_up.machine import Origin, this_machine
from tests.mcp_server.installations import make_command, make_machine


def test_an_installed_package_is_started_by_its_own_command(tmp_path: Path) -> None:
    machine = make_machine(tmp_path)

    launch = launch_of(machine)

    assert launch.command == str(machine.scripts / "council")
    assert (launch.arguments, dict(launch.variables)) == (("mcp",), {})


def test_without_a_command_the_module_is_run(tmp_path: Path) -> None:
    machine = make_machine(tmp_path)
    (machine.scripts / "council").unlink()

    launch = launch_of(machine)

    assert launch.command == str(machine.python)
    assert launch.arguments == ("-m", "mcp_server.start", "mcp")


def test_a_checkout_is_started_by_the_uv_that_runs_it(tmp_path: Path) -> None:
    uv = make_command(tmp_path / "real", "uv")
    origin = Origin((tmp_path / "check out").as_uri(), editable=True)
    machine = make_machine(tmp_path, origin=origin, variables={"UV": str(uv)})

    launch = launch_of(machine)

    assert launch.command == str(uv)
    assert launch.arguments == ("run", "--directory", f"{tmp_path}/check out", "council", "mcp")
    assert own_launch(machine).command == str(machine.scripts / "council")


def test_a_checkout_without_uv_is_started_by_its_own_command(tmp_path: Path) -> None:
    machine = make_machine(tmp_path, origin=Origin(tmp_path.as_uri(), editable=True))

    assert launch_of(machine).command == str(machine.scripts / "council")


def test_an_environment_for_one_run_is_made_anew_by_uvx(tmp_path: Path) -> None:
    uvx = make_command(tmp_path / "bin", "uvx")
    scripts = tmp_path / "cache" / "uv" / "archive-v0" / "aB3" / "bin"
    origin = Origin("https://example.org/council-0.1.0.whl", editable=False)
    variables = {"PATH": str(tmp_path / "bin")}
    machine = make_machine(tmp_path, scripts=scripts, origin=origin, variables=variables)

    launch = launch_of(machine)

    assert launch.command == str(uvx)
    assert launch.arguments == ("--from", origin.address, "council", "mcp")


def test_another_home_and_the_proxys_certificates_reach_the_server(tmp_path: Path) -> None:
    variables = {"SSL_CERT_FILE": "/certs.pem", "OPENAI_API_KEY": "secret"}
    machine = make_machine(tmp_path, council_home=tmp_path / "elsewhere", variables=variables)

    launch = launch_of(machine)

    assert launch.variables == {
        "COUNCIL_HOME": str(tmp_path / "elsewhere"),
        "SSL_CERT_FILE": "/certs.pem",
    }


def test_this_machine_has_a_command_that_starts() -> None:
    launch = own_launch(this_machine())

    done = subprocess.run(
        [launch.command, *launch.arguments[:-1], "--version"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout.startswith("council ")
    assert Path(sys.prefix) in Path(launch.command).parents


@pytest.mark.parametrize(
    ("arguments", "code"), [(["emacs"], 2), (["cursor", "--dry-run"], 0), (["cursor"], 0)]
)
def test_the_command_line_installs_under_home(
    arguments: list[str],
    code: int,
    *,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))

    ended = cli.run(["install", *arguments, "--json"])

    assert ended == code
    assert (tmp_path / ".cursor" / "mcp.json").exists() is (arguments == ["cursor"])
    assert capsys.readouterr().out.startswith("{") is (code == 0)


def test_print_shows_what_to_add_by_hand(capsys: pytest.CaptureFixture[str]) -> None:
    ended = cli.run(["install", "vscode", "--print", "--name", "mine"])

    assert ended == 0
    assert '"servers": {\n    "mine": {\n      "type": "stdio"' in capsys.readouterr().out
