"""Signing in on the page: whose tries count, what the answers say, and where they lead."""

import re
from datetime import timedelta
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from config.clock import VirtualClock
from mcp_server.passphrase import LOCKED_FOR, TRIES
from mcp_server.web.sessions import PLAIN_NAME
from mcp_server.web.sign_in import local_address, sign_in_address
from tests.mcp_server.signing_in import SECRET, sent, signed_in, with_passphrase
from tests.mcp_server.web import NOW, ORIGIN, browser, running

SECOND = timedelta(seconds=1)
ELSEWHERE = (
    "https://evil.example",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\/evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "/approvals//evil.example",
    "javascript:alert(1)",
    "evil.example",
    "/approvals#x",
    "/approvals\r\nSet-Cookie: a=b",
    "/approvals?next=https://evil.example\\",
    "/sign-out",
    "/sign-in?next=/sign-in",
    "/sign-in/",
    "/" + "x" * 500,
    "/\x00",
    "/\u2028",
    "",
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return with_passphrase(tmp_path / "home")


async def test_five_wrong_tries_lock_the_page_for_fifteen_minutes(home: Path) -> None:
    clock = VirtualClock(NOW)
    async with running(home, clock=clock) as transport, browser(transport) as its:
        wrong = [await sent(its, "/sign-in", passphrase=f"guess {n}") for n in range(TRIES)]
        right = await sent(its, "/sign-in", passphrase=SECRET)
        clock.advance_to(NOW + LOCKED_FOR - SECOND)
        early = await sent(its, "/sign-in", passphrase=SECRET)
        clock.advance_to(NOW + LOCKED_FOR)
        late = await sent(its, "/sign-in", passphrase=SECRET)

    statuses = [answer.status_code for answer in (*wrong, right, early, late)]
    assert statuses == [403] * (TRIES - 1) + [429, 429, 429, 303]
    assert "4 tries left" in wrong[0].text
    assert "locked until 12:15 UTC" in right.text
    assert not [answer for answer in (*wrong, right, early) if "set-cookie" in answer.headers]


async def test_tries_at_two_servers_are_counted_together(home: Path) -> None:
    async with running(home) as one, running(home) as other, browser(one) as a, browser(other) as b:
        tries = [await sent((a, b)[n % 2], "/sign-in", passphrase="guess") for n in range(TRIES)]
        right = await sent(b, "/sign-in", passphrase=SECRET)

    assert [answer.status_code for answer in tries] == [403] * (TRIES - 1) + [429]
    assert right.status_code == 429


async def test_a_try_that_another_site_sends_is_not_counted(home: Path) -> None:
    async with running(home) as transport, browser(transport) as its:
        for _ in range(TRIES):
            await its.post(
                "/sign-in",
                data={"passphrase": "guess"},
                headers={"Origin": ORIGIN, "Sec-Fetch-Site": "cross-site"},
            )
        right = await sent(its, "/sign-in", passphrase=SECRET)

    assert right.status_code == 303


async def test_the_wrong_passphrase_shows_the_form_again_and_why(home: Path) -> None:
    async with running(home) as transport, browser(transport) as its:
        answer = await sent(its, "/sign-in", passphrase="<b>guess</b>", next="/weeks")

    assert answer.status_code == 403
    assert 'role="alert">Wrong passphrase, nothing was changed; 4 tries left' in answer.text
    assert 'name="next" value="/weeks"' in answer.text
    assert "guess" not in answer.text


async def test_without_a_passphrase_the_page_says_how_to_set_one(tmp_path: Path) -> None:
    async with running(tmp_path) as transport, browser(transport) as its:
        shown = await its.get("/sign-in")
        answer = await sent(its, "/sign-in", passphrase="")

    assert "<pre><code>council passphrase</code></pre>" in shown.text
    assert 'type="password"' not in shown.text
    assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)
    assert "No passphrase is set" in answer.text


async def test_whoever_signs_in_comes_to_the_page_that_was_asked_for(home: Path) -> None:
    async with running(home) as transport, browser(transport) as its:
        form = await its.get(sign_in_address("/weeks?after=2026-11-18&x=a%20b"))
        found = re.search(r'name="next" value="([^"]+)"', form.text)
        assert found is not None
        address = found[1].replace("&amp;", "&")
        answer = await sent(its, "/sign-in", passphrase=SECRET, next=address)

    assert answer.headers["location"] == "/weeks?after=2026-11-18&x=a%20b"


async def test_nobody_is_sent_to_another_site(home: Path) -> None:
    async with running(home) as transport, browser(transport) as its:
        found = [
            (await sent(its, "/sign-in", passphrase=SECRET, next=own)).headers["location"]
            for own in ELSEWHERE
        ]

    assert found == ["/approvals"] * len(ELSEWHERE)


@given(st.text(st.sampled_from("/\\.:@?#%&=\t\n evil"), max_size=20).map("/".__add__))
def test_an_address_to_come_back_to_is_a_path_of_ours(text: str) -> None:
    address = local_address(text)

    assert urlsplit(urljoin(f"{ORIGIN}/sign-in", address))[:2] == urlsplit(ORIGIN)[:2]
    assert "//" not in urlsplit(address).path
    assert not re.search(r"[\\\s\x00-\x1f#]", address)


async def test_who_is_signed_in_reads_so_on_every_page(home: Path) -> None:
    async with running(home) as transport, browser(transport) as its:
        nobody = (await its.get("/nowhere")).text
        await signed_in(its)
        someone = (await its.get("/nowhere")).text

    assert '<a href="/sign-in?next=/nowhere">Sign in</a>' in nobody
    assert "Signed in until 07:15 New York" in someone
    assert 'action="/sign-out"' in someone


async def test_neither_page_nor_log_shows_what_was_typed_or_given(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("The comparison broke.")

    with capture_logs() as logged:
        async with running(home) as transport, browser(transport) as its:
            answers = [await sent(its, "/sign-in", passphrase="canary guess", next="/canary path")]
            answers.append(await its.get(f"/sign-in?passphrase={SECRET}&next=/x?p={SECRET}"))
            csrf = await signed_in(its)
            cookie = its.cookies[PLAIN_NAME]
            answers += [await its.get(path) for path in ("/sign-in", "/approvals", "/nowhere")]
            with monkeypatch.context() as patch:
                patch.setattr("mcp_server.passphrase.verify", broken)
                with pytest.raises(RuntimeError, match="comparison broke"):
                    await sent(its, "/sign-in", passphrase=SECRET)
            answers.append(await sent(its, "/sign-out", csrf=csrf))

    said = capsys.readouterr()
    written = f"{said.out}{said.err}{logged}"
    everything = "\n".join((*(answer.text for answer in answers), written))
    assert "session.began" in everything
    assert not [word for word in ("canary", SECRET, cookie) if word in everything]
    assert csrf not in written
