"""Alerts in the program: beside the executor, in the status, at the doctor's, never in a demo."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from config.settings import Settings, load_settings
from council.alert_facts import (
    AlertBegun,
    AlertDoubted,
    AlertFailed,
    AlertGathered,
    AlertsBegan,
    AlertSent,
)
from council.codec import to_event
from council.fact import Fact
from council.ports import Deps
from mcp_server import alert_readings, cli, operations
from mcp_server.alerting import alerting
from mcp_server.standing import standing_of
from mcp_server.wiring import App
from tests.builders import WEEK_ID, make_config
from tests.council.alerts.scenes import pass_time, proposal, store
from tests.council.trading.scenes import approved, kinds_of
from tests.fakes import make_deps
from tests.mcp_server.alert_servers import Webhook, webhook
from tests.mcp_server.conftest import OpenApp

SECRETS = ("s3cret-pass", "t0ken-of-the-hook")


@pytest.fixture
def hook() -> Iterator[Webhook]:
    with webhook() as running:
        yield running


def with_alerts(settings: Settings, urls: str) -> Settings:
    return settings.model_copy(
        update={
            "council_alert_urls": load_settings({"COUNCIL_ALERT_URLS": urls}).council_alert_urls
        }
    )


def app_in_memory(urls: str, home: Path) -> App:
    """Return an app whose venues, store and clock are the tests' own."""
    settings = load_settings({"COUNCIL_HOME": str(home), "COUNCIL_ALERT_URLS": urls})
    standing = standing_of(settings, make_config())
    return App(settings, standing, make_deps(), cast("Any", None), "", "embedded")


async def until(condition: Any) -> None:
    """Let the background work until `condition` holds."""
    for _ in range(4_000):
        if await condition():
            return
        await asyncio.sleep(0.005)
    raise TimeoutError("it never happened")


async def has(deps: Deps, stream: str, kind: str) -> bool:
    return kind in await kinds_of(deps, stream)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the background look without a rest."""
    monkeypatch.setattr("mcp_server.alerting.LOOKING", timedelta(milliseconds=5))
    monkeypatch.setattr(operations, "_EXECUTOR_INTERVAL", timedelta(milliseconds=5))


@pytest.mark.usefixtures("hurried")
async def test_the_background_tells_beside_the_executor(hook: Webhook, tmp_path: Path) -> None:
    app, stop = app_in_memory(hook.url, tmp_path), asyncio.Event()
    working = asyncio.create_task(operations.execute_in_background(app, stop))
    await until(lambda: has(app.deps, "alerts", "AlertsBegan"))

    await store(app.deps, proposal())
    pass_time(app.deps, timedelta(minutes=1))
    await until(lambda: has(app.deps, "alerts", "AlertSent"))
    stop.set()
    await working

    assert hook.titles == ["Council, SIMULATED: 1 trade waits"]
    assert hook.got[0]["message"].startswith(
        "Paper trading, no real money. Venue: simulated.\nNo REQUESTY_API_KEY: rule-based"
    )
    assert "http://127.0.0.1:8931/approvals" in hook.got[0]["message"]


@pytest.mark.usefixtures("hurried")
async def test_a_server_that_hangs_holds_up_no_order(hook: Webhook, tmp_path: Path) -> None:
    hook.manner = "stalls"
    app, stop = app_in_memory(hook.url, tmp_path), asyncio.Event()
    working = asyncio.create_task(operations.execute_in_background(app, stop))
    await until(lambda: has(app.deps, "alerts", "AlertsBegan"))
    await store(app.deps, proposal("BRAVO"))
    pass_time(app.deps, timedelta(minutes=1))
    await until(lambda: has(app.deps, "alerts", "AlertBegun"))

    ticket = await approved(app.deps)
    await until(lambda: has(app.deps, f"trade-{ticket.trade_id}", "TradeCompleted"))
    unfinished = await kinds_of(app.deps, "alerts")
    hook.over.set()
    stop.set()
    await working

    assert unfinished[-1] == "AlertBegun"


@pytest.mark.usefixtures("hurried")
async def test_telling_that_breaks_holds_up_no_order(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def broken(_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("mcp_server.alerting.carrier_of", broken)
    app, stop = app_in_memory("json://127.0.0.1:1/x", tmp_path), asyncio.Event()
    working = asyncio.create_task(operations.execute_in_background(app, stop))
    ticket = await approved(app.deps)

    await until(lambda: has(app.deps, f"trade-{ticket.trade_id}", "TradeCompleted"))
    stop.set()
    await working

    assert not await has(app.deps, "alerts", "AlertsBegan")


async def test_an_end_that_is_cut_short_leaves_nobody_telling(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def hang(*_: object) -> None:
        await asyncio.Event().wait()

    async def work() -> None:
        async with alerting(app):
            await asyncio.sleep(0)

    monkeypatch.setattr("mcp_server.alerting._tell", hang)
    app = app_in_memory("json://127.0.0.1:1/x", tmp_path)
    working = asyncio.create_task(work())
    for _ in range(5):
        await asyncio.sleep(0)
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)

    assert [task for task in asyncio.all_tasks() if task.get_name() == "alerts"] == []


async def test_without_an_address_nothing_is_read_or_written(tmp_path: Path) -> None:
    app = app_in_memory("", tmp_path)

    async with alerting(app):
        await asyncio.sleep(0)

    assert await kinds_of(app.deps, "alerts") == []
    assert await alert_readings.unsent_alerts(app) == ()


def gathered(number: int = 1) -> tuple[Fact, ...]:
    delivery: dict[str, Any] = {"week_id": WEEK_ID, "number": number, "address": "json://x (0)"}
    message = AlertGathered(
        week_id=WEEK_ID,
        number=number,
        title="1 trade waits",
        text="",
        alerts=(),
        addresses=("json://x (0)",),
        read_from=0,
    )
    return message, AlertBegun(**delivery, attempt=1)


async def test_the_status_names_what_did_not_arrive(open_app: OpenApp, tmp_path: Path) -> None:
    failed: dict[str, Any] = {"week_id": WEEK_ID, "address": "json://x (0)", "attempt": 1}
    facts = (
        AlertsBegan(week_id=WEEK_ID, position=0, read_from=0),
        *gathered(),
        AlertFailed(**failed, number=1, reason="it could not be reached", is_final=True),
        *gathered(2),
        AlertDoubted(**failed, number=2, reason="no answer in 30 s"),
    )
    async with open_app() as app:
        for fact in facts:
            await app.deps.store.append("alerts", [to_event(fact, at=app.deps.clock.now())])

        silent = await operations.status(app)
        told = await operations.status(
            replace(app, settings=with_alerts(app.settings, "json://x.example/y"))
        )

    new = [sentence for sentence in told.degraded if sentence not in silent.degraded]
    assert [sentence.split(":")[0] for sentence in new] == [
        "Alerts do not reach json",
        "Alerts that json",
        "An alert may not have arrived at json",
    ]


async def test_the_status_looks_at_the_newest_steps_only(tmp_path: Path) -> None:
    app = app_in_memory("json://x.example/y", tmp_path)
    doubted = AlertDoubted(
        week_id=WEEK_ID, number=1, address="json://x (0)", attempt=1, reason="no answer in 30 s"
    )
    await store(app.deps, *gathered(), doubted)
    before = await alert_readings.unsent_alerts(app)
    steps = (gathered(number) for number in range(2, 300))
    sent = [
        (*begun, AlertSent(week_id=WEEK_ID, number=number, address="json://x (0)", attempt=1))
        for number, begun in enumerate(steps, start=2)
    ]

    await store(app.deps, *(fact for facts in sent for fact in facts))

    assert len(before) == 1
    assert await alert_readings.unsent_alerts(app) == ()


def checks_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, str]]:
    cli.run(["doctor", *arguments, "--json"])
    out = capsys.readouterr().out
    assert not [secret for secret in SECRETS if secret in out]
    checks: list[dict[str, str]] = json.loads(out)["checks"]
    return [check for check in checks if "alert" in check["check"]]


async def test_each_address_gets_a_test_and_is_told_of(hook: Webhook, tmp_path: Path) -> None:
    away = hook.url.replace(f":{hook.port}", ":1").replace("json", "xml")
    variables = {"COUNCIL_HOME": str(tmp_path), "COUNCIL_ALERT_URLS": f"{hook.url},{away}"}
    settings = load_settings(variables)
    standing = standing_of(settings, make_config())

    taken, refused = [check async for check in alert_readings.trials(settings, standing)]

    assert (taken.result, refused.result) == ("ok", "fail")
    assert taken.message.startswith("json://127.0.0.1 (")
    assert refused.message.endswith(") did not take it: it could not be reached")
    assert hook.titles == ["Council, SIMULATED: test of alerts"]


@pytest.mark.slow
@pytest.mark.usefixtures("environment")
def test_the_doctor_sends_a_test_to_each_address(
    hook: Webhook, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    away = hook.url.replace(f":{hook.port}", ":1").replace("json", "xml")
    monkeypatch.setenv("COUNCIL_ALERT_URLS", f"{hook.url}, {away}, bogus://{SECRETS[0]}")

    checks = checks_of(capsys, "--notify")

    assert [(check["check"], check["result"]) for check in checks] == [
        ("alerts", "ok"),
        ("alerts", "ok"),
        ("alerts", "fail"),
        ("test alert", "ok"),
        ("test alert", "fail"),
    ]
    assert checks[3]["message"].startswith("json://127.0.0.1 (")
    assert checks[3]["message"].endswith(") took it")
    assert checks[4]["message"].endswith(") did not take it: it could not be reached")
    assert hook.titles == ["Council, SIMULATED: test of alerts"]


@pytest.mark.slow
@pytest.mark.usefixtures("environment")
def test_a_demo_sends_nothing(
    hook: Webhook, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COUNCIL_ALERT_URLS", hook.url)

    code = cli.run(["demo", "--json"])

    assert (code, hook.got) == (0, [])
    assert not [secret for secret in SECRETS if secret in capsys.readouterr().out]


async def test_the_doctor_says_in_one_line_that_no_alert_is_sent(tmp_path: Path) -> None:
    settings = load_settings({"COUNCIL_HOME": str(tmp_path)})

    (check,) = alert_readings.addresses(settings)
    trials = [
        check
        async for check in alert_readings.trials(settings, standing_of(settings, make_config()))
    ]

    assert (check.result, check.message) == (
        "ok",
        "none are sent: COUNCIL_ALERT_URLS names no address",
    )
    assert [trial.result for trial in trials] == ["fail"]
