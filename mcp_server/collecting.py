"""What a long-lived process holds of memory that it no longer needs: little, and not for long."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

IN_SERVICE: Final = 10_000
"""New objects after which a server looks through them; calls leave some that only it can free."""

_LARGE_BYTES: Final = 128 * 1024
"""With which the C library begins."""
_MMAP_THRESHOLD: Final = -3
"""M_MMAP_THRESHOLD of malloc.h."""


def give_back_large_blocks() -> None:
    """Let every freed block of 128 KiB or more go back to the system for the life of the process.

    By itself glibc keeps ever larger ones, up to 32 MiB, among the small that stay: ten thousands
    of answers spread the heap over twenty mebibytes more. Other C libraries are left as they are.
    """
    import ctypes  # noqa: PLC0415 - for servers only

    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, _LARGE_BYTES)


@contextmanager
def collecting_after(young_objects: int) -> Iterator[None]:
    """Spare the collector what is there already, and let it look after so many new objects."""
    thresholds = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(young_objects, *thresholds[1:])
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()
