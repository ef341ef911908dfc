"""Where root's server keeps its files when root's home is closed to the user it runs as."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import asyncpg
import pytest

from store.embedded import embedded_database
from store.errors import EmbeddedUnavailable
from store.server_files import files_folder, programs
from store.server_user import ServerUser, server_user_for

OTHER = ServerUser(65_534, 65_534, is_other=True)
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root's server is another user's")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Make a folder that every user may enter; pytest's own are closed."""
    folder = Path(tempfile.mkdtemp(prefix="council-files-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def place(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("store.server_files.ROOT_PLACES", (open_folder / "place",) * 2)
    return open_folder / "place"


@pytest.fixture
def closed_home(open_folder: Path) -> Path:
    home = open_folder / "closed/home"
    home.mkdir(parents=True)
    home.parent.chmod(0o700)
    return home


async def test_a_closed_home_stays_closed_and_finds_its_database_again(
    closed_home: Path, place: Path
) -> None:
    async with embedded_database(closed_home) as dsn:
        connection = await asyncpg.connect(dsn)
        await connection.execute("CREATE TABLE kept (it int)")
        await connection.close()

    async with embedded_database(closed_home) as dsn:
        connection = await asyncpg.connect(dsn)
        rows = await connection.fetchval("SELECT count(*) FROM kept")
        await connection.close()

    assert rows == 0
    assert closed_home.parent.stat().st_mode & 0o777 == 0o700
    assert _named_modes(closed_home).keys() == {"postgres"}
    assert (closed_home / "postgres").readlink().parent == place
    assert set(_named_modes(place).values()) == {0o711}


def test_a_home_that_others_may_enter_holds_the_files_itself(
    open_folder: Path, place: Path
) -> None:
    folder = files_folder(open_folder / "home/postgres", OTHER)

    assert folder == open_folder / "home/postgres"
    assert not place.exists()


def test_files_that_were_closed_later_are_refused_with_the_mend(closed_home: Path) -> None:
    (closed_home / "postgres").mkdir()

    with pytest.raises(EmbeddedUnavailable, match=rf"chmod o\+x {closed_home.parent}`"):
        files_folder(closed_home / "postgres", OTHER)


def test_a_link_whose_files_are_gone_does_not_become_an_empty_database(
    closed_home: Path, place: Path
) -> None:
    files_folder(closed_home / "postgres", OTHER).rmdir()

    with pytest.raises(EmbeddedUnavailable, match="which is gone"):
        files_folder(closed_home / "postgres", OTHER)


def test_a_place_that_somebody_else_may_write_is_not_used(closed_home: Path, place: Path) -> None:
    place.mkdir()
    place.chmod(0o777)

    with pytest.raises(OSError, match="neither"):
        files_folder(closed_home / "postgres", OTHER)


def test_programs_out_of_reach_are_copied_once_and_the_package_is_left_alone(
    open_folder: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = open_folder / "package"
    program = package / "pginstall18/bin/postgres"
    library = open_folder / "package.libs/libpq.so"
    for path in (program, library):
        path.parent.mkdir(parents=True)
    program.touch(mode=0o700)
    library.touch(mode=0o600)
    package.chmod(0o700)
    spec = SimpleNamespace(submodule_search_locations=[str(package)])
    monkeypatch.setattr("store.server_files.find_spec", lambda _: spec)

    found = [programs(OTHER), programs(OTHER)]

    (copy,) = place.iterdir()
    assert found == [copy / "package/pginstall18/bin"] * 2
    assert (found[0] / "postgres").stat().st_mode & 0o777 == 0o755
    assert (copy / "package.libs/libpq.so").stat().st_mode & 0o777 == 0o644
    assert program.stat().st_mode & 0o777 == 0o700
    assert programs(ServerUser(0, 0, is_other=False)) == program.parent


def test_the_server_of_an_existing_cluster_runs_as_its_owner(open_folder: Path) -> None:
    os.chown(open_folder, OTHER.uid, OTHER.gid)

    assert server_user_for(open_folder) == OTHER


def _named_modes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
