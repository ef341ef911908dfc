"""What pages carry so that they stay true: their place in the log, their scripts, their refresh."""

import re
from importlib.resources import files
from pathlib import Path

import pytest

from mcp_server.host import Host
from mcp_server.web.live_news import KINDS, kinds_of
from tests.mcp_server.conftest import OpenApp
from tests.mcp_server.test_changes import stored
from tests.mcp_server.web import browser, nothing, running

REFRESH = '<noscript><meta http-equiv="refresh" content="30"></noscript>'
TEMPLATES = {
    path.name: path.read_text("utf-8")
    for path in files("mcp_server.web").joinpath("templates").iterdir()
}


async def test_a_page_says_how_far_it_was_read_and_how_many_trades_wait(
    open_week: OpenApp, tmp_path: Path
) -> None:
    host = Host(open_week, nothing)

    async with running(tmp_path, host=host) as transport, browser(transport) as its:
        shown = (await its.get("/approvals")).text
        head = await (await host.app()).deps.store.head()
        scripts = re.findall(r'<script src="([^"]+)" defer></script>', shown)
        answers = [await its.get(script) for script in scripts]

    assert f'data-waiting="6" data-position="{head}"' in shown
    assert "<title>(6) " in shown
    assert REFRESH in shown
    assert [answer.status_code for answer in answers] == [200] * 4
    assert {answer.headers["content-type"] for answer in answers} == {
        "text/javascript; charset=utf-8"
    }


def test_no_page_with_a_form_is_loaded_anew_by_itself() -> None:
    reads_only = "{% block refresh %}{% endblock %}"

    with_form = {name for name, text in TEMPLATES.items() if "<form" in text}

    assert {"decide.html.j2", "halt.html.j2"} <= with_form
    for name in with_form - {"layout.html.j2", "sign_in.html.j2"}:
        assert reads_only in TEMPLATES[name], name


def test_what_a_page_keeps_true_has_an_id_and_is_of_a_kind_that_is_told() -> None:
    text = "".join(TEMPLATES.values())

    parts = re.findall(r'<[^<>]* data-live="[^"]*"[^<>]*>', text)
    kinds = " ".join(re.findall(r' data-live="([^"{]*)"', text)).split()

    assert {"trades", "week", "halts"} <= set(kinds) <= KINDS
    assert [part for part in parts if " id=" not in part] == []


@pytest.mark.parametrize(
    ("stream", "event_type", "kinds"),
    [
        ("trade-7", "TradeApproved", {"trades", "week", "status", "results"}),
        ("account-GROQ", "TradingHalted", {"accounts", "halts", "status", "trades"}),
        ("account-GROQ", "OrderAccepted", {"accounts", "status", "trades"}),
        ("week-2026-11-18", "PitchMade", {"week", "status"}),
        ("week-2026-11-18", "PostmortemWritten", {"week", "status", "results"}),
        ("llm-2026-11-18", "ModelCalled", {"costs"}),
        ("something-new", "Anything", set[str]()),
    ],
)
def test_an_event_changes_the_kinds_of_things_that_show_it(
    stream: str, event_type: str, kinds: set[str]
) -> None:
    event = stored(stream)._replace(event_type=event_type)

    assert kinds_of(event) == {"events", *kinds}


def test_the_licence_of_what_others_wrote_lies_beside_it() -> None:
    static = files("mcp_server.web").joinpath("static")

    assert "Zero-Clause BSD" in static.joinpath("htmx.LICENSE").read_text("utf-8")
    assert 'version="4.0.1"' in static.joinpath("htmx.min.js").read_text("utf-8")
