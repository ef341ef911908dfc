"""Alerts on their way: Apprise sends them, each in a thread of its own and within a bounded time.

A thread that hangs is left behind: neither orders nor the end of the program wait for it.
"""

import asyncio
import logging
import re
import threading
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from config import logs
from config.settings import Settings
from council.alerts.message import Letterhead, Message, trial_message
from council.alerts.ports import Attempt, Outcome
from council.alerts.teller import Teller, tell_for_ever
from council.parallel import all_at_once
from mcp_server.alert_addresses import Address, read_addresses, service_at, usable

if TYPE_CHECKING:
    from apprise import AppriseResult

    from mcp_server.standing import Standing
    from mcp_server.wiring import App

SENDING: Final = timedelta(seconds=30)
"""How long one attempt is waited for; then nobody knows whether it arrives."""
LOOKING: Final = timedelta(seconds=5)
"""The time between two looks at the log."""
_FAREWELL: Final = timedelta(seconds=2)
"""How long an attempt under way may take at the end of the program."""
_CAUSE: Final = "Socket Exception: "
_NOT_YET: Final = "Connection error while submitting"
"""So Apprise says that a mail server was lost before it got any mail."""
_UNCONNECTED: Final = re.compile(r"connect timeout|Failed to establish|NameResolution|refused")
_CUT: Final = re.compile(r"timed out|aborted|reset|closed|broken|disconnect|incomplete", re.I)
_STATUS: Final = re.compile(r"\berror=(\d{3})\b")


class AppriseCarrier:
    """Brings messages to addresses by Apprise."""

    def __init__(self, addresses: Iterable[Address], *, within: timedelta = SENDING) -> None:
        self._by_name = {address.name: address for address in addresses}
        self._within = within

    @property
    def addresses(self) -> tuple[str, ...]:
        """Return the names of all addresses."""
        return tuple(self._by_name)

    async def send(self, address: str, title: str, text: str) -> Attempt:
        """Send one message; what is not over in time may still arrive."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Attempt] = loop.create_future()
        url = self._by_name[address].url

        def settle(attempt: Attempt) -> None:
            if not done.done():
                done.set_result(attempt)

        def run() -> None:
            attempt = _sent(url, Message(title, text))
            with suppress(RuntimeError):  # the program has ended, and nobody waits any more
                loop.call_soon_threadsafe(settle, attempt)

        # Not of a pool: at its end the program would wait for a thread of one.
        threading.Thread(target=run, name="alert", daemon=True).start()
        try:
            async with asyncio.timeout(self._within.total_seconds()):
                return await done
        except TimeoutError:
            return Attempt(Outcome.UNKNOWN, f"no answer in {self._within.total_seconds():.0f} s")


def carrier_of(settings: Settings) -> AppriseCarrier | None:
    """Return what sends to the addresses of the settings that can be used; None where none can."""
    addresses = usable(read_addresses(settings.alert_urls))
    return AppriseCarrier(addresses) if addresses else None


def letterhead(standing: "Standing", page: str) -> Letterhead:
    """Return what every message says first."""
    return Letterhead(venue=standing.venue, degraded=standing.degraded, page=page)


@asynccontextmanager
async def alerting(app: "App") -> AsyncIterator[None]:
    """Tell the owner what happens while the context is open; it never fails for that.

    Where no address is set nothing is read, written or imported for it.
    """
    if not app.settings.alert_urls:
        yield
        return
    stop = asyncio.Event()
    telling = asyncio.create_task(_tell(app, stop), name="alerts")
    try:
        yield
    finally:
        stop.set()
        try:
            await asyncio.wait((telling,), timeout=_FAREWELL.total_seconds())
        finally:
            # Also where the wait itself is cut short: the store is about to be closed.
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)


async def _tell(app: "App", stop: asyncio.Event) -> None:
    log = logs.logger("alerts")
    try:
        # Importing Apprise takes a while, and orders may be under way.
        carrier = await asyncio.to_thread(carrier_of, app.settings)
        if carrier is None:
            log.warning("alerts.no_address", mend="council doctor")
            return
        head = letterhead(app.standing, app.settings.council_web_url)
        await tell_for_ever(Teller(app.deps, carrier, head), stop, LOOKING)
    except Exception:
        # Nobody awaits this task while orders are sent.
        log.exception("alerts.broke")


async def try_out(addresses: Sequence[Address], head: Letterhead) -> tuple[Attempt, ...]:
    """Send one test to each address; return what came of it, in the same order."""
    carrier, message = AppriseCarrier(addresses), trial_message(head)
    return await all_at_once(
        [carrier.send(address.name, message.title, message.text) for address in addresses]
    )


def _sent(url: str, message: Message) -> Attempt:
    """Send, in the thread of this attempt, and tell how it went."""
    from apprise import Apprise, NotifyFormat  # noqa: PLC0415 - a third of a second

    try:
        service = service_at(url)
        if service is None:
            return Attempt(Outcome.FAILED, "it is no address that can be used")
        result = Apprise(service).notify(
            body=message.text,
            title=message.title,
            body_format=NotifyFormat.TEXT,
            log_level=logging.DEBUG,
        )
        return _attempt_of(result)
    except Exception as error:  # noqa: BLE001 - the entry point of the thread; plugins raise anything
        return Attempt(Outcome.UNKNOWN, f"the sender broke ({type(error).__name__})")


def _attempt_of(result: "AppriseResult") -> Attempt:
    """Read from what Apprise says whether the message arrived, surely did not, or may have."""
    attempts = [attempt for service in result for attempt in service]
    if attempts and all(attempts):
        return Attempt(Outcome.SENT)
    lines = [entry.message for attempt in attempts for entry in attempt.logs]
    if any(line.startswith("Sent ") for line in lines):
        return Attempt(Outcome.UNKNOWN, "it took the message for some receivers only")
    cause = " ".join(line for line in lines if line.startswith(_CAUSE))
    is_lost_before = bool(_UNCONNECTED.search(cause)) or any(
        line.startswith(_NOT_YET) for line in lines
    )
    if is_lost_before:
        return Attempt(Outcome.FAILED, "it could not be reached")
    if _CUT.search(cause):
        return Attempt(Outcome.UNKNOWN, "the connection broke before it said that it took it")
    status = _STATUS.search(" ".join(lines))
    return Attempt(Outcome.FAILED, f"it refused the message{f' ({status[1]})' if status else ''}")
