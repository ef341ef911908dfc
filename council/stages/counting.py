"""Counts the answers of a stage out loud, as they come in."""

from collections.abc import Callable

from council.ports import Progress


class Count:
    """How many of a stage's answers are there; tells each one as it arrives."""

    def __init__(self, stage: str, total: int, tell: Callable[[Progress], None]) -> None:
        self._stage = stage
        self._total = total
        self._tell = tell
        self._done = 0

    def meanwhile(self, message: str) -> None:
        """Tell `message` while an answer is waited for."""
        self._tell(Progress(self._stage, message, self._done, self._total))

    def another(self, message: str) -> None:
        """Count one more answer and tell `message`."""
        self._done += 1
        self._tell(Progress(self._stage, message, self._done, self._total))
