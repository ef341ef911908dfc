"""How long the page knows a person: sessions begin anew, end for good, and are nobody else's."""

import json
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mcp.server.request_state import AESGCMRequestStateCodec

from config.clock import FixedClock, VirtualClock
from mcp_server.nonces import Shown, issue_nonce
from mcp_server.passphrase import mark_of, set_passphrase
from mcp_server.web.sessions import LIFETIME, PLAIN_NAME
from mcp_server.web.signed_out import SignedOut
from tests.mcp_server.signing_in import CHEAP, SECRET, sent, signed_in, with_passphrase
from tests.mcp_server.web import NOW, browser, running

KNOWN = "You are signed in until"
FIRST_KEY, SECOND_KEY = "first-" * 8, "second-" * 8
SECOND = timedelta(seconds=1)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return with_passphrase(tmp_path / "home")


async def is_known(its: httpx2.AsyncClient, cookie: str | None = None) -> bool:
    """Whether the server knows the browser, or whoever shows that cookie instead."""
    headers = {} if cookie is None else {"Cookie": f"{PLAIN_NAME}={cookie}"}
    return KNOWN in (await its.get("/sign-in", headers=headers)).text


async def test_whoever_knows_the_passphrase_is_known_until_he_signs_out(home: Path) -> None:
    async with running(home) as transport, browser(transport) as its:
        before = await is_known(its)
        csrf = await signed_in(its)
        during = await is_known(its)
        left = await sent(its, "/sign-out", csrf=csrf)
        after = await is_known(its)

        kept = PLAIN_NAME in its.cookies

    assert (before, during, after, kept) == (False, True, False, False)
    assert left.headers["location"] == "/sign-in"


async def test_the_cookie_is_for_the_browser_and_this_site_alone(home: Path) -> None:
    async with running(home) as transport, browser(transport) as its:
        answer = await sent(its, "/sign-in", passphrase=SECRET)

    name, *marks = answer.headers["set-cookie"].split("; ")
    assert name.startswith(f"{PLAIN_NAME}=v1.")
    assert sorted(marks) == ["HttpOnly", "Max-Age=900", "Path=/", "SameSite=strict"]
    assert answer.headers["cache-control"] == "no-store"


async def test_a_session_from_before_the_sign_in_is_never_taken_over(home: Path) -> None:
    async with running(home) as transport, browser(transport) as attacker:
        await signed_in(attacker)
        planted = attacker.cookies[PLAIN_NAME]
        async with browser(transport) as victim:
            victim.cookies.set(PLAIN_NAME, planted, domain="127.0.0.1")
            answer = await sent(victim, "/sign-in", passphrase=SECRET)
        fresh = answer.cookies[PLAIN_NAME]
        known = [await is_known(attacker, cookie) for cookie in (planted, fresh)]

    assert known == [False, True]


async def test_a_copied_cookie_is_worthless_after_the_sign_out_at_every_server(home: Path) -> None:
    async with (
        running(home) as one,
        running(home) as other,
        browser(one) as its,
        browser(other) as thief,
    ):
        csrf = await signed_in(its)
        copied = its.cookies[PLAIN_NAME]
        before = await is_known(thief, copied)
        await sent(its, "/sign-out", csrf=csrf)
        after = [await is_known(own, copied) for own in (its, thief)]
        async with running(home) as later, browser(later) as again:
            after.append(await is_known(again, copied))

    assert (before, after) == (True, [False] * 3)


async def test_signing_out_ends_one_session_and_no_other(home: Path) -> None:
    async with running(home) as transport, browser(transport) as one, browser(transport) as other:
        csrf = await signed_in(one)
        await signed_in(other)
        await sent(one, "/sign-out", csrf=csrf)
        known = [await is_known(its) for its in (one, other)]

    assert known == [False, True]


def test_what_was_ended_is_remembered_for_as_long_as_it_would_have_lasted(home: Path) -> None:
    ended = SignedOut.in_home(home)
    ended.add("first", NOW + LIFETIME, now=NOW)
    ended.add("second", NOW + LIFETIME + SECOND, now=NOW + SECOND)
    both = [ended.has(own) for own in ("first", "second", "third")]

    ended.add("third", NOW + 2 * LIFETIME, now=NOW + LIFETIME)

    assert both == [True, True, False]
    assert [ended.has(own) for own in ("first", "second", "third")] == [False, True, True]
    assert "second" not in ended.path.read_text()


async def test_a_session_is_over_after_fifteen_minutes_however_busy_it_was(home: Path) -> None:
    clock = VirtualClock(NOW)
    async with running(home, clock=clock) as transport, browser(transport) as its:
        csrf = await signed_in(its)
        cookie = its.cookies[PLAIN_NAME]
        clock.advance_to(NOW + LIFETIME - SECOND)
        before = await is_known(its, cookie)
        clock.advance_to(NOW + LIFETIME)
        after = await is_known(its, cookie)
        form = await sent(its, "/sign-out", csrf=csrf)

    assert (before, after) == (True, False)
    assert form.status_code == 403
    assert "the session is over" in form.text


async def test_a_session_from_a_later_time_is_none(home: Path) -> None:
    async with running(home) as now, running(home, clock=FixedClock(NOW + SECOND)) as later:
        async with browser(later) as its:
            await signed_in(its)
            cookie = its.cookies[PLAIN_NAME]
        async with browser(now) as its:
            known = await is_known(its, cookie)

    assert not known


async def test_a_changed_passphrase_ends_every_session(home: Path) -> None:
    async with running(home) as transport, browser(transport) as its:
        await signed_in(its)
        set_passphrase(home, "another passphrase", cost=CHEAP)
        after = await is_known(its)
        set_passphrase(home, SECRET, cost=CHEAP)
        restored = await is_known(its)

    assert (after, restored) == (False, False)


async def test_without_a_passphrase_every_session_is_over(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running(home) as transport, browser(transport) as its:
        await signed_in(its)
        (home / "passphrase.json").unlink()
        shown = (await its.get("/sign-in")).text

    assert KNOWN not in shown
    assert "<code>council passphrase</code>" in shown
    assert "unreadable" not in capsys.readouterr().out


@pytest.mark.parametrize("name", ["passphrase.json", "signed-out.json"])
async def test_while_a_file_is_damaged_nobody_is_known(home: Path, name: str) -> None:
    async with running(home) as transport, browser(transport) as its:
        await signed_in(its)
        (home / name).write_text("{")
        known = await is_known(its)
        again = await sent(its, "/sign-in", passphrase=SECRET)

    assert not known
    assert again.status_code == 403
    assert f"{name} is damaged" in again.text


async def test_a_session_sealed_under_another_key_is_none(home: Path) -> None:
    async def cookie_under(key: str, shown: str | None = None) -> tuple[str, bool]:
        variables = {"COUNCIL_STATE_KEY": key}
        async with running(home, variables=variables) as transport, browser(transport) as its:
            known = shown is not None and await is_known(its, shown)
            await signed_in(its)
            return its.cookies[PLAIN_NAME], known

    cookie, _ = await cookie_under(FIRST_KEY)

    assert (await cookie_under(FIRST_KEY, cookie))[1]
    assert not (await cookie_under(SECOND_KEY, cookie))[1]


async def test_what_else_we_sealed_is_no_session(home: Path) -> None:
    key = FIRST_KEY.encode()
    content = json.dumps(["an id", NOW.timestamp(), mark_of(home)]).encode()
    form = AESGCMRequestStateCodec([key]).seal(content)
    nonce = issue_nonce(Shown("t-1", "d", 1), [key], now=NOW)
    variables = {"COUNCIL_STATE_KEY": FIRST_KEY}

    async with running(home, variables=variables) as transport, browser(transport) as its:
        known = [await is_known(its, own) for own in (form, nonce)]

    assert known == [False, False]


async def test_a_session_changed_in_any_place_is_none(home: Path) -> None:
    async with running(home) as transport, browser(transport) as its:
        await signed_in(its)
        cookie = its.cookies[PLAIN_NAME]
        its.cookies.clear()
        changed = [
            f"{cookie[:at]}{'B' if cookie[at] == 'A' else 'A'}{cookie[at + 1 :]}"
            for at in range(0, len(cookie) - 1, 7)
        ]
        known = [
            own for own in (*changed, cookie[:-4], f"{cookie}AAAA") if await is_known(its, own)
        ]

    assert known == []


@given(cookie=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=2_000))
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_any_cookie_of_others_is_nobodys(home: Path, cookie: str) -> None:
    async with running(home) as transport, browser(transport) as its:
        answer = await its.get("/sign-in", headers={"Cookie": f"{PLAIN_NAME}={cookie}"})

    assert answer.status_code == 200
    assert KNOWN not in answer.text
