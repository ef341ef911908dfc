"""Runs the synchronous SDK on one thread per account, bounded in time, never on the shared pool."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Generic, TypeVar

from broker.alpaca.failures import Failed, edge_errors, failed_from
from config.errors import CouncilError

if TYPE_CHECKING:
    from alpaca.common.rest import RESTClient

Client = TypeVar("Client", bound="RESTClient")
Answer = TypeVar("Answer")

DEADLINE_SECONDS = 30.0
"""For a whole call: a socket timeout alone does not end an answer that trickles."""

CLOSE_SECONDS = 5.0
"""For the call in flight to end when all is closed; after that it is left alone."""


class Worker(Generic[Client]):
    """One client and the one thread that uses it; the client is opened there at the first call."""

    def __init__(
        self,
        open_client: Callable[[], Client],
        name: str,
        *,
        deadline_seconds: float = DEADLINE_SECONDS,
    ) -> None:
        self._open_client = open_client
        self._client: Client | None = None
        self._deadline_seconds = deadline_seconds
        self._is_used = False
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)

    async def call(self, work: Callable[[Client], Answer]) -> Answer:
        """Return what `work` makes of the client, which must include reading the answer.

        Raises:
            Failed: no usable answer in time.
            CouncilError: the client may not be opened, or may not send this.
        """
        self._is_used = True
        try:
            loop = asyncio.get_running_loop()
            running = loop.run_in_executor(self._thread, self._run, work)
        except RuntimeError as error:
            raise Failed("the connection to the venue is closed") from error
        try:
            async with asyncio.timeout(self._deadline_seconds):
                return await running
        except TimeoutError as error:
            raise Failed(f"no answer within {self._deadline_seconds:g} seconds") from error

    async def aclose(self) -> None:
        """Close the client after the call in flight, or leave that call to its own timeout."""
        try:
            if self._is_used:  # otherwise there is no thread yet, and nothing to close in it
                closing = asyncio.get_running_loop().run_in_executor(self._thread, self._close)
                async with asyncio.timeout(CLOSE_SECONDS):
                    await closing
        except (RuntimeError, TimeoutError):
            pass  # closed before, or the thread hangs: shutdown below takes no new work
        finally:
            self._thread.shutdown(wait=False, cancel_futures=True)

    def _run(self, work: Callable[[Client], Answer]) -> Answer:
        if self._client is None:
            self._client = self._open_client()
        try:
            return work(self._client)
        except CouncilError:
            raise
        except edge_errors() as error:
            raise failed_from(error) from error

    def _close(self) -> None:
        if self._client is not None:
            self._client._session.close()
