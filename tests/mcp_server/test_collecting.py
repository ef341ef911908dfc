"""What stays in a long-lived process is not looked through, and garbage does not pile up."""

import gc
import weakref

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
