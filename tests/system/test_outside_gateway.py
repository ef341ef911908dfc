"""A gateway in another process, spoken to by the same client that speaks to the real one."""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.system.chat_gateway import ChatGateway, running_gateway
from tests.system.command import council, gateway_environment

ANSWER_SECONDS = 5.0
STAGES_WITH_MODELS = 4
LONGEST_SECONDS = 1.1 * STAGES_WITH_MODELS * ANSWER_SECONDS
"""More than a week takes whose answers come at once."""
LEAST_SECONDS = 0.75 * STAGES_WITH_MODELS * ANSWER_SECONDS
"""What the program does itself may go on while models think."""
MOST_OF_SHOWN = 1.5
"""A week whose answers come at once, in units of the command that only shows it again."""
TRIES = 3


async def test_a_gateway_with_a_key_is_asked_instead_of_the_rehearsal_models(
    database_dsn: str, tmp_path: Path
) -> None:
    gateway = ChatGateway()

    async with running_gateway(gateway) as address:
        week = await council(
            "run-weekly", "--json", environment=gateway_environment(database_dsn, tmp_path, address)
        )

    document = week.document()
    assert document["mode"] == "live"
    assert {pitch["model"] for pitch in document["pitches"]} == {
        "openai/gpt-5.2",
        "google/gemini-3-pro-preview",
        "xai/grok-4-1-fast-non-reasoning",
        "anthropic/claude-sonnet-4-5",
        "deepseek-ai/DeepSeek-V3",
    }
    assert len(gateway.calls) == 13
    assert len({call.model for call in gateway.calls}) == 6


async def test_a_model_that_the_gateway_lacks_is_replaced_and_every_result_says_so(
    database_dsn: str, tmp_path: Path
) -> None:
    gateway = ChatGateway(unlisted=frozenset({"xai/grok-4-1-fast-non-reasoning"}))

    async with running_gateway(gateway) as address:
        environment = gateway_environment(database_dsn, tmp_path, address)
        week = await council("run-weekly", "--json", environment=environment)
        doctor = await council("doctor", "--json", environment=environment)

    host = address.split("/")[2]
    sentence = (
        f"{host} does not list xai/grok-4-1-fast-non-reasoning: xai/grok-4.3 answers for GROQ."
    )
    assert sentence in week.document()["degraded"]
    assert "xai/grok-4.3" in {pitch["model"] for pitch in week.document()["pitches"]}
    found = [check for check in json.loads(doctor.stdout)["checks"] if check["check"] == "gateway"]
    assert [(check["result"], check["message"]) for check in found] == [("warn", sentence)]


@pytest.mark.slow
async def test_a_week_takes_hardly_longer_than_its_slowest_answers(
    new_database: Callable[[], str], tmp_path: Path
) -> None:
    shown: list[float] = []
    prompt_weeks: list[float] = []
    slow_weeks: list[float] = []

    async with _gateway_apart(0.0) as prompt, _gateway_apart(ANSWER_SECONDS) as slow:
        await _seconds_of_a_week(gateway_environment(new_database(), tmp_path, prompt))
        # The best of a few: what else the machine had to do is not the program's time.
        for _ in range(TRIES):
            environment = gateway_environment(new_database(), tmp_path, prompt)
            prompt_weeks.append(await _seconds_of_a_week(environment))
            shown.append(await _seconds_of_a_week(environment))
            environment = gateway_environment(new_database(), tmp_path, slow)
            slow_weeks.append(await _seconds_of_a_week(environment))

    waited = min(slow_weeks) - min(prompt_weeks)
    assert LEAST_SECONDS <= waited <= LONGEST_SECONDS, (prompt_weeks, slow_weeks)
    assert min(prompt_weeks) <= MOST_OF_SHOWN * min(shown), (prompt_weeks, shown)


@asynccontextmanager
async def _gateway_apart(delay_seconds: float) -> AsyncIterator[str]:
    """Run a gateway in a process of its own that answers after so long; yield its address."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.system.chat_gateway",
        str(delay_seconds),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        yield (await process.stdout.readline()).decode().strip()
    finally:
        process.terminate()
        await process.wait()


async def _seconds_of_a_week(environment: dict[str, str]) -> float:
    began = time.monotonic()
    week = await council("run-weekly", "--json", environment=environment)
    took = time.monotonic() - began
    assert len(week.document()["trades"]) == 6
    return took
