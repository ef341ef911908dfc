"""The log on a page: every event once, whatever the filters, and its payload as inert text."""

import json
import re
from datetime import timedelta
from html import unescape
from typing import Any

import httpx2

from config.ids import meaning_id
from config.settings import Settings
from mcp_server.web.log_reading import EVENTS, shown_json
from mcp_server.wiring import App
from store.events import EventFilter, NewEvent, Page, StoredEvent
from tests.council.week_results_scenes import LATER
from tests.mcp_server.looking import looking

LINE = re.compile(r'<li id="event-(\d+)">')
OLDER = re.compile(r'<a href="([^"]+)" rel="next">Older events</a>')
NEWER = re.compile(r'<a href="([^"]+)" rel="prev">Newer events</a>')
HOSTILE = (
    "</pre><script>window.stolen = 1</script><img src=x onerror=alert(1)> "
    "\u202eesrever\u202c\u200b {{ 7 * 7 }} </details>"
)


def noted(number: int, **changes: Any) -> NewEvent:
    """Return an event of a kind that no read table knows, named by its number."""
    values: dict[str, Any] = {
        "event_id": meaning_id("noted", number),
        "event_type": ("AlertSent", "AlertFailed")[number % 2],
        "payload": {
            "week_id": "2026-11-18",
            "number": number,
            "address": "mail",
            "attempt": 1,
            **({"reason": "away", "is_final": False} if number % 2 else {}),
        },
        "timestamp": LATER + timedelta(seconds=number),
        "week_id": ("2026-11-18", "2026-11-25")[number % 3 == 0],
        "account_id": (None, "CHATGPT", "GEMINI")[number % 3],
        "correlation_id": None,
        "parent_event_id": meaning_id("noted", number - 1) if number else None,
    }
    return NewEvent(**{**values, **changes})


async def stored(app: App, count: int) -> None:
    for stream in ("alerts", "alerts-other"):
        first = 0 if stream == "alerts" else count // 2
        numbers = range(first, first + count // 2)
        await app.deps.store.append(stream, [noted(number) for number in numbers])


async def every(app: App, wanted: EventFilter) -> list[StoredEvent]:
    return list(await app.deps.store.read_page(wanted, Page(100_000, descending=True)))


async def met(its: httpx2.AsyncClient, path: str) -> tuple[list[int], str]:
    """Return the positions met from page to older page, and the address of the last one."""
    found: list[int] = []
    for _ in range(20):
        page = (await its.get(path)).text
        shown = [int(position) for position in LINE.findall(page)]
        assert len(shown) <= EVENTS
        found += shown
        older = OLDER.search(page)
        if older is None:
            break
        path = unescape(older[1])
    return found, path


FILTERS = (
    ("", EventFilter()),
    ("?kind=AlertSent", EventFilter(event_types=("AlertSent",))),
    ("?stream=alerts-", EventFilter(stream_prefix="alerts-")),
    ("?week=2026-11-18", EventFilter(week_id="2026-11-18")),
    ("?account=GEMINI", EventFilter(account_id="GEMINI")),
    (
        "?stream=alerts&kind=AlertFailed&week=2026-11-18&account=CHATGPT",
        EventFilter("alerts", ("AlertFailed",), "2026-11-18", "CHATGPT"),
    ),
    ("?account=nobody", EventFilter(account_id="nobody")),
    ("?stream=%25", EventFilter(stream_prefix="%")),
)


async def test_filters_and_pages_meet_every_event_once(settings: Settings) -> None:
    async with looking(settings, LATER) as (app, its):
        await stored(app, 240)
        there = {query: await every(app, wanted) for query, wanted in FILTERS}
        found = {query: (await met(its, f"/events{query}"))[0] for query, _ in FILTERS}

    assert found == {query: [own.position for own in events] for query, events in there.items()}
    assert [query for query, events in found.items() if not events] == [
        "?account=nobody",
        "?stream=%25",
    ]


async def test_newer_pages_lead_back_over_the_same_events(settings: Settings) -> None:
    async with looking(settings, LATER) as (app, its):
        await stored(app, 240)
        there = [event.position for event in await every(app, EventFilter(account_id="GEMINI"))]
        found, path = await met(its, "/events?account=GEMINI")
        back: list[int] = []
        for _ in range(20):
            newer = NEWER.search((await its.get(path)).text)
            if newer is None:
                break
            path = unescape(newer[1])
            back = [int(one) for one in LINE.findall((await its.get(path)).text)] + back

    assert found == there
    assert back == there[: len(back)]
    assert len(back) >= len(there) - EVENTS


async def test_what_a_payload_holds_is_inert_text_in_which_nothing_is_hidden(
    settings: Settings,
) -> None:
    payload = {"answer": HOSTILE, HOSTILE: [HOSTILE], "trade_id": HOSTILE}
    async with looking(settings, LATER) as (app, its):
        (event,) = await app.deps.store.append(
            HOSTILE.replace("\n", " "),
            [noted(1, event_type="AlertSent", payload={**noted(0).payload, **payload})],
        )
        pages = [(await its.get(path)).text for path in ("/events", f"/events/{event.position}")]

    for page in pages:
        assert "<script>window" not in page
        assert "<img" not in page
        assert "\u202e" not in page.split("<pre", 1)[1].split("</pre>")[0]
        assert "&lt;/pre&gt;&lt;script&gt;window.stolen" in page
        assert "\\u202eesrever\\u202c\\u200b" in page
        assert "{{ 7 * 7 }}" in page
    whole = unescape(re.findall(r"<pre[^>]*>(.*?)</pre>", pages[1], re.DOTALL)[0])
    assert json.loads(whole)["answer"] == HOSTILE


async def test_a_long_payload_is_cut_in_the_list_and_whole_on_its_page(settings: Settings) -> None:
    long = {**noted(0).payload, "address": "a" * 20_000 + "END"}
    async with looking(settings, LATER) as (app, its):
        (event,) = await app.deps.store.append("alerts", [noted(0, payload=long)])
        listed = (await its.get("/events")).text
        whole = (await its.get(f"/events/{event.position}")).text

    assert "END" not in listed
    assert f'<a href="/events/{event.position}">All of it</a>' in listed
    assert "END" in whole


async def test_an_event_leads_to_its_parent_and_to_what_it_belongs_to(settings: Settings) -> None:
    trade_id = "00000000-0000-5000-8000-00000000000a"
    async with looking(settings, LATER) as (app, its):
        parent, child = await app.deps.store.append(
            "alerts",
            [noted(0), noted(1, payload={**noted(1).payload, "trade_id": trade_id})],
        )
        page = (await its.get(f"/events/{child.position}")).text
        up = await its.get(f"/events/{child.parent_event_id}")

    assert f'href="/events/{parent.event_id}"' in page
    assert f'href="/approvals/{trade_id}"' in page
    assert f'href="/weeks/{child.week_id}"' in page
    assert f'href="/accounts/{child.account_id}"' in page
    assert (up.status_code, up.headers["location"]) == (303, f"/events/{parent.position}")


async def test_an_event_that_is_none_is_not_found(settings: Settings) -> None:
    nowhere = ("0", "99", "-1", "01", "1e3", "9" * 30, "x", str(meaning_id("no such event")))
    async with looking(settings, LATER) as (app, its):
        await stored(app, 4)
        paths = [f"/events/{where}" for where in nowhere]
        paths += ["/events?before=x", f"/events?after={'9' * 30}"]
        answers = {path: (await its.get(path)).status_code for path in paths}

    assert answers == dict.fromkeys(paths, 404)


def test_every_json_value_reads_back_from_what_is_shown() -> None:
    value = {"a": [1, 2.5, None, True], "b": "ü ✓ 中 \u2028 \x00 \U000e0041 \ufeff", "\u200d": ""}

    shown = shown_json(value)

    assert json.loads(shown) == value
    assert "ü ✓ 中" in shown
    assert not re.search("[\u2028\x00\U000e0041\ufeff\u200d]", shown)
