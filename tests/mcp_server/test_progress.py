"""How far a run is, for whoever waits: rising numbers, no long silence, nothing afterwards."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

import mcp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from council.ports import Progress
from council.steps import BEGINS, IS_STORED, STAGES
from mcp_server.progress import Journey, News, telling
from tests.mcp_server.conftest import OpenApp
from tests.mcp_server.held import Gate, held, quick_server
from tests.mcp_server.test_tools import told

A_MOMENT = timedelta(milliseconds=1)
LONG = timedelta(hours=1)
LOOKS = 20_000
WEEK = Journey(STAGES)

told_things = st.builds(
    Progress,
    stage=st.sampled_from((*STAGES, "checkpoint")),
    message=st.sampled_from((BEGINS, IS_STORED, "MOMENTUM: LONG SPY at +1")),
    done=st.integers(0, 6),
    total=st.integers(0, 6),
)


@dataclass
class Heard:
    """A listener that keeps what it is told and may fail like a client that has gone."""

    numbers: list[float] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    has_gone: bool = False

    async def report_progress(
        self, progress: float, total: float | None = None, message: str | None = None
    ) -> None:
        if self.has_gone:
            raise ConnectionError("the client has gone")
        self.numbers.append(progress)
        self.words.append(message or "")

    async def hears(self, count: int) -> None:
        for _ in range(LOOKS):
            if len(self.numbers) >= count:
                return
            await asyncio.sleep(0.001)
        raise AssertionError(f"only {len(self.numbers)} of {count} were heard")


async def nothing_stored() -> Progress | None:
    return None


@given(st.lists(told_things, max_size=12))
async def test_whatever_a_run_tells_the_numbers_rise(things: list[Progress]) -> None:
    heard, news = Heard(), News()

    async with telling(heard, WEEK, news=news, stored=nothing_stored, keep_alive=LONG):
        for thing in things:
            news.tell(thing)
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    assert heard.numbers == sorted(set(heard.numbers))


async def test_each_news_is_told_with_the_stage_and_its_number_of_how_many() -> None:
    heard, news = Heard(), News()

    async with telling(heard, WEEK, news=news, stored=nothing_stored, keep_alive=LONG):
        await heard.hears(1)
        news.tell(Progress("pitch", "MOMENTUM: LONG SPY at +1", 1, 5))
        await heard.hears(2)
        news.tell(Progress("pitch", IS_STORED, 3, 6))
        await heard.hears(3)

    assert heard.words[1] == "pitch 3/6: MOMENTUM: LONG SPY at +1"
    assert heard.numbers[2] == 3.0


async def test_silence_is_broken_before_a_host_gives_up() -> None:
    heard, news = Heard(), News()
    news.tell(Progress("pitch", BEGINS, 2, 6))

    async with telling(heard, WEEK, news=news, stored=nothing_stored, keep_alive=A_MOMENT):
        await heard.hears(3)

    assert heard.numbers[0] == 2.0
    assert set(heard.words) == {"pitch 3/6: begins"}


async def test_a_run_of_another_process_is_told_from_what_is_stored() -> None:
    heard, stored = Heard(), [Progress("research", IS_STORED, 2, 6)]

    async def read() -> Progress | None:
        return stored[-1]

    async with telling(heard, WEEK, news=News(), stored=read, keep_alive=A_MOMENT):
        await heard.hears(1)
        stored.append(Progress("pitch", IS_STORED, 3, 6))
        await heard.hears(len(heard.numbers) + 2)

    assert heard.numbers[0] == 2.0
    assert heard.words[-1] == "pitch 3/6: is stored"


async def test_no_number_is_beyond_the_last_stage_however_long_the_silence() -> None:
    heard, looked = Heard(), list[int]()

    async def read() -> Progress | None:
        looked.append(len(heard.numbers))
        return Progress(STAGES[-1], IS_STORED, len(STAGES), len(STAGES))

    async with telling(heard, WEEK, news=News(), stored=read, keep_alive=A_MOMENT):
        for _ in range(LOOKS):
            if len(looked) > 3:
                break
            await asyncio.sleep(0.001)

    assert len(looked) > 3
    assert heard.numbers == [float(len(STAGES))]


async def test_nothing_is_told_after_the_end() -> None:
    heard, news = Heard(), News()

    async with telling(heard, WEEK, news=news, stored=nothing_stored, keep_alive=LONG):
        await heard.hears(1)
    news.tell(Progress("pitch", BEGINS, 2, 6))
    await asyncio.sleep(0)

    assert len(heard.numbers) == 1


async def test_a_listener_that_has_gone_harms_nobody() -> None:
    heard, news = Heard(has_gone=True), News()

    async with telling(heard, WEEK, news=news, stored=nothing_stored, keep_alive=A_MOMENT):
        news.tell(Progress("pitch", BEGINS, 2, 6))
        await asyncio.sleep(0)

    assert heard.numbers == []


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_who_follows_a_run_hears_each_stage(
    open_app: OpenApp, mode: Literal["auto", "legacy"]
) -> None:
    gate, heard = Gate(frozenset({"pitch"})), Heard()

    async with mcp.Client(quick_server(held(open_app, gate)), mode=mode) as client:
        run = await told(client, "run_weekly")
        asked = client.call_tool(
            "get_run",
            {"run_id": run["run_id"], "wait_seconds": 20},
            progress_callback=heard.report_progress,
        )
        following = asyncio.create_task(asked)
        await heard.hears(2)
        gate.opened.set()
        await following

    assert any(words.startswith("pitch 3/6") for words in heard.words)
    assert any(words == "chairman 5/6: is stored" for words in heard.words)
    assert heard.numbers == sorted(set(heard.numbers))
