"""`council install systemd`: units that systemd takes, written once, and taken away exactly."""

from pathlib import Path

import pytest

from config.errors import RefusedError, UsageError
from mcp_server import cli, doctor_systemd
from mcp_server.commands.installing_units import chosen_scope
from mcp_server.setting_up.machine import Machine
from mcp_server.setting_up.shapes import SystemdShape
from mcp_server.setting_up.systemd import (
    Places,
    carried_out,
    places_of,
    planned_removal,
    planned_units,
)
from mcp_server.setting_up.systemd_units import HEADER, Scope, Wanted, texts_of, units_of
from store.grants import LC_APPROVER, LC_EXEC, LC_MCP, ROLES
from tests.mcp_server.installations import make_command, make_machine
from tests.mcp_server.units import SCHEDULE, WANTED, analyze, open_machine, written

SECRET = "sk-canary-0123456789"
SCOPES: tuple[Scope, ...] = ("system", "user")
MOST_EXPOSED = 2.0
"""Of 10, as systemd-analyze counts; 9.6 is a service without any of the options."""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.chdir(tmp_path)
    for folder in tmp_path.parents[: len(tmp_path.parents) - 2]:
        folder.chmod(folder.stat().st_mode | 0o001)
    return open_machine(tmp_path)


@pytest.fixture
def places(machine: Machine, tmp_path: Path) -> Places:
    return places_of(machine, "system", tmp_path / "root")


def install(machine: Machine, places: Places, wanted: Wanted = WANTED) -> SystemdShape:
    return carried_out(planned_units(machine, "system", wanted, places=places))


def remove(machine: Machine, places: Places) -> SystemdShape:
    return carried_out(planned_removal(machine, "system", places=places))


def make_logins(machine: Machine, *roles: str) -> Path:
    folder = machine.council_home / "roles"
    folder.mkdir(parents=True)
    for role in roles:
        (folder / role).write_text(f"postgresql://{role}:{SECRET}@db/council")
    return folder


def kinds(shape: SystemdShape) -> set[str]:
    return {unit.change for unit in shape.units}


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("is_embedded", [True, False])
@pytest.mark.parametrize("scope", SCOPES)
def test_systemd_finds_nothing_wrong_with_any_unit(
    machine: Machine, tmp_path: Path, scope: Scope, *, is_embedded: bool
) -> None:
    make_logins(machine, *ROLES)
    wanted = Wanted(
        schedule=SCHEDULE,
        is_embedded=is_embedded,
        variables={"COUNCIL_CONFIG": '/a "b" 100%/$c'},
        writable=(tmp_path / "with blank",),
    )
    units = written(machine, scope, tmp_path / "units", wanted)

    said = analyze(
        "verify",
        "--man=no",
        *(["--user"] if scope == "user" else []),
        *map(str, units),
        XDG_RUNTIME_DIR=str(tmp_path),
        HOME=str(tmp_path),
    )

    assert (said.returncode, said.stdout, said.stderr) == (0, "", "")
    own = "council-database.service" if is_embedded else "council-approver.service"
    assert (len(units), own in {unit.name for unit in units}) == (10, True)


@pytest.mark.parametrize(
    "service", ["server", "executor", "database", "approver", "job@", "alert@"]
)
def test_a_systems_services_are_hardly_exposed(
    machine: Machine, tmp_path: Path, service: str
) -> None:
    make_logins(machine, *ROLES)
    is_embedded = service == "database"
    wanted = Wanted(schedule=SCHEDULE, is_embedded=is_embedded, variables={})
    written(machine, "system", tmp_path / "units", wanted)
    unit = tmp_path / "units" / f"council-{service}.service"

    said = analyze("security", "--offline=yes", f"--threshold={MOST_EXPOSED * 10:.0f}", str(unit))

    assert said.returncode == 0, said.stdout[-200:]


def test_installing_twice_changes_nothing_and_removing_leaves_what_was_there(
    machine: Machine, places: Places, tmp_path: Path
) -> None:
    places.units.mkdir(parents=True)
    (places.units / "council-other.service").write_text("[Service]\nExecStart=/bin/true\n")
    drop_in = places.units / "council-server.service.d" / "mine.conf"
    drop_in.parent.mkdir()
    drop_in.write_text("[Service]\nNice=5\n")
    before = files_in(tmp_path / "root")

    first = install(machine, places)
    there = files_in(tmp_path / "root")
    second = install(machine, places)
    removed = remove(machine, places)

    assert kinds(first) == {"added"}
    assert all(
        text.startswith(HEADER.encode()) for path, text in there.items() if path not in before
    )
    assert kinds(second) == {"unchanged"}
    assert (second.diff, second.commands) == ("", ())
    assert kinds(removed) == {"removed"}
    assert files_in(tmp_path / "root") == before
    assert kinds(remove(machine, places)) == set()


def test_a_file_of_somebody_else_is_never_touched_and_then_nothing_is(
    machine: Machine, places: Places, tmp_path: Path
) -> None:
    places.units.mkdir(parents=True)
    (places.units / "council-server.service").write_text("[Service]\n")
    before = files_in(tmp_path / "root")

    with pytest.raises(RefusedError, match=r"council-server.service was written by somebody else"):
        install(machine, places)

    assert files_in(tmp_path / "root") == before


def test_a_plan_alone_shows_every_change_and_makes_none(machine: Machine, places: Places) -> None:
    shape = planned_units(machine, "system", WANTED, places=places).shape(dry_run=True)

    assert kinds(shape) == {"added"}
    assert "+OnCalendar=Wed *-*-* 08:00:00 America/New_York" in shape.diff
    assert not places.units.exists()


def test_a_database_of_its_own_server_takes_the_embedded_ones_service_away(
    machine: Machine, places: Places
) -> None:
    install(machine, places)

    shape = install(machine, places, Wanted(schedule=SCHEDULE, is_embedded=False, variables={}))

    changes = {Path(unit.file).name: unit.change for unit in shape.units}
    assert changes["council-database.service"] == "removed"
    assert changes["council-server.service"] == "replaced"
    assert changes["council-weekly.timer"] == "unchanged"


def test_secrets_are_loaded_by_systemd_and_stand_in_no_unit_and_no_output(
    tmp_path: Path, places: Places, machine: Machine
) -> None:
    roles = make_logins(machine, *ROLES)
    (machine.council_home / "env").write_text(f"REQUESTY_API_KEY={SECRET}\n")
    (tmp_path / ".env").write_text(f"GEMINI_API_KEY={SECRET}\n")

    shape = install(machine, places, Wanted(schedule=SCHEDULE, is_embedded=False, variables={}))

    given = {
        path.name: [
            role
            for role in ROLES
            if f"LoadCredential=database_url:{roles}/{role}\n" in path.read_text()
        ]
        for path in places.units.glob("*.service")
    }
    assert given == {
        "council-server.service": [LC_MCP],
        "council-job@.service": [LC_MCP],
        "council-approver.service": [LC_APPROVER],
        "council-executor.service": [LC_EXEC],
        "council-alert@.service": [],
    }
    for name in given:
        text = (places.units / name).read_text()
        assert f"LoadCredential=council.env:{machine.council_home}/env\n" in text
        # Else a process of the same user could read another's login in its memory.
        assert "\nPrivateUsers=yes\n" in text
    assert any("http://127.0.0.1:8932" in notice for notice in shape.notices)
    assert any("GEMINI_API_KEY" in notice for notice in shape.notices)
    assert SECRET not in shape.model_dump_json()
    assert SECRET.encode() not in b"".join(files_in(tmp_path / "root").values())


def test_the_owners_address_is_kept_from_services_that_have_their_own(
    tmp_path: Path, places: Places, machine: Machine
) -> None:
    make_logins(machine, LC_MCP, LC_EXEC)
    own = Wanted(schedule=SCHEDULE, is_embedded=False, variables={})
    (tmp_path / ".env").write_text(f"DATABASE_URL=postgresql://owner:{SECRET}@db/council\n")

    apart = install(machine, places, own).notices
    (tmp_path / ".env").rename(machine.council_home / "env")
    among = install(machine, places, own).notices

    assert not any("DATABASE_URL" in notice for notice in apart)
    assert any("`council approve`" in notice for notice in apart)
    assert any("DATABASE_URL of" in notice and "take it out" in notice for notice in among)
    assert SECRET not in str(among)


def test_where_systemd_runs_it_is_told_and_elsewhere_the_person_is(
    tmp_path: Path, places: Places
) -> None:
    calls = tmp_path / "calls"
    commands = tmp_path / "commands"
    make_command(commands, "systemctl", f'echo "$0 $@" >> {calls}')
    make_command(commands, "systemd-sysusers", f'echo "$0 $@" >> {calls}')
    variables = {"PATH": str(commands), "XDG_RUNTIME_DIR": str(tmp_path / "run")}
    machine = make_machine(tmp_path, variables=variables)
    user = places_of(machine, "user")

    away = carried_out(planned_units(machine, "user", WANTED, places=user))
    user.running.mkdir(parents=True)
    plan = planned_units(machine, "user", WANTED, places=user, start=True)

    assert away.commands == ()
    assert away.next_steps == (
        "systemctl --user daemon-reload",
        "systemctl --user enable --now council.target",
        "loginctl enable-linger",
    )
    assert plan.shape().commands == ("systemctl --user enable --now council.target",)
    assert plan.shape().next_steps == ("loginctl enable-linger",)


def test_what_is_taken_away_is_stopped_before_and_nothing_of_others_is(
    machine: Machine, places: Places
) -> None:
    install(machine, places)
    (places.units / "council-other.service").write_text("[Service]\n")
    own = Wanted(schedule=SCHEDULE, is_embedded=False, variables={})

    moved = planned_units(machine, "system", own, places=places, start=True)
    removal = planned_removal(machine, "system", places=places)
    install(machine, places, own)
    again = planned_units(machine, "system", own, places=places, start=True)

    ending, stopping = removal.before
    assert moved.before == (("systemctl", "stop", "council-database.service"),)
    assert again.before == ()
    assert ending == ("systemctl", "disable", "--now", "council.target")
    assert stopping[:2] == ("systemctl", "stop")
    assert "council-job@*.service" in stopping
    assert "council-server.service" in stopping
    assert not {"council-other.service", "council.conf"} & set(stopping)


def test_a_program_that_the_services_user_cannot_reach_is_not_installed(
    machine: Machine, places: Places, tmp_path: Path
) -> None:
    tmp_path.chmod(0o700)

    with pytest.raises(RefusedError, match="could not start this program"):
        install(machine, places)


def test_no_service_is_left_without_a_login_of_its_own(machine: Machine, places: Places) -> None:
    make_logins(machine, LC_MCP, LC_APPROVER)

    with pytest.raises(RefusedError, match=r"roles/lc_exec .* `council db roles` writes it"):
        install(machine, places, Wanted(schedule=SCHEDULE, is_embedded=False, variables={}))


def test_a_program_made_for_one_run_is_not_installed(tmp_path: Path, places: Places) -> None:
    machine = make_machine(tmp_path, scripts=tmp_path / "archive-v0" / "x" / "bin")

    with pytest.raises(RefusedError, match="uv tool install"):
        units_of(machine, "user", WANTED)

    assert not places.units.exists()


def test_every_service_is_watched_and_never_given_up(machine: Machine) -> None:
    texts = texts_of(units_of(machine, "system", WANTED))

    for name, minutes in {"server": 2, "executor": 2, "database": 1}.items():
        unit = texts[f"council-{name}.service"]
        for line in (
            "Type=notify",
            f"WatchdogSec={minutes}min",
            "Restart=always",
            "StartLimitIntervalSec=0",
        ):
            assert f"\n{line}\n" in unit
    told = [name for name, text in texts.items() if "council-alert@%n.service" in text]
    assert sorted(told) == [
        "council-database.service",
        "council-executor.service",
        "council-job@.service",
        "council-server.service",
    ]


def test_the_doctor_points_at_timers_of_another_schedule(
    machine: Machine, places: Places, tmp_path: Path
) -> None:
    (none,) = doctor_systemd.units(machine, SCHEDULE, tmp_path / "root")
    install(machine, places)
    (same,) = doctor_systemd.units(machine, SCHEDULE, tmp_path / "root")
    other = SCHEDULE.model_copy(update={"checkpoints": SCHEDULE.checkpoints[1:]})
    (differs,) = doctor_systemd.units(machine, other, tmp_path / "root")

    assert (none.result, same.result, differs.result) == ("ok", "ok", "warn")
    assert differs.message == ("council-checkpoint.timer: other times than those of schedule.yaml")
    assert differs.mend == "`council install systemd --system --start`"


def test_the_scope_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UsageError):
        chosen_scope(user=True, system=True)

    assert chosen_scope(user=False, system=True) == "system"
    assert chosen_scope(user=True, system=False) == "user"
    assert cli.run(["install", "cursor", "--start"]) == 2
    assert "`council install systemd`" in capsys.readouterr().err


def test_services_that_would_use_another_database_are_not_installed(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COUNCIL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DATABASE_URL", f"postgresql://owner:{SECRET}@db/council")

    refused = cli.run(["install", "systemd", "--user", "--dry-run"]), capsys.readouterr().err
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "env").write_text(f"DATABASE_URL=postgresql://owner:{SECRET}@db/council")
    taken = cli.run(["install", "systemd", "--user", "--print"]), capsys.readouterr().out

    assert refused[0] == 5
    assert "another database than this shell" in refused[1]
    assert taken[0] == 0
    assert "council-database.service" not in taken[1]
    assert SECRET not in refused[1] + taken[1]


def test_the_command_prints_the_units_or_shows_what_it_would_do(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COUNCIL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("COUNCIL_ALERT_URLS", SECRET)

    printed = cli.run(["install", "systemd", "--user", "--print"]), capsys.readouterr().out
    planned = cli.run(["install", "systemd", "--user", "--dry-run"]), capsys.readouterr().out

    for role in (LC_MCP, LC_EXEC):
        (tmp_path / "home" / "roles").mkdir(parents=True, exist_ok=True)
        (tmp_path / "home" / "roles" / role).write_text("postgresql://x")
    with_roles = cli.run(["install", "systemd", "--user", "--print"]), capsys.readouterr().out

    assert (printed[0], planned[0], with_roles[0]) == (0, 0, 0)
    assert "# --- council-database.service" in printed[1]
    assert "# --- council-database.service" not in with_roles[1]
    assert "# --- council-server.service" in printed[1]
    assert f"would add      {tmp_path}/config/systemd/user/council.target" in planned[1]
    assert SECRET not in printed[1] + planned[1]
    assert not (tmp_path / "config").exists()
