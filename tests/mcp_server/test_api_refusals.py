"""Requests that cannot be answered: each is refused with a problem document, none with a fault."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import config.errors
import council.errors
import mcp_server.passphrase
import store.errors
from config.errors import CouncilError
from mcp_server.host import Host
from mcp_server.web.api.problems import STATUSES, status_of
from mcp_server.web.site_guard import MOST_FORM_BYTES
from tests.mcp_server.api import PROBLEM, READS, approve_path, asking, code_of, shown
from tests.mcp_server.conftest import OpenApp
from tests.mcp_server.web import browser, made_token, nothing, running

JSON = {"Content-Type": "application/json"}
MALFORMED: dict[str, tuple[bytes, int]] = {
    "nothing": (b"", 400),
    "no JSON": (b"{", 400),
    "no text": (b'{"digest": "\xff"}', 400),
    "a list": (b"[]", 422),
    "null": (b"null", 422),
    "twins": (b'{"digest": "a", "digest": "b"}', 400),
    "no number": (b'{"round": NaN}', 400),
    "no finite number": (b'{"round": -Infinity}', 400),
    "thousands of digits": (b'{"round": ' + b"9" * 5_000 + b"}", 400),
    "NUL": (b'{"confirmation": "\\u0000"}', 400),
    "half a character": (b'{"confirmation": "\\ud800"}', 400),
    "half a character as a name": (b'{"\\udfff": 1}', 400),
    "nesting without end": (b"[" * 30_000, 400),
    "deep nesting": (b"[" * 300 + b"]" * 300, 400),
    "a field too many": (b'{"digest": "' + b"0" * 64 + b'", "by": "anna"}', 422),
    "no digest": (b"{}", 422),
    "no such round": (b'{"digest": "' + b"0" * 64 + b'", "round": "1"}', 422),
    "a half round": (b'{"digest": "' + b"0" * 64 + b'", "round": 1.5}', 422),
    "too large": (b" " * (MOST_FORM_BYTES + 1), 413),
}


async def test_a_body_that_cannot_be_used_is_refused_and_changes_nothing(
    open_app: OpenApp, tmp_path: Path
) -> None:
    async with asking(open_app, tmp_path) as its, its.holder("approve") as holder:
        path, before = approve_path(its.tickets[0]), await its.head()
        answers = {
            name: code_of(await holder.post(path, content=body, headers=JSON))[0]
            for name, (body, _) in MALFORMED.items()
        }
        odd = {
            "form": {"Content-Type": "application/x-www-form-urlencoded"},
            "text": {"Content-Type": "text/plain"},
            "none": {},
            "zipped": {**JSON, "Content-Encoding": "gzip"},
        }
        body = json.dumps(shown(its.tickets[0])).encode()
        types = [
            code_of(await holder.post(path, content=body, headers=its_)) for its_ in odd.values()
        ]

        assert await its.head() == before

    assert answers == {name: status for name, (_, status) in MALFORMED.items()}
    assert types == [(415, "unsupported_type")] * 4


UNASKABLE: dict[str, int] = {
    "trades?limit=0": 400,
    "trades?limit=101": 400,
    "trades?limit=1_0": 400,
    "trades?limit=%D9%A1": 400,
    "trades?limit=1&limit=2": 400,
    "trades?status=lost": 400,
    "trades?week=2026-11": 400,
    "trades?week=2026-11-19": 422,
    "trades?account=%00": 400,
    "trades?cursor=%ED%A0%80": 400,
    "trades?cursor=W10": 422,
    "trades?cursor=bnVsbA": 422,
    "trades?colour=red": 400,
    "pending-trades?status=open": 400,
    "weeks?cursor=x": 400,
    "costs?week=2026-02-30": 422,
    "events?cursor=-1": 400,
    "events?cursor=9999999999999999999": 400,
    "events?order=up": 400,
    "status?x=": 400,
    "openapi.json?x=1": 400,
    "no-such-thing": 404,
    "": 404,
    "trades/": 404,
}


async def test_what_cannot_be_asked_is_refused(open_app: OpenApp, tmp_path: Path) -> None:
    host = Host(open_app, nothing)
    async with running(tmp_path, host=host) as transport, browser(transport) as its:
        answers = {path: code_of(await its.get(f"/api/{path}"))[0] for path in UNASKABLE}

    assert answers == UNASKABLE


async def test_a_cursor_belongs_to_its_own_list(open_app: OpenApp, tmp_path: Path) -> None:
    async with asking(open_app, tmp_path) as its:
        cursor = (await its.here.get("/api/trades?limit=2")).json()["next"]
        answer = await its.here.get(f"/api/trades?status=pending&cursor={cursor}")

    assert code_of(answer) == (422, "foreign_cursor")


async def test_other_methods_and_other_formats_are_refused(
    open_app: OpenApp, tmp_path: Path
) -> None:
    async with asking(open_app, tmp_path) as its, its.holder("approve") as holder:
        methods = [
            await holder.request(method, path)
            for method, path in (
                ("DELETE", "/api/trades"),
                ("POST", "/api/trades"),
                ("OPTIONS", "/api/status"),
                ("GET", approve_path(its.tickets[0])),
                ("HEAD", approve_path(its.tickets[0])),
            )
        ]
        formats = [
            await its.here.get("/api/trades", headers={"Accept": kind})
            for kind in ("text/html", "application/json;q=0", "nonsense")
        ]
        taken = [
            (await its.here.get("/api/trades", headers={"Accept": kind})).status_code
            for kind in ("*/*", "text/html, application/*;q=0.1", "application/json; q=1", "")
        ]

    assert [(answer.status_code, answer.headers["allow"]) for answer in methods] == [
        *[(405, "GET, HEAD")] * 3,
        *[(405, "POST")] * 2,
    ]
    assert [code_of(answer) for answer in formats] == [(406, "not_acceptable")] * 3
    assert taken == [200] * 4


async def test_while_the_database_is_away_a_client_is_told_to_come_again(
    open_app: OpenApp, tmp_path: Path
) -> None:
    token = made_token(tmp_path, "approve")
    async with running(tmp_path) as transport, browser(transport, token) as its:
        answers = [await its.get(path) for path in READS]
        answers.append(await its.post("/api/trades/abcdef/reject", json={"reason": "No."}))

    assert [code_of(answer) for answer in answers] == [(503, "unavailable")] * len(answers)
    assert {answer.headers["retry-after"] for answer in answers} == {"5"}


async def test_a_fault_of_the_program_says_nothing_of_itself(
    open_app: OpenApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with asking(open_app, tmp_path) as its:
        monkeypatch.setattr("mcp_server.operations.week_in_force", lambda _: 1 / 0)
        answer = await its.here.get("/api/status")

    assert code_of(answer) == (500, "unexpected")
    assert "division" not in answer.text


def kinds_of(*modules: Any) -> Iterator[type[CouncilError]]:
    for module in modules:
        for kind in vars(module).values():
            if isinstance(kind, type) and issubclass(kind, CouncilError):
                yield kind


def test_every_error_has_its_status_and_no_refusal_is_a_fault() -> None:
    modules = (config.errors, council.errors, store.errors, mcp_server.passphrase)
    found = {kind: status_of(kind("It is so."))[0] for kind in kinds_of(*modules)}

    assert len(found) > 30
    ours = {kind for kind, status in found.items() if status == 500}
    assert not [kind for kind in ours if issubclass(kind, config.errors.RefusedError)]
    assert not [kind for kind in ours if issubclass(kind, config.errors.UsageError)]
    assert {found[kind] for kind in found if kind.retryable} == {503}
    assert len({code for _, code in STATUSES.values()}) == len(STATUSES)
    assert PROBLEM == "application/problem+json"
