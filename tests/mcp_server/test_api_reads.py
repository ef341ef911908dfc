"""What the API reads: every page of a list, and nothing sent twice that has not changed."""

import asyncio
import re
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.mcp_server.api import READS, asking, code_of
from tests.mcp_server.conftest import OpenApp


async def test_readings_are_what_the_command_line_prints_and_change_nothing(
    open_app: OpenApp, tmp_path: Path
) -> None:
    async with asking(open_app, tmp_path) as its:
        before = await its.head()
        ticket = its.tickets[0]
        one = f"/api/trades/{ticket.trade_id}"
        answers = {
            path: await its.here.get(path) for path in (*READS, one, f"/api/weeks/{ticket.week_id}")
        }
        after = await its.head()

    assert {answer.status_code for answer in answers.values()} == {200}
    assert {answer.headers["cache-control"] for answer in answers.values()} == {"private, no-cache"}
    assert len(answers["/api/pending-trades"].json()["trades"]) == 6
    assert answers[one].json()["digest"] == ticket.digest
    assert answers[one].json()["exposure"]["trades"] == 1
    assert answers["/api/status"].json()["pending"] == 6
    assert answers["/api/events"].json()["events"][0]["event_type"] == "WeekStarted"
    assert answers["/api/weeks"].json()["weeks"][0]["decision"]["instrument"] == "TLT"
    assert before == after


async def all_pages(its: httpx2.AsyncClient, path: str, name: str) -> list[dict[str, Any]]:
    """Follow the links of a list; returns the items of all of its pages."""
    found: list[dict[str, Any]] = []
    following: str | None = path
    while following is not None:
        answer = await its.get(following)
        body = answer.json()
        found += body[name]
        link = re.fullmatch(r'<(.+)>; rel="next"', answer.headers.get("link", ""))
        assert (link is None) is (body["next"] is None)
        following = link[1] if link else None
    return found


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/api/trades?limit=4", "trade_id"),
        ("/api/trades?limit=2&status=pending", "trade_id"),
        ("/api/pending-trades?limit=1", "trade_id"),
        ("/api/events?limit=7&order=newest", "position"),
        ("/api/events?limit=7", "position"),
    ],
)
async def test_the_pages_of_a_list_together_are_the_list(
    open_app: OpenApp, tmp_path: Path, path: str, key: str
) -> None:
    name = "events" if key == "position" else "trades"
    async with asking(open_app, tmp_path) as its:
        whole = (await its.here.get(re.sub(r"limit=\d+", "limit=100", path))).json()[name]
        found = await all_pages(its.here, path, name)

    ids = [item[key] for item in found]
    assert len(ids) == len(set(ids)) == len(whole)
    assert set(ids) == {item[key] for item in whole}
    if key == "position":
        assert ids == sorted(ids, reverse="newest" in path)


async def test_a_trade_decided_between_two_pages_makes_none_be_passed_over(
    open_app: OpenApp, tmp_path: Path
) -> None:
    async with asking(open_app, tmp_path) as its, its.holder("approve") as holder:
        first = (await its.here.get("/api/pending-trades?limit=3")).json()
        shown = [trade["trade_id"] for trade in first["trades"]]
        await holder.post(f"/api/trades/{shown[-1]}/reject", json={"reason": "Too late."})
        await holder.post(f"/api/trades/{shown[0]}/reject", json={"reason": "Too late."})
        second = (await its.here.get(f"/api/pending-trades?cursor={first['next']}")).json()

    others = {str(ticket.trade_id) for ticket in its.tickets} - set(shown)
    assert {trade["trade_id"] for trade in second["trades"]} == others


async def test_lists_are_narrowed_by_what_is_asked_for(open_app: OpenApp, tmp_path: Path) -> None:
    async with asking(open_app, tmp_path) as its:
        week, council = its.tickets[0].week_id, its.tickets[-1].account

        async def found(query: str, name: str) -> list[Any]:
            return list((await its.here.get(f"/api/{query}")).json()[name])

        own = await found(f"trades?account={council}&week={week}&status=pending", "trades")
        none = await found(f"trades?status=open&week={week}", "trades")
        streams = await found("events?stream=trade-&limit=100", "events")
        kinds = await found(f"events?type=PitchMade&week={week}&account=GEMINI", "events")

    assert [trade["account"] for trade in own] == [council]
    assert none == []
    assert {event["event_type"] for event in streams} == {"TradeProposed"}
    assert [event["account_id"] for event in kinds] == ["GEMINI"]


async def test_what_has_not_changed_is_not_sent_again(open_app: OpenApp, tmp_path: Path) -> None:
    quiet = [path for path in READS if path != "/api/status"]
    async with asking(open_app, tmp_path) as its, its.holder("approve") as holder:
        tags = {path: (await its.here.get(path)).headers["etag"] for path in quiet}
        again = {
            path: await its.here.get(path, headers={"If-None-Match": f'"x", W/{tag}'})
            for path, tag in tags.items()
        }
        await holder.post(f"/api/trades/{its.tickets[0].trade_id}/reject", json={"reason": "No."})
        changed = {
            path: await its.here.get(path, headers={"If-None-Match": tags[path]})
            for path in ("/api/pending-trades", "/api/trades")
        }

    assert {answer.status_code for answer in again.values()} == {304}
    assert {answer.content for answer in again.values()} == {b""}
    assert {path: answer.headers["etag"] for path, answer in again.items()} == tags
    assert {answer.status_code for answer in changed.values()} == {200}


async def test_head_answers_like_get_without_a_body(open_app: OpenApp, tmp_path: Path) -> None:
    async with asking(open_app, tmp_path) as its:
        whole, head = await its.here.get("/api/trades"), await its.here.head("/api/trades")

    assert (head.status_code, head.content) == (200, b"")
    for name in ("etag", "content-length", "content-type", "cache-control"):
        assert head.headers[name] == whole.headers[name]


async def test_a_trade_is_found_by_the_start_of_its_id(open_app: OpenApp, tmp_path: Path) -> None:
    async with asking(open_app, tmp_path) as its:
        text = str(its.tickets[0].trade_id)
        found = await its.here.get(f"/api/trades/{text[:8]}")
        missing = [
            code_of(await its.here.get(f"/api/{path}"))
            for path in (
                "trades/00000000-0000-0000-0000-000000000000",
                f"trades/{text[:5]}",
                "trades/NO",
                "trades/%00%00%00%00%00%00",
                "weeks/2026-11-11",
                "weeks/2026-11-19",
                "weeks/last",
            )
        ]

    assert found.json()["trade_id"] == text
    assert missing == [(404, "unknown_trade")] * 4 + [(404, "unknown_week")] * 3


async def test_the_leaderboard_is_measured_anew_once_the_log_has_grown(
    open_app: OpenApp, tmp_path: Path
) -> None:
    async with asking(open_app, tmp_path) as its, its.holder("approve") as holder:
        first = (await its.here.get("/api/leaderboard")).json()
        second = (await its.here.get("/api/leaderboard")).json()
        await holder.post(f"/api/trades/{its.tickets[0].trade_id}/reject", json={"reason": "No."})
        third = (await its.here.get("/api/leaderboard")).json()

    assert first == second
    assert third["until_at"] > first["until_at"]


async def test_whoever_asks_at_the_same_time_is_answered_by_one_measuring(
    open_app: OpenApp, tmp_path: Path
) -> None:
    async with asking(open_app, tmp_path) as its:
        answers = await asyncio.gather(*(its.here.get("/api/leaderboard") for _ in range(5)))

    assert len({answer.json()["until_at"] for answer in answers}) == 1
