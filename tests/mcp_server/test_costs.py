"""`council costs`: sums by every way of looking, unknown told apart from nothing, and caps."""

import io
import json
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from config.clock import FixedClock
from config.settings import Settings
from council.codec import to_event
from council.events import ModelCalled
from mcp_server import cli
from mcp_server.cost_shapes import CostsShape
from mcp_server.costs import read_costs
from mcp_server.output import plain_console
from mcp_server.rendering.costs import show_costs
from mcp_server.wiring import App, Terms, opened_store
from tests.builders import NOW, WEEK_ID
from tests.council.fact_examples import make_call


def call(number: int, **changes: Any) -> ModelCalled:
    tokens = {"prompt_tokens": 1_000, "completion_tokens": 100}
    return make_call(**{"call_id": UUID(int=number), **tokens, **changes})


async def recorded(app: App) -> None:
    """Record four calls: paid, estimated, of unknown cost, and never billed."""
    lost = {"cost_usd": None, "cost_source": "none", "reserved_usd": Decimal("0.2")}
    calls = (
        call(1, cost_usd=Decimal("0.5")),
        call(2, asked_by="BRAVO", cost_usd=Decimal("0.25"), cost_source="estimate"),
        call(3, asked_by="BRAVO", stage="peer_review", outcome="timed_out", **lost),
        call(4, asked_by="BRAVO", outcome="unreachable", **lost, week_id="2026-11-11"),
    )
    for fact in calls:
        await app.deps.store.append(fact.stream, (to_event(fact, at=NOW),))


@pytest.fixture
async def costs(settings: Settings) -> dict[str | None, CostsShape]:
    """Return what is read of all weeks and of one."""
    async with opened_store(settings, Terms(clock=FixedClock(NOW))) as app:
        await recorded(app)
        return {week: await read_costs(app, week) for week in (None, WEEK_ID)}


async def test_calls_add_up_by_account_stage_week_and_month(costs: Any) -> None:
    shape = costs[None]

    assert {line.name: line.calls for line in shape.accounts} == {"ALPHA": 1, "BRAVO": 3}
    assert {line.name: line.calls for line in shape.stages} == {"peer_review": 1, "pitch": 3}
    assert [line.name for line in shape.weeks] == ["2026-11-11", WEEK_ID]
    assert [(line.name, line.prompt_tokens) for line in shape.months] == [("2026-11", 4_000)]


async def test_an_unknown_cost_is_null_and_what_is_known_stands_beside_it(costs: Any) -> None:
    total = costs[None].total

    assert (total.cost_usd, total.known_usd, total.estimated_usd) == (None, 0.75, 0.25)
    assert total.unknown_calls == 1
    assert {line.name: line.cost_usd for line in costs[None].accounts}["ALPHA"] == 0.5


async def test_one_week_leaves_the_others_out(costs: Any) -> None:
    shape = costs[WEEK_ID]

    assert (shape.week_id, shape.total.calls) == (WEEK_ID, 3)


async def test_what_was_set_aside_counts_against_the_cap_where_the_cost_is_unknown(
    costs: Any,
) -> None:
    week, _ = costs[WEEK_ID].caps

    assert (week.name, week.cap_usd) == (f"week {WEEK_ID}", 10.0)
    assert week.counted_usd == pytest.approx(0.95)


async def test_a_person_sees_estimates_marked_and_the_unknown_named(costs: Any) -> None:
    console = plain_console()
    console.file, console.width = io.StringIO(), 80

    show_costs(console, costs[None])

    text = console.file.getvalue()
    assert "~0.7500" in text
    assert "Calls of unknown cost are in no sum" in text
    assert f"week {WEEK_ID}: 0.9500 of 10.00 USD" in text
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.usefixtures("environment")
def test_the_command_prints_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    code = cli.run(["costs", "--json"])

    document = json.loads(capsys.readouterr().out)
    assert code == 0
    assert (document["total"]["calls"], document["total"]["cost_usd"]) == (0, None)
    assert document["coming_week"]["calls"] == 134


@pytest.mark.usefixtures("environment")
def test_a_week_that_is_no_wednesday_is_refused() -> None:
    assert cli.run(["costs", "--week", "2026-11-19"]) == 2
