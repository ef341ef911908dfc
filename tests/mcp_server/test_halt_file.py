import os
from pathlib import Path

import pytest

from config.errors import RefusedError
from config.settings import Settings
from mcp_server.halt_file import HaltFile
from mcp_server.wiring import Terms, opened_store


def halt_file(home: Path, content: bytes | None = None) -> HaltFile:
    file = HaltFile.in_home(home)
    if content is not None:
        file.path.write_bytes(content)
    return file


def test_without_the_file_nobody_asks_for_a_halt(tmp_path: Path) -> None:
    assert halt_file(tmp_path).wanted() is None
    assert halt_file(tmp_path / "no-such-home").wanted() is None


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"looking into it\nsecond line", "looking into it"),
        (b"\n\n  later  \n", "later"),
        (b"a\x1b[2J\x07b\x00c", "a[2Jbc"),
        (b"broken \xff\xfe utf", "broken \ufffd\ufffd utf"),
        (b"x" * 100_000, "x" * 500),
    ],
)
def test_the_first_line_is_the_reason_cleaned_and_cut(
    content: bytes, reason: str, tmp_path: Path
) -> None:
    assert halt_file(tmp_path, content).wanted() == reason


def test_a_file_without_a_reason_halts_all_the_same(tmp_path: Path) -> None:
    assert halt_file(tmp_path, b"").wanted() == f"{tmp_path / 'halt'} exists"


def test_what_cannot_be_read_as_a_file_asks_for_a_halt_too(tmp_path: Path) -> None:
    folder, pipe = halt_file(tmp_path / "a"), halt_file(tmp_path)
    folder.path.mkdir(parents=True)
    os.mkfifo(pipe.path)

    assert "cannot be read" in (folder.wanted() or "")
    assert pipe.wanted() == f"{pipe.path} exists"


def test_removing_says_whether_there_was_a_file(tmp_path: Path) -> None:
    file = halt_file(tmp_path, b"stop")

    assert (file.remove(), file.remove()) == (True, False)
    assert file.wanted() is None


def test_a_file_that_cannot_be_removed_is_one_sentence(tmp_path: Path) -> None:
    file = halt_file(tmp_path)
    file.path.mkdir()

    with pytest.raises(RefusedError, match="remove it by hand, then resume again"):
        file.remove()


async def test_a_week_may_be_wired_so_that_the_halt_file_does_not_concern_it(
    settings: Settings,
) -> None:
    halt_file(settings.council_home, b"stop")

    async with (
        opened_store(settings) as real,
        opened_store(settings, Terms(halt_file=False)) as play,
    ):
        asked = real.deps.halt_wanted(), play.deps.halt_wanted()

    assert asked == ("stop", None)
