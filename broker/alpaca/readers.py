"""Several workers for what may be asked at once; orders go by one of their own, in their order."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

from broker.alpaca.worker import Worker

if TYPE_CHECKING:
    from alpaca.common.rest import RESTClient

Client = TypeVar("Client", bound="RESTClient")
Answer = TypeVar("Answer")


class Readers(Generic[Client]):
    """Hands each call to a worker that is free; calls one after the other use the same one."""

    def __init__(self, workers: "tuple[Worker[Client], ...]") -> None:
        self._workers = workers
        self._free = list(reversed(workers))

    async def call(self, work: Callable[[Client], Answer]) -> Answer:
        """Return what `work` makes of a client; raises as `Worker.call` does."""
        worker = self._free.pop() if self._free else self._workers[-1]
        place = 0
        try:
            answer = await worker.call(work)
            place = len(self._free)
            return answer
        finally:
            # One whose call failed may hang in it still: it is taken last.
            if worker not in self._free:
                self._free.insert(place, worker)

    async def aclose(self) -> None:
        """Close them all."""
        await asyncio.gather(*(worker.aclose() for worker in self._workers))
