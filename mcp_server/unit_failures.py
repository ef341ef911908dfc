"""Tells the owner that a service of systemd failed, at most once in six hours for each.

It is the last one to speak when all else is broken: the database is not needed, what it misses is
left out, and it fails at nothing. What surely did not arrive is told at the next failure.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from config import logs
from config.clock import Clock
from config.errors import CouncilError
from config.loader import load_config
from config.settings import Settings
from council.alerts.message import Letterhead, Message, unit_message
from council.parallel import all_at_once
from mcp_server.private_files import alone_with, write_privately
from mcp_server.standing import standing_of

if TYPE_CHECKING:
    from mcp_server.alerting import AppriseCarrier

QUIET: Final = timedelta(hours=6)
"""A service that fails again and again is told of no more often."""
_UNKNOWN_VENUE: Final = "not known, the settings cannot be read"


@dataclass(frozen=True, slots=True)
class Told:
    """What came of telling; `sentence` says it for the journal."""

    arrived: int
    sentence: str


async def tell_of_failure(unit: str, settings: Settings, clock: Clock, *, logs_by: str) -> Told:
    """Send to every address that `unit` failed, unless that was done within `QUIET`.

    Raises:
        CouncilError: what was told before cannot be read or written.
    """
    stamp = settings.council_home / "failures" / f"{quote(unit, safe='@.')}.told"
    with alone_with(stamp):
        # A word from the future was written by a wrong clock, and must not silence us until then.
        if abs(clock.now() - _told_at(stamp)) < QUIET:
            return Told(0, f"{unit} failed again; it was told of within the last hours.")
        told = await _sent(unit_message(unit, _head(settings), logs_by), unit, settings)
        if told.arrived:
            write_privately(stamp, clock.now().isoformat())
        return told


async def _sent(message: Message, unit: str, settings: Settings) -> Told:
    if not settings.alert_urls:
        return Told(0, f"{unit} failed; COUNCIL_ALERT_URLS names nobody who could be told.")
    from mcp_server.alerting import carrier_of  # noqa: PLC0415 - heavy: apprise

    carrier = carrier_of(settings)
    if carrier is None:
        return Told(0, f"{unit} failed; no address of COUNCIL_ALERT_URLS can be used.")
    return await _by(carrier, message, unit)


async def _by(carrier: "AppriseCarrier", message: Message, unit: str) -> Told:
    from council.alerts.ports import Outcome  # noqa: PLC0415 - with its user

    attempts = await all_at_once(
        [carrier.send(address, message.title, message.text) for address in carrier.addresses]
    )
    # What may have arrived counts: to tell twice is worse than to trust the journal.
    arrived = sum(attempt.outcome is not Outcome.FAILED for attempt in attempts)
    return Told(arrived, f"{unit} failed; told to {arrived} of {len(attempts)} addresses.")


def _head(settings: Settings) -> Letterhead:
    page = settings.council_web_url
    try:
        standing = standing_of(settings, load_config(settings.council_config))
    except CouncilError as error:
        return Letterhead(_UNKNOWN_VENUE, (str(error),), page)
    return Letterhead(standing.venue, standing.degraded, page)


def _told_at(stamp: Path) -> datetime:
    with suppress(OSError, ValueError):
        return datetime.fromisoformat(stamp.read_text(encoding="utf-8"))
    return _NEVER


_NEVER: Final = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


async def tell_at_any_rate(
    unit: str, read_settings: Callable[[], Settings], clock: Clock, *, logs_by: str
) -> Told:
    """Tell of the failure as far as that is possible, and never fail."""
    try:
        return await tell_of_failure(unit, read_settings(), clock, logs_by=logs_by)
    except CouncilError as error:
        return Told(0, f"{unit} failed; nobody was told: {error}")
    except Exception as error:  # noqa: BLE001 - the last alert: it must not hide what broke before
        logs.logger("alerts").exception("unit_failures.broke")
        return Told(0, f"{unit} failed; nobody was told: {type(error).__name__}.")
