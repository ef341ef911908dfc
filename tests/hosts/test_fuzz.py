"""Ten thousand hostile calls on a finished week: no crash, no write, no growth, no wait."""

import gc
import itertools
import statistics
from pathlib import Path

import pytest
from mcp_types import PromptReference, ResourceTemplateReference

from config.settings import Settings, load_settings
from tests.hosts.fuzzed import Seen, serving
from tests.hosts.hostile import CORPUS, Caller, each_hostile
from tests.hosts.inspector import Era

pytestmark = pytest.mark.slow

CALLS = 10_000
WARM_CALLS = 1_000
SEED = 20261118
MEDIAN_SECONDS = 0.1
LONGEST_SECONDS = 5.0
GROWTH_BYTES = 40_000_000
PAGE_BYTES = 4_096
TEXTS = (*(text for text in CORPUS if text != "\ud800"), "A" * 100_000)
"""No client can write a lone surrogate into an address."""


@pytest.fixture
def settings(database_dsn: str, tmp_path: Path) -> Settings:
    """Return settings without keys, on a fresh database, with the exchange always open."""
    variables = {
        "COUNCIL_HOME": str(tmp_path),
        "DATABASE_URL": database_dsn,
        "COUNCIL_EXCHANGE_HOURS": "always",
    }
    return load_settings(variables, directory=tmp_path)


@pytest.mark.parametrize("era", ["legacy", "modern"])
async def test_no_entry_of_the_corpus_in_any_argument_crashes_or_writes(
    settings: Settings, era: Era
) -> None:
    async with serving(settings, era) as council:
        caller, seen = Caller(SEED, council.known), Seen()
        before = await council.events()

        for tool in council.tools:
            for name, value in each_hostile(tool.input_schema):
                fitting = caller.whole(tool.name, tool.input_schema) | {name: value}
                harmless = fitting | caller.kept_harmless(tool.name)
                called = council.client.call_tool(tool.name, harmless)
                await seen.take(called, tool.name, harmless)
        after = await council.events()

    assert not seen.unfit, "\n".join(seen.unfit)
    assert after == before


@pytest.mark.parametrize("era", ["legacy", "modern"])
async def test_no_hostile_address_prompt_or_completion_crashes_or_writes(
    settings: Settings, era: Era
) -> None:
    async with serving(settings, era) as council:
        client, seen = council.client, Seen()
        templates = (await client.list_resource_templates()).resource_templates
        # One without arguments has nothing to draw, and may ask every venue.
        prompts = [prompt for prompt in (await client.list_prompts()).prompts if prompt.arguments]
        before = await council.events()

        for text, template in itertools.product(TEXTS, templates):
            kept = template.uri_template.partition("{")[0]
            await seen.take(client.read_resource(kept + text), kept, text)
            ref = ResourceTemplateReference(uri=template.uri_template)
            name = template.uri_template.partition("{")[2].rstrip("}")
            completed = client.complete(ref, {"name": name, "value": text})
            await seen.take(completed, ref, text)
        for text, prompt in itertools.product(TEXTS, prompts):
            arguments = {argument.name: text for argument in prompt.arguments or ()}
            await seen.take(client.get_prompt(prompt.name, arguments), prompt.name, text)
            await seen.take(client.get_prompt(text, {}), text)
            ref_of_prompt = PromptReference(name=text)
            completed = client.complete(ref_of_prompt, {"name": text, "value": text})
            await seen.take(completed, text)
        after = await council.events()

    assert not seen.unfit, "\n".join(seen.unfit)
    assert after == before


async def test_ten_thousand_drawn_calls_neither_crash_nor_write_nor_grow(
    settings: Settings,
) -> None:
    async with serving(settings, "modern") as council:
        caller, seen = Caller(SEED, council.known), Seen()
        before = await council.events()
        resident: list[int] = []

        for number in range(CALLS):
            if number in {WARM_CALLS, CALLS - 1}:
                resident.append(_resident_bytes())
            tool = council.tools[number % len(council.tools)]
            drawn = caller.arguments(tool.name, tool.input_schema)
            await seen.take(council.client.call_tool(tool.name, drawn), tool.name, drawn)
        after = await council.events()

    assert not seen.unfit, "\n".join(seen.unfit)
    assert after == before
    assert statistics.median(seen.seconds) < MEDIAN_SECONDS
    assert max(seen.seconds) < LONGEST_SECONDS
    assert resident[1] - resident[0] < GROWTH_BYTES


def _resident_bytes() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES
