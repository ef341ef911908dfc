"""`council install`: one entry of a host's file changes, and nothing else on the machine."""

import json
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.errors import ConfigError, RefusedError
from mcp_server.setting_up.host_files import read_host_file
from mcp_server.setting_up.hosts import HOSTS, host_file
from mcp_server.setting_up.installing import carried_out, planned_install, planned_removal
from mcp_server.setting_up.machine import Machine, System
from mcp_server.setting_up.shapes import InstallShape
from tests.mcp_server.installations import make_command, make_machine

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
DESKTOP = HOSTS["claude-desktop"]
CODE = HOSTS["claude-code"]
VSCODE = HOSTS["vscode"]
OTHERS = (
    '{\n    "theme": "dark",\n    "mcpServers": {\n        "files": {"command": "npx"}\n    }\n}'
)


def install(machine: Machine, host: str = "claude-desktop", name: str = "council") -> InstallShape:
    return carried_out(planned_install(HOSTS[host], machine, name), NOW)


def document(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("system", "host", "file"),
    [
        ("linux", "claude-desktop", ".config/Claude/claude_desktop_config.json"),
        (
            "macos",
            "claude-desktop",
            "Library/Application Support/Claude/claude_desktop_config.json",
        ),
        ("windows", "claude-desktop", "AppData/Roaming/Claude/claude_desktop_config.json"),
        ("linux", "claude-code", ".claude.json"),
        ("linux", "cursor", ".cursor/mcp.json"),
        ("linux", "vscode", ".config/Code/User/mcp.json"),
        ("macos", "vscode", "Library/Application Support/Code/User/mcp.json"),
        ("windows", "vscode", "AppData/Roaming/Code/User/mcp.json"),
    ],
)
def test_every_host_gets_an_absolute_command_where_it_looks_for_it(
    tmp_path: Path, system: System, host: str, file: str
) -> None:
    machine = make_machine(tmp_path, system=system)

    done = install(machine, host)

    entry = document(tmp_path / file)[HOSTS[host].key]["council"]
    assert done.change == "added"
    assert Path(entry["command"]).is_absolute()
    assert entry["args"] == ["mcp"]
    assert entry.get("type") == ("stdio" if HOSTS[host].typed else None)
    assert "env" not in entry


def test_the_folders_that_the_environment_names_are_the_hosts(tmp_path: Path) -> None:
    variables = {"XDG_CONFIG_HOME": str(tmp_path / "x"), "CLAUDE_CONFIG_DIR": str(tmp_path / "c")}
    machine = make_machine(tmp_path, variables=variables)

    assert host_file(VSCODE, machine) == tmp_path / "x/Code/User/mcp.json"
    assert host_file(CODE, machine) == tmp_path / "c/.claude.json"


def test_other_servers_settings_and_the_indentation_stay(tmp_path: Path) -> None:
    machine = make_machine(tmp_path)
    file = host_file(DESKTOP, machine)
    file.parent.mkdir(parents=True)
    file.write_bytes(OTHERS.replace("\n", "\r\n").encode())
    file.chmod(0o644)

    done = install(machine)

    text = file.read_bytes().decode()
    after = json.loads(text)
    assert list(after) == ["theme", "mcpServers"]
    assert after["mcpServers"]["files"] == {"command": "npx"}
    assert text.startswith('{\r\n    "theme"')
    assert not text.endswith("\n")
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    assert done.backup is not None
    assert Path(done.backup).read_bytes().decode() == OTHERS.replace("\n", "\r\n")
    assert Path(done.backup).name.startswith("claude_desktop_config.json.bak-2026112")


def test_a_second_install_changes_and_backs_up_nothing(tmp_path: Path) -> None:
    machine = make_machine(tmp_path)
    install(machine)
    before = sorted(tmp_path.rglob("*"))

    again = install(machine)

    assert (again.change, again.backup) == ("unchanged", None)
    assert sorted(tmp_path.rglob("*")) == before


def test_two_changes_in_one_second_leave_two_copies(tmp_path: Path) -> None:
    machine = make_machine(tmp_path)
    install(machine)

    copies = [install(machine, name=name).backup for name in ("first", "second")]

    assert len(set(copies)) == 2


def test_a_plan_alone_changes_nothing(tmp_path: Path) -> None:
    machine = make_machine(tmp_path)

    shape = planned_install(DESKTOP, machine, "council").shape(dry_run=True)

    assert (shape.change, shape.dry_run) == ("added", True)
    assert not host_file(DESKTOP, machine).exists()


def test_uninstalling_takes_out_one_entry_and_only_once(tmp_path: Path) -> None:
    machine = make_machine(tmp_path)
    install(machine, name="other-council")
    install(machine)

    removed = carried_out(planned_removal(DESKTOP, machine, "council"), NOW)
    again = carried_out(planned_removal(DESKTOP, machine, "council"), NOW)

    assert list(document(Path(removed.file))["mcpServers"]) == ["other-council"]
    assert (removed.change, again.change) == ("removed", "unchanged")


def test_what_a_person_added_to_the_entry_stays_and_is_not_shown(tmp_path: Path) -> None:
    machine = make_machine(tmp_path)
    file = host_file(DESKTOP, machine)
    former = {"command": "/old/council", "args": ["mcp"], "timeout": 9}
    former["env"] = {"MINE": "secret-value", "COUNCIL_HOME": "/old"}
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"mcpServers": {"council": former}}))

    done = install(machine)

    entry = document(file)["mcpServers"]["council"]
    assert done.change == "replaced"
    assert (entry["timeout"], entry["env"]) == (9, {"MINE": "secret-value"})
    assert "secret-value" not in done.model_dump_json()


@pytest.mark.parametrize(
    "entry",
    [{"url": "https://council.example/mcp"}, {"command": "council", "args": ["serve"]}, "text"],
)
def test_another_server_of_that_name_is_left_alone(tmp_path: Path, entry: Any) -> None:
    machine = make_machine(tmp_path)
    file = host_file(DESKTOP, machine)
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"mcpServers": {"council": entry}}))
    before = file.read_bytes()

    with pytest.raises(RefusedError, match="--name"):
        install(machine)

    assert file.read_bytes() == before


@pytest.mark.parametrize(
    "text",
    [
        '{"servers": {} // mine\n}',
        '{"servers": {},}',
        '{"servers": {}, "servers": {"a": {}}}',
        '{"servers": []}',
        '{"servers": {"a": {"x": NaN}}}',
        "[]",
    ],
)
def test_a_file_that_is_no_plain_json_is_left_alone(tmp_path: Path, text: str) -> None:
    machine = make_machine(tmp_path)
    file = host_file(VSCODE, machine)
    file.parent.mkdir(parents=True)
    file.write_text(text)

    with pytest.raises(ConfigError, match=r"mcp\.json"):
        install(machine, "vscode")

    assert file.read_text() == text
    assert list(file.parent.iterdir()) == [file]


def test_a_link_to_the_file_stays_a_link(tmp_path: Path) -> None:
    machine = make_machine(tmp_path)
    real = tmp_path / "dotfiles.json"
    real.write_text("{}")
    file = host_file(DESKTOP, machine)
    file.parent.mkdir(parents=True)
    file.symlink_to(real)

    install(machine)

    assert file.is_symlink()
    assert "council" in document(real)["mcpServers"]


def test_no_secret_of_the_shell_reaches_a_host_and_its_name_is_told(tmp_path: Path) -> None:
    secrets = {"REQUESTY_API_KEY": "rqsty-sk-hidden", "ALPACA_GROQ_SECRET_KEY": "hidden-as-well"}
    machine = make_machine(tmp_path, variables=secrets)

    done = install(machine)

    assert "hidden" not in Path(done.file).read_text()
    assert "hidden" not in done.model_dump_json()
    assert [name in done.notices[0] for name in secrets] == [True, True]


def test_claude_codes_own_command_is_used_where_it_is_found(tmp_path: Path) -> None:
    spoken = tmp_path / "spoken"
    make_command(tmp_path / "bin", "claude", f'echo "$*" >> {spoken}')
    variables = {"PATH": f"{tmp_path / 'bin'}", "SSL_CERT_FILE": "/certs.pem"}
    machine = make_machine(tmp_path, variables=variables)

    done = install(machine, "claude-code")

    said = spoken.read_text()
    assert said.startswith("mcp add-json --scope user council {")
    assert '"env": {"SSL_CERT_FILE": "/certs.pem"}' in said
    assert done.commands == (f"{tmp_path}/bin/claude mcp add-json --scope user council",)
    assert not host_file(CODE, machine).exists()


def test_claude_code_replaces_an_older_entry_and_removes_it(tmp_path: Path) -> None:
    spoken = tmp_path / "spoken"
    machine = make_machine(tmp_path, variables={"PATH": str(tmp_path / "bin")})
    former = {"mcpServers": {"council": {"command": "/old/council", "args": ["mcp"]}}}
    host_file(CODE, machine).write_text(json.dumps(former))
    make_command(tmp_path / "bin", "claude", f'echo "$2 $5" >> {spoken}')

    install(machine, "claude-code")
    carried_out(planned_removal(CODE, machine, "council"), NOW)

    assert spoken.read_text().splitlines() == [
        "remove council",
        "add-json council",
        "remove council",
    ]


def test_a_failure_of_claude_codes_command_is_one_sentence(tmp_path: Path) -> None:
    make_command(tmp_path / "bin", "claude", "echo 'no such\nscope.' >&2; exit 3")
    machine = make_machine(tmp_path, variables={"PATH": str(tmp_path / "bin")})

    with pytest.raises(ConfigError, match=r"add-json .* failed: no such scope\."):
        install(machine, "claude-code")


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@settings(max_examples=30)
@given(others=st.dictionaries(st.text(), _JSON), servers=st.dictionaries(st.text(), _JSON))
def test_whatever_a_file_holds_adding_and_removing_gives_it_back(
    others: dict[str, Any], servers: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    servers.pop("council", None)
    before = {**others, "mcpServers": servers}
    path = tmp_path_factory.getbasetemp() / "host-file.json"
    path.write_text(json.dumps(before), encoding="utf-8")

    added = read_host_file(path).text_with(DESKTOP, "council", {"command": "x", "args": []})
    path.write_text(added, encoding="utf-8")
    removed = read_host_file(path).text_with(DESKTOP, "council", None)

    assert json.loads(added)["mcpServers"].pop("council") == {"command": "x", "args": []}
    assert json.loads(removed) == before
