"""The request budget: never over the limit, and pauses that a venue asks for or that grow."""

import asyncio
from bisect import bisect_left
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.alpaca.budget import BURST, INTERVAL, LONGEST_PAUSE, Bucket, Budget
from broker.alpaca.failures import Failed
from config.clock import FixedClock, VirtualClock

START_AT = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
AN_HOUR = timedelta(hours=1)
ALLOWED_A_MINUTE = 200

callers = st.lists(st.tuples(st.integers(0, 90_000), st.integers(1, 150)), min_size=1, max_size=12)
"""Milliseconds since the burst before, and requests that come at once."""


def too_many(*, retry_after: str | None = None, rate_limit_reset: str | None = None) -> Failed:
    return Failed(
        "too many requests.",
        status=429,
        retry_after=retry_after,
        rate_limit_reset=rate_limit_reset,
    )


def most_in_a_minute(sent: list[datetime]) -> int:
    return max(bisect_left(sent, at + MINUTE) - first for first, at in enumerate(sent))


@settings(max_examples=60, deadline=None)
@given(callers)
async def test_no_rolling_minute_holds_more_than_the_limit(callers: list[tuple[int, int]]) -> None:
    clock = VirtualClock(START_AT)
    budget, sent = Budget(clock), []

    async def send() -> None:
        await budget.take(AN_HOUR)
        sent.append(clock.now())

    for milliseconds, count in callers:
        await clock.sleep(timedelta(milliseconds=milliseconds))
        await asyncio.gather(*(send() for _ in range(count)))

    assert len(sent) == sum(count for _, count in callers)
    assert most_in_a_minute(sent) < ALLOWED_A_MINUTE


async def test_a_burst_goes_out_at_once_and_the_rest_evenly() -> None:
    clock = VirtualClock(START_AT)
    budget = Budget(clock)

    for _ in range(BURST):
        await budget.take(AN_HOUR)
    after_burst = clock.now()
    await budget.take(AN_HOUR)

    assert after_burst == START_AT
    assert clock.now() - START_AT == INTERVAL


async def test_whoever_would_wait_too_long_is_told_so_and_takes_nothing() -> None:
    clock = VirtualClock(START_AT)
    budget = Budget(clock)
    budget.failed(too_many(retry_after="20"))

    with pytest.raises(Failed, match=r"nothing was sent.*may go out in 21 seconds"):
        await budget.take(timedelta(seconds=10))
    await budget.take(timedelta(seconds=30))

    assert clock.now() - START_AT == timedelta(seconds=20) + INTERVAL


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after": "7"}, 7),
        ({"retry_after": "0.5"}, 0.5),
        ({"retry_after": "Fri, 20 Nov 2026 15:30:09 GMT"}, 9),
        ({"rate_limit_reset": str(START_AT.timestamp() + 11)}, 11),
        ({"retry_after": "3", "rate_limit_reset": str(START_AT.timestamp() + 11)}, 3),
        ({"retry_after": "86400"}, LONGEST_PAUSE.total_seconds()),
    ],
)
def test_the_pause_that_a_venue_asks_for_is_kept(headers: dict[str, str], seconds: float) -> None:
    budget = Budget(FixedClock(START_AT))

    told = budget.failed(too_many(**headers))

    assert wait_of(budget) == timedelta(seconds=seconds) + INTERVAL
    assert "too many requests, the next request may go out in" in told.message
    assert told.status == 429


@pytest.mark.parametrize("text", ["", "soon", "-1", "nan", "inf", "1e300", "0", "Fri, 99 Nov"])
@pytest.mark.parametrize("header", ["retry_after", "rate_limit_reset"])
def test_a_header_that_says_nothing_leaves_the_guess(header: str, text: str) -> None:
    budget = Budget(FixedClock(START_AT), jitter=lambda: 1.0)

    budget.failed(too_many(**{header: text}))

    assert wait_of(budget) == timedelta(seconds=2) + INTERVAL


async def test_without_a_header_the_pause_grows_with_every_429_up_to_a_minute() -> None:
    clock = VirtualClock(START_AT)
    budget, pauses = Budget(clock, jitter=lambda: 1.0), []

    for _ in range(8):
        await budget.take(AN_HOUR)
        before = clock.now()
        budget.failed(too_many())
        await clock.sleep(wait_of(budget, before))
        pauses.append((clock.now() - before - INTERVAL).total_seconds())

    assert pauses == [2, 4, 8, 16, 32, 60, 60, 60]


@pytest.mark.parametrize("jitter", [0.0, 0.5, 0.999])
def test_the_guess_is_jittered_by_half(jitter: float) -> None:
    budget = Budget(FixedClock(START_AT), jitter=lambda: jitter)

    budget.failed(too_many())

    assert wait_of(budget) - INTERVAL == timedelta(seconds=1 + jitter)


def test_refusals_of_requests_already_under_way_do_not_lengthen_the_pause() -> None:
    budget = Budget(FixedClock(START_AT), jitter=lambda: 1.0)

    for _ in range(5):
        budget.failed(too_many())

    assert wait_of(budget) == timedelta(seconds=2) + INTERVAL


async def test_any_other_answer_ends_the_growth() -> None:
    clock = VirtualClock(START_AT)
    budget = Budget(clock, jitter=lambda: 1.0)
    for answered in (budget.answered, lambda: budget.failed(Failed("no", status=500))):
        budget.failed(too_many())
        await clock.sleep(AN_HOUR)
        answered()

    budget.failed(too_many())

    assert wait_of(budget, clock.now()) == timedelta(seconds=2) + INTERVAL


async def test_a_clock_that_stands_still_does_not_stop_the_venue() -> None:
    budget = Budget(FixedClock(START_AT))

    async with asyncio.timeout(5):
        for _ in range(BURST * 3):
            await budget.take(AN_HOUR)

    assert wait_of(budget) > timedelta()  # each was counted all the same


def test_a_clock_that_is_set_back_costs_minutes_and_not_the_difference() -> None:
    bucket = Bucket(START_AT)

    assert bucket.wait(START_AT - timedelta(days=1)) <= LONGEST_PAUSE + INTERVAL


def wait_of(budget: Budget, now: datetime = START_AT) -> timedelta:
    return budget._bucket.wait(now)
