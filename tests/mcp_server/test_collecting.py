"""What stays in a long-lived process is not looked through, and garbage does not pile up."""

import gc
import platform
import subprocess
import sys
import weakref

import pytest

from mcp_server.collecting import collecting_after


class Knot:
    """Garbage that only the collector can free."""

    def __init__(self) -> None:
        self.itself = self


def test_garbage_is_freed_after_so_many_new_objects_and_later_as_before() -> None:
    before = gc.get_threshold()

    with collecting_after(500):
        lost = weakref.ref(Knot())
        kept = [[] for _ in range(1_000)]  # type: ignore[var-annotated]  # any objects do
        is_freed = lost() is None

    assert is_freed
    assert len(kept) == 1_000
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0


def test_what_was_there_before_is_not_looked_through() -> None:
    lost = weakref.ref(Knot())
    knot = Knot()

    with collecting_after(500):
        assert lost() is None
        old = weakref.ref(knot)
        del knot
        gc.collect()
        assert old() is not None


_HEAP = """
import re, sys
from pathlib import Path
from mcp_server.collecting import give_back_large_blocks

if sys.argv[1] == "given back":
    give_back_large_blocks()
bytearray(8 * 1024 * 1024)  # freed at once; from then on glibc takes such for small
kept = [bytearray(1024 * 1024) for _ in range(32)]
(heap,) = re.findall(r"^(\\w+)-(\\w+) .*\\[heap]$", Path("/proc/self/maps").read_text(), re.M)
print((int(heap[1], 16) - int(heap[0], 16)) // (1024 * 1024))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc lets its limit rise")
@pytest.mark.parametrize(("way", "is_small"), [("given back", True), ("as it comes", False)])
def test_large_blocks_stay_out_of_the_heap_of_small_ones(way: str, *, is_small: bool) -> None:
    heap = subprocess.run(
        [sys.executable, "-c", _HEAP, way], capture_output=True, text=True, check=True
    ).stdout

    assert (int(heap) < 32) is is_small
