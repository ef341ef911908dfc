"""What a Prometheus server reads, in its own format, and who may read it."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from config import telemetry
from mcp_server import stopping
from mcp_server.host import Host
from mcp_server.web.serving import Asked
from mcp_server.wiring import App
from store.grants import LC_MCP
from tests.mcp_server.conftest import OpenApp
from tests.mcp_server.web import bearer, browser, made_token, nothing, running

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]
LABELS = {"account", "job", "le", "model", "outcome", "status", "tool", "venue"}


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process have counted nothing yet."""
    tallies = telemetry.Tallies()
    for module in ("config.telemetry", "mcp_server.web.metrics"):
        monkeypatch.setattr(f"{module}.TALLIES", tallies)


async def scraped(home: Path, host: Host | None = None) -> str:
    async with running(home, host=host) as transport, browser(transport) as here:
        if host is not None:
            await host.app()
        answer = await here.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return answer.text


def samples(text: str) -> Samples:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_the_record_stands_in_prometheus_format(open_week: OpenApp, tmp_path: Path) -> None:
    host = Host(open_week, nothing)

    found = samples(await scraped(tmp_path, host))

    assert found["council_database_up", ()] == 1
    assert found["council_pending_trades", ()] == found["council_trades", (("status", "pending"),)]
    assert found["council_pending_trades", ()] > 0
    assert found["council_events_head", ()] > 20
    assert found["council_halt_file", ()] == 0
    assert found["council_account_halted", (("account", "COUNCIL"),)] == 0
    assert found["process_resident_memory_bytes", ()] > 1_000_000
    calls = {name: value for name, value in found.items() if name[0] == "council_model_calls_total"}
    assert sum(calls.values()) >= 10
    assert all(dict(labels)["outcome"] == "answered" for _, labels in calls)


async def test_a_second_reading_counts_no_call_twice(open_week: OpenApp, tmp_path: Path) -> None:
    host = Host(open_week, nothing)

    async with running(tmp_path, host=host) as transport, browser(transport) as here:
        await host.app()
        first, second = [samples((await here.get("/metrics")).text) for _ in range(2)]

    name = "council_model_calls_total"
    assert {k: v for k, v in first.items() if k[0] == name} == {
        k: v for k, v in second.items() if k[0] == name
    }


async def test_a_halt_and_appends_are_seen_at_once(
    open_week: OpenApp, tmp_path: Path, counted: None
) -> None:
    host = Host(halted_first(open_week), nothing)

    found = samples(await scraped(tmp_path, host))

    assert found["council_account_halted", (("account", "COUNCIL"),)] == 1
    assert found["council_append_seconds_count", ()] >= 1
    assert found["council_append_seconds_bucket", (("le", "+Inf"),)] >= 1


def halted_first(open_app: OpenApp) -> OpenApp:
    @asynccontextmanager
    async def opened() -> AsyncIterator[App]:
        async with open_app() as app:
            await stopping.halt(app, None, reason="a test", by="test", channel="cli")
            yield app

    return opened


async def test_a_server_whose_login_sends_no_orders_is_no_executor(
    open_week: OpenApp, tmp_path: Path
) -> None:
    @asynccontextmanager
    async def proposing() -> AsyncIterator[App]:
        async with open_week() as app:
            yield replace(app, role=LC_MCP)

    by_owner = samples(await scraped(tmp_path, Host(open_week, nothing)))
    by_proposer = samples(await scraped(tmp_path, Host(proposing, nothing)))

    found = [each["council_executor_up", ()] for each in (by_owner, by_proposer)]
    assert found == [1, 0]


async def test_without_a_database_the_process_still_tells_of_itself(tmp_path: Path) -> None:
    found = samples(await scraped(tmp_path))

    assert found["council_database_up", ()] == 0
    assert found["council_executor_up", ()] == 0
    assert ("process_resident_memory_bytes", ()) in found


async def test_what_this_process_did_is_counted(tmp_path: Path, counted: None) -> None:
    telemetry.count(telemetry.VENUE_REQUESTS, "simulated", "200")
    telemetry.count(telemetry.VENUE_REQUESTS, "simulated", "200")
    telemetry.count(telemetry.TURNS, "idle")

    found = samples(await scraped(tmp_path))

    requests = "council_venue_requests_total", (("status", "200"), ("venue", "simulated"))
    assert found[requests] == 2
    assert found["council_executor_turns_total", (("outcome", "idle"),)] == 1
    assert 0 <= found["council_executor_last_turn_age_seconds", ()] < 60


async def test_every_name_is_as_prometheus_wants_it(open_week: OpenApp, tmp_path: Path) -> None:
    text = await scraped(tmp_path, Host(open_week, nothing))

    helped = re.findall(r"^# HELP (\S+) (.+)$", text, re.M)
    typed = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
    assert {name for name, _ in helped} == set(typed)
    for name, kind in typed.items():
        assert re.fullmatch(r"(council|process)_[a-z_]+", name)
        assert (kind == "counter") == name.endswith("_total")
    labels = {label for _, own in samples(text) for label, _ in own}
    assert labels <= LABELS


async def test_this_machine_needs_no_token_and_a_proxy_needs_one_that_reads(tmp_path: Path) -> None:
    proxied = {"x-forwarded-for": "192.0.2.1"}
    token = made_token(tmp_path, "read")

    async with running(tmp_path) as transport, browser(transport) as here:
        answers = [
            (await here.get("/metrics", headers=headers)).status_code
            for headers in ({}, proxied, {**proxied, **bearer(token)}, bearer("council_wrong"))
        ]

    assert answers == [200, 401, 200, 401]


async def test_where_others_reach_the_server_everybody_needs_a_token(tmp_path: Path) -> None:
    asked = Asked(bind="0.0.0.0", further_names=("council.lan",))  # noqa: S104 - a test binds nothing
    token = made_token(tmp_path, "read")

    async with running(tmp_path, asked) as transport, browser(transport) as here:
        refused = await here.get("/metrics")
        shown = await here.get("/metrics", headers=bearer(token))

    assert (refused.status_code, shown.status_code) == (401, 200)
    assert "council_database_up" not in refused.text
    assert shown.headers["cache-control"] == "no-store"
    assert shown.headers["x-content-type-options"] == "nosniff"
