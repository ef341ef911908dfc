"""When the garbage collector of a long-lived process looks: not at what stays, at the rest soon."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

IN_SERVICE: Final = 10_000
"""New objects after which a server looks through them; calls leave some that only it can free."""


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
