"""Requests that would change something and that no page of ours sent: every route refuses them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from mcp_server.web.sessions import PLAIN_NAME
from mcp_server.web.site_guard import MOST_FORM_BYTES
from tests.mcp_server.forged import FORM, JSON, Sent, Visit, routes_of, status_of, visiting
from tests.mcp_server.web import raw

Forge = Callable[[Sent, Visit], Sent]
OPEN: Final = ("/sign-in", "/halt")
"""What needs no session: to begin one, and what anybody may stop who may look."""
_OTHER: Final = "0" * 64
"""Looks like what a form carries, and is not."""

BY_OTHERS: dict[str, Forge] = {
    "a foreign origin": lambda sent, _: sent.showing("Origin", "https://evil.example"),
    "no origin to speak of": lambda sent, _: sent.showing("Origin", "null"),
    "another port": lambda sent, _: sent.showing("Origin", "http://127.0.0.1:1"),
    "an empty origin": lambda sent, _: sent.showing("Origin", ""),
    "two origins": lambda sent, _: sent.showing(
        "Origin", dict(sent.headers)["Origin"], "http://evil.example"
    ),
    "the same origin twice": lambda sent, _: sent.showing(
        "Origin", *[dict(sent.headers)["Origin"]] * 2
    ),
    "another site": lambda sent, _: sent.showing("Sec-Fetch-Site", "cross-site"),
    "a neighbour": lambda sent, _: sent.showing("Sec-Fetch-Site", "same-site"),
    "nobody's page": lambda sent, _: sent.showing("Sec-Fetch-Site", "none"),
    "two sites": lambda sent, _: sent.showing("Sec-Fetch-Site", "same-origin", "cross-site"),
    "another site, its origin withheld": lambda sent, _: sent.without("Origin").showing(
        "Sec-Fetch-Site", "cross-site"
    ),
    "no word of where from": lambda sent, _: sent.without("Origin", "Sec-Fetch-Site"),
}
OF_NO_SESSION: dict[str, Forge] = {
    "no cookie": lambda sent, _: sent.without("Cookie"),
    "a made-up cookie": lambda sent, _: sent.showing("Cookie", f"{PLAIN_NAME}=v1.AAAA"),
    "the cookie of another name": lambda sent, its: sent.showing("Cookie", f"id={its.cookie}"),
    "no token": lambda sent, _: sent.without("X-CSRF-Token"),
    "an empty token": lambda sent, _: sent.showing("X-CSRF-Token", ""),
    "a wrong token": lambda sent, _: sent.showing("X-CSRF-Token", _OTHER),
    "the token of another session": lambda sent, its: sent.showing("X-CSRF-Token", its.other_csrf),
    "a right and a wrong token": lambda sent, its: sent.showing("X-CSRF-Token", its.csrf, _OTHER),
    "the cookie as token": lambda sent, its: sent.showing("X-CSRF-Token", its.cookie),
    "a token beyond ASCII": lambda sent, _: sent.showing("X-CSRF-Token", "ä" * 64),
}
OF_ANOTHER_TYPE: dict[str, Forge] = {
    "plain text": lambda sent, _: sent.showing("Content-Type", "text/plain"),
    "parts": lambda sent, _: sent.showing("Content-Type", "multipart/form-data; boundary=x"),
    "no type": lambda sent, _: sent.without("Content-Type"),
    "two types": lambda sent, _: sent.showing("Content-Type", FORM, JSON),
}
TOO_LARGE: dict[str, Forge] = {
    "sent": lambda sent, _: replace(sent, body="x" * (MOST_FORM_BYTES + 1)),
    "announced": lambda sent, _: sent.showing("Content-Length", f"{MOST_FORM_BYTES}0"),
    "announced beyond measure": lambda sent, _: sent.showing("Content-Length", "9" * 19),
}


async def answers_to(
    home: Path, forges: Mapping[str, Forge], *, but: Collection[str] = ()
) -> dict[str, bytes]:
    """Send each forged request to every route that takes something; nobody may be signed out."""
    routes = [
        (method, path) for method, path in await routes_of(home, unsafe=True) if path not in but
    ]
    async with visiting(home) as its:
        answers = {
            f"{name}: {method} {path}": await its.answer(
                forge(its.rightly(path), its), path, method
            )
            for name, forge in forges.items()
            for method, path in routes
        }
        assert await its.is_signed_in()
    assert len(answers) == len(forges) * len(routes) > 0
    return answers


def assert_refused(answers: Mapping[str, bytes], *statuses: int) -> None:
    assert {
        name: status_of(its) for name, its in answers.items() if status_of(its) not in statuses
    } == {}
    assert [
        name for name, its in answers.items() if b"Traceback" in its or b"et-cookie" in its
    ] == []


async def test_what_a_page_of_another_site_sends_is_refused(tmp_path: Path) -> None:
    answers = await answers_to(tmp_path, BY_OTHERS)

    assert_refused(answers, 403)


async def test_what_no_form_of_this_session_sends_is_refused(tmp_path: Path) -> None:
    answers = await answers_to(tmp_path, OF_NO_SESSION, but=OPEN)

    assert_refused(answers, 401, 403)


async def test_a_body_of_another_type_is_refused(tmp_path: Path) -> None:
    answers = await answers_to(tmp_path, OF_ANOTHER_TYPE)

    assert_refused(answers, 415)


async def test_a_body_too_large_is_refused(tmp_path: Path) -> None:
    answers = await answers_to(tmp_path, TOO_LARGE)

    assert_refused(answers, 413)


async def test_under_another_name_nothing_is_answered(tmp_path: Path) -> None:
    async with visiting(tmp_path) as its:
        answers = {
            f"{method} {path} {host}": await its.answer(as_if_at(host, its), path, method)
            for host in (f"evil.example:{its.port}", f"127.0.0.1.evil.example:{its.port}", "x")
            for method, path in (("POST", "/sign-in"), ("POST", "/sign-out"), ("GET", "/sign-in"))
        }
        stands = await its.is_signed_in()

    assert_refused(answers, 421)
    assert stands


def as_if_at(host: str, its: Visit) -> Sent:
    """Return what a browser sends whose page's name has come to point at us."""
    return its.rightly("/sign-out").showing("Host", host).showing("Origin", f"http://{host}")


async def test_a_form_of_this_session_is_taken(tmp_path: Path) -> None:
    async with visiting(tmp_path) as its:
        in_header = its.rightly("/sign-out")
        in_field = replace(in_header.without("X-CSRF-Token"), body=f"csrf={its.csrf}")
        by_field = await its.answer(in_field, "/sign-out")
        again = await its.answer(in_field, "/sign-out")

    assert status_of(by_field) == 303
    assert status_of(again) == 403


async def test_what_a_page_of_ours_sends_reaches_every_route(tmp_path: Path) -> None:
    routes = await routes_of(tmp_path, unsafe=True)
    async with visiting(tmp_path) as its:
        answers = {
            f"{method} {path}": await its.answer(its.rightly(path), path, method)
            for method, path in routes
            if path not in {"/sign-in", "/sign-out"}
        }

    refused = {401, 403, 413, 415, 421}
    assert answers
    assert [name for name, answer in answers.items() if status_of(answer) in refused] == []


@pytest.mark.parametrize("left_out", ["Origin", "Sec-Fetch-Site"])
async def test_of_origin_and_site_one_is_enough(tmp_path: Path, left_out: str) -> None:
    async with visiting(tmp_path) as its:
        answer = await its.answer(its.rightly("/sign-out").without(left_out), "/sign-out")

    assert status_of(answer) == 303


async def test_a_token_given_twice_must_be_right_twice(tmp_path: Path) -> None:
    bodies = ("csrf={csrf}&csrf=0", "csrf=0&csrf={csrf}", "CSRF={csrf}", "csrf={csrf}0")

    answers = await answers_of(tmp_path, bodies)

    assert_refused(answers, 403)


async def test_a_damaged_form_is_a_bad_request(tmp_path: Path) -> None:
    bodies = ("csrf={csrf}&b=%ff", "csrf={csrf}&" * 101, "csrf={csrf}\x80", "csrf=%ed%a0%80")

    answers = await answers_of(tmp_path, bodies)

    assert_refused(answers, 400)


async def answers_of(home: Path, bodies: Sequence[str]) -> dict[str, bytes]:
    """Send forms with no token but what is in them; nobody may be signed out."""
    async with visiting(home) as its:
        sent = its.rightly("/sign-out").without("X-CSRF-Token")
        answers = {
            body: await its.answer(replace(sent, body=body.format(csrf=its.csrf)), "/sign-out")
            for body in bodies
        }
        assert await its.is_signed_in()
    return answers


async def test_a_form_of_unsaid_length_is_read_no_further_than_it_may_be(tmp_path: Path) -> None:
    async with visiting(tmp_path) as its:
        sent = its.rightly("/sign-out").showing("Transfer-Encoding", "chunked")
        head = replace(sent, body="").to("/sign-out").replace("Content-Length: 0\r\n", "")
        chunk = f"{4096:x}\r\n{'x' * 4096}\r\n"
        answer = await raw(its.port, head + chunk * (MOST_FORM_BYTES // 4096 + 1) + "0\r\n\r\n")

    assert status_of(answer) == 413


async def test_a_refusal_is_one_sentence_and_the_way_back(tmp_path: Path) -> None:
    async with visiting(tmp_path) as its:
        sent = its.rightly("/sign-out").without("Cookie")
        named = sent.showing("Referer", f"http://127.0.0.1:{its.port}/approvals/t-1")
        answer = (await its.answer(named, "/sign-out")).decode()

    assert "<p>Nothing was changed: nobody is signed in, or the session is over." in answer
    assert 'href="/sign-in?next=/approvals/t-1"' in answer


async def test_an_odd_word_of_where_a_request_came_from_is_no_fault_of_ours(tmp_path: Path) -> None:
    async with visiting(tmp_path) as its:
        sent = its.rightly("/sign-out").without("Cookie").showing("Referer", "http://[")
        answer = (await its.answer(sent, "/sign-out")).decode()

    assert status_of(answer.encode()) == 403
    assert 'href="/sign-in?next=/approvals"' in answer
