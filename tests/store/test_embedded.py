"""The embedded server as whole processes meet it: shared, killed, restarted, by root or a user."""

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from store.cluster import MAX_SOCKET_PATH_BYTES, Cluster
from store.embedded import embedded_database
from store.errors import EmbeddedOutdated, EmbeddedUnavailable
from store.server_files import programs
from store.server_user import ServerUser, is_server_of, server_user_for

PATIENCE_SECONDS = 60
REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def home() -> Iterator[Path]:
    """Make a home outside pytest's own folder, which pytest closes to the server's user."""
    folder = Path(tempfile.mkdtemp(prefix="council-home-"))
    folder.chmod(0o711)
    yield folder / "not yet there"
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def grown() -> Iterator[Path]:
    """Make one home whose cluster exists already: initdb takes longer than all the rest."""
    folder = Path(tempfile.mkdtemp(prefix="council-grown-"))
    folder.chmod(0o711)
    Cluster(folder / "postgres").enter().leave()
    yield folder
    # A test that failed may have left the server running.
    Cluster(folder / "postgres").enter().leave()
    shutil.rmtree(folder)


class Sessions:
    """Starts programs that use the server, and ends those that a failed test forgot."""

    def __init__(self) -> None:
        self._started: list[subprocess.Popen[str]] = []

    def __call__(self, home: Path, then: str = "leave", user: str = "-") -> subprocess.Popen[str]:
        program = (sys.executable, "-m", "tests.store.server_session", str(home), then, user)
        process = subprocess.Popen(
            program,
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY)},
        )
        self._started.append(process)
        return process

    def end(self) -> None:
        for process in self._started:
            if process.returncode is None:
                process.kill()
                process.communicate(timeout=PATIENCE_SECONDS)


@pytest.fixture
def session() -> Iterator[Sessions]:
    sessions = Sessions()
    yield sessions
    sessions.end()


def answer(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Wait for the program's one line: visits so far, and when the server was started."""
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        assert process.stderr is not None
        pytest.fail(process.stderr.read())
    visits, started = line.strip().split(" ", 1)
    return int(visits), started


def finish(process: subprocess.Popen[str]) -> None:
    process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0


def is_running(home: Path) -> bool:
    return (home / "postgres/data/postmaster.pid").exists()


class TestSharing:
    def test_two_processes_share_a_server_that_the_last_one_stops(
        self, grown: Path, session: Sessions
    ) -> None:
        processes = [session(grown, "stay"), session(grown, "stay")]
        answers = [answer(process) for process in processes]

        finish(processes[0])
        still_running = is_running(grown)
        finish(processes[1])

        assert answers[0][1] == answers[1][1]
        assert {visits for visits, _ in answers} <= {1, 2}
        assert still_running
        assert not is_running(grown)

    def test_the_next_process_goes_on_with_a_killed_ones_server(
        self, grown: Path, session: Sessions
    ) -> None:
        killed = session(grown, "stay")
        visits, started = answer(killed)
        killed.send_signal(signal.SIGKILL)
        killed.communicate(timeout=PATIENCE_SECONDS)

        following = session(grown)
        seen = answer(following)
        finish(following)

        assert seen == (visits + 1, started)
        assert not is_running(grown)

    @pytest.mark.slow
    def test_a_killed_server_is_recovered(self, grown: Path, session: Sessions) -> None:
        killed = session(grown, "stay")
        visits, started = answer(killed)
        os.kill(_postmaster(grown), signal.SIGKILL)
        killed.kill()
        killed.communicate(timeout=PATIENCE_SECONDS)

        following = session(grown)
        seen_visits, restarted = answer(following)
        finish(following)

        assert seen_visits == visits + 1
        assert restarted != started

    def test_the_number_of_a_dead_server_may_belong_to_another_program(
        self, grown: Path, session: Sessions
    ) -> None:
        data = grown / "postgres/data"
        other = subprocess.Popen(
            ("/bin/cat",), stdin=subprocess.PIPE, **server_user_for(data).credentials
        )
        (data / "postmaster.pid").write_text(
            f"{other.pid}\n{data}\n0\n5432\n{data}\n\n0 0\nready\n"
        )

        visitor = session(grown)

        assert answer(visitor)[0] >= 1
        finish(visitor)
        other.communicate(timeout=PATIENCE_SECONDS)

    async def test_one_process_may_use_it_twice(self, grown: Path) -> None:
        async with embedded_database(grown, "one") as outer:
            async with embedded_database(grown, "two") as inner:
                pass
            connection = await asyncpg.connect(outer)
            await connection.close()

        assert outer != inner
        assert not is_running(grown)

    async def test_the_loop_runs_on_and_a_cancelled_start_leaves_nothing(self, grown: Path) -> None:
        async def use() -> None:
            async with embedded_database(grown):
                pytest.fail("it was cancelled before")

        starting = asyncio.ensure_future(use())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting

        assert not is_running(grown)


class TestFirstStart:
    @pytest.mark.slow
    def test_several_first_starts_at_once_make_one_cluster_in_a_long_odd_home(
        self, home: Path, session: Sessions
    ) -> None:
        long_home = home / ("long $(touch oops) 'quoted\" " * 3) / ("x" * MAX_SOCKET_PATH_BYTES)
        processes = [session(long_home) for _ in range(3)]

        visits = [answer(process)[0] for process in processes]
        for process in processes:
            finish(process)

        assert sorted(visits) == [1, 2, 3]
        assert not is_running(long_home)
        assert [path.name for path in long_home.glob("postgres/new-*")] == []

    @pytest.mark.slow
    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
    def test_it_works_as_a_user_without_rights(self, home: Path, session: Sessions) -> None:
        nobody = pwd.getpwnam("nobody")
        user = ServerUser(nobody.pw_uid, nobody.pw_gid, is_other=True)
        if user.kept_out_by(programs(ServerUser(0, 0, is_other=False))):
            pytest.skip("this checkout is closed to other users")
        home.mkdir()
        os.chown(home, nobody.pw_uid, nobody.pw_gid)

        process = session(home, "leave", str(nobody.pw_uid))

        assert answer(process)[0] == 1
        finish(process)
        assert (home / "postgres/data").stat().st_uid == nobody.pw_uid

    @pytest.mark.slow
    def test_a_first_start_that_was_killed_is_begun_anew(
        self, home: Path, session: Sessions
    ) -> None:
        half_made = home / "postgres/new-killed"
        half_made.mkdir(parents=True)
        (half_made / "PG_VERSION").write_text("18\n")

        process = session(home)

        assert answer(process)[0] == 1
        finish(process)
        assert not half_made.exists()


class TestTrouble:
    async def test_a_cluster_of_another_version_is_refused_and_left_alone(self, home: Path) -> None:
        data = home / "postgres/data"
        data.mkdir(parents=True)
        (data / "PG_VERSION").write_text("16\n")

        with pytest.raises(EmbeddedOutdated, match="16, not 18: run `council db upgrade`"):
            async with embedded_database(home):
                pass

        assert [path.name for path in data.iterdir()] == ["PG_VERSION"]

    async def test_a_server_that_cannot_start_says_why_and_holds_no_lock(self, grown: Path) -> None:
        settings = grown / "postgres/data/postgresql.auto.conf"
        before = settings.read_text()
        settings.write_text(before + "port = many\n")

        with pytest.raises(EmbeddedUnavailable, match="DATABASE_URL"):
            async with embedded_database(grown):
                pass

        settings.write_text(before)
        async with embedded_database(grown) as dsn:
            assert dsn

    async def test_a_home_that_is_a_file_is_refused(self, home: Path) -> None:
        home.touch()  # noqa: ASYNC240 - a local file, in a test

        with pytest.raises(EmbeddedUnavailable, match="does not start"):
            async with embedded_database(home):
                pass

    async def test_the_number_of_a_dead_server_may_belong_to_another_ones(
        self, grown: Path, cluster_dsn: str
    ) -> None:
        connection = await asyncpg.connect(cluster_dsn)
        folder = Path(await connection.fetchval("SHOW data_directory"))
        await connection.close()
        other = int((folder / "postmaster.pid").read_text().splitlines()[0])

        assert is_server_of(folder, other)
        assert not is_server_of(grown / "postgres/data", other)
        assert not is_server_of(grown / "postgres/data", 2**22 + 1)

    def test_a_link_where_the_socket_goes_is_refused_and_not_followed(self, home: Path) -> None:
        ours = home.parent / "ours"
        ours.mkdir(mode=0o755)
        cluster = Cluster(home / ("x" * MAX_SOCKET_PATH_BYTES))
        socket = cluster._socket_folder(server_user_for(home))
        socket.rmdir()
        socket.symlink_to(ours)

        with pytest.raises(EmbeddedUnavailable, match="belongs to somebody else"):
            cluster._socket_folder(server_user_for(home))

        socket.unlink()
        assert ours.stat().st_mode & 0o777 == 0o755


def _postmaster(home: Path) -> int:
    return int((home / "postgres/data/postmaster.pid").read_text().splitlines()[0])
