"""How often one account's venue is asked: always below its limit of 200 requests a minute.

A full bucket holds 40 requests and fills by 150 a minute, so no rolling minute sees more than 190.
The rest is for what this process does not see: other processes share the account's limit. Where
they use it up, the venue answers 429 and this one pauses.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from math import ceil
from typing import Final

from broker.alpaca.failures import TOO_MANY, Failed
from config.clock import Clock

BURST: Final = 40
PER_MINUTE: Final = 150
INTERVAL: Final = timedelta(minutes=1) / PER_MINUTE
FIRST_PAUSE: Final = timedelta(seconds=2)
LONGEST_GUESS: Final = timedelta(seconds=60)
"""After a 429 that does not say for how long: the limit's own minute is over by then."""
LONGEST_PAUSE: Final = timedelta(minutes=5)
"""Of what a venue may ask for; also what a clock set back can cost."""
_LONGEST_FILLING: Final = LONGEST_PAUSE + BURST * INTERVAL
_BURST_BUT_ONE: Final = (BURST - 1) * INTERVAL
_MOST_WAITS: Final = 3
_NO_TIME: Final = timedelta()


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket of requests by the instant at which it is, or was, full again."""

    full_at: datetime

    def wait(self, now: datetime) -> timedelta:
        """Return how long after `now` the next request may go out; zero is at once."""
        full_at = min(self.full_at, now + _LONGEST_FILLING)
        return max(max(full_at, now) - now - _BURST_BUT_ONE, _NO_TIME)

    def taken(self, now: datetime) -> "Bucket":
        """Return the bucket after a request at `now`."""
        return Bucket(max(self.full_at, now) + INTERVAL)

    def emptied(self, until: datetime) -> "Bucket":
        """Return the bucket with nothing in it before `until`, and no burst right after."""
        return Bucket(max(self.full_at, until + BURST * INTERVAL))


class Budget:
    """One venue's bucket on a clock, with its pauses after 429."""

    def __init__(self, clock: Clock, *, jitter: Callable[[], float] = random.random) -> None:
        self._clock = clock
        self._jitter = jitter
        self._bucket = Bucket(clock.now())
        self._turn = asyncio.Lock()
        self._refusals = 0

    async def take(self, patience: timedelta) -> None:
        """Wait for a request's turn, first come, first served.

        Raises:
            Failed: the turn would come later than `patience`; nothing may be sent.
        """
        give_up_at = self._clock.now() + patience
        async with self._turn:
            # A clock that stands still must not stop its venue: it is waited for a few times.
            for _ in range(_MOST_WAITS):
                now = self._clock.now()
                wait = self._bucket.wait(now)
                if now + wait > give_up_at:
                    raise Failed(
                        f"nothing was sent: so many requests a minute are allowed, {_next(wait)}"
                    )
                if not wait:
                    break
                await self._clock.sleep(wait)
            self._bucket = self._bucket.taken(self._clock.now())

    def answered(self) -> None:
        """Note that the venue answered something other than 429."""
        self._refusals = 0

    def failed(self, failure: Failed) -> Failed:
        """Return the failure of a request; after a 429 it says in words when the next goes out."""
        if failure.status != TOO_MANY:
            if failure.status is not None:
                self.answered()
            return failure
        now = self._clock.now()
        pause = min(_asked_pause(failure, now) or self._guessed_pause(now), LONGEST_PAUSE)
        self._bucket = self._bucket.emptied(now + pause)
        told = f"{failure.message.rstrip('.')}, {_next(self._bucket.wait(now))}"
        return Failed(
            told,
            status=failure.status,
            retry_after=failure.retry_after,
            rate_limit_reset=failure.rate_limit_reset,
        )

    def _guessed_pause(self, now: datetime) -> timedelta:
        """Return a pause that grows with each 429 after a pause; those amid one change nothing."""
        if self._refusals and self._bucket.wait(now) > INTERVAL:
            return _NO_TIME
        self._refusals += 1
        longest = min(FIRST_PAUSE * float(2 ** min(self._refusals - 1, 10)), LONGEST_GUESS)
        return longest * (1 + self._jitter()) / 2


def _next(wait: timedelta) -> str:
    seconds = max(ceil(wait.total_seconds()), 1)
    return f"the next request may go out in {seconds} second{'s' if seconds > 1 else ''}"


def _asked_pause(failure: Failed, now: datetime) -> timedelta | None:
    """Return the pause that the answer's headers ask for, or None where they ask for none."""
    until = _retry_at(failure.retry_after, now) or _reset_at(failure.rate_limit_reset)
    return None if until is None or until <= now else until - now


def _retry_at(text: str | None, now: datetime) -> datetime | None:
    """Read Retry-After: a number of seconds, or an HTTP date."""
    if text is None:
        return None
    try:
        return now + timedelta(seconds=_seconds(text))
    except (ValueError, OverflowError):
        return _date(text)


def _date(text: str) -> datetime | None:
    try:
        instant = parsedate_to_datetime(text)
    except ValueError:
        return None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _reset_at(text: str | None) -> datetime | None:
    """Read X-RateLimit-Reset: seconds since 1970."""
    try:
        return None if text is None else datetime.fromtimestamp(_seconds(text), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _seconds(text: str) -> float:
    seconds = float(text)
    if not seconds >= 0:
        raise ValueError(f"{text} is no number of seconds")
    return seconds
