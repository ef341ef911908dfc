"""Looking at the page: it changes nothing, stands in no frame, and shows others nothing unasked."""

import asyncio
from pathlib import Path

import httpx2
import pytest

from mcp_server.host import Host
from mcp_server.web.serving import Asked
from mcp_server.web.sessions import SECURE_NAME
from tests.browser.scene import store_week
from tests.mcp_server.conftest import OpenApp
from tests.mcp_server.forged import routes_of
from tests.mcp_server.signing_in import (
    SAME_ORIGIN,
    SECRET,
    csrf_in,
    sent,
    signed_in,
    with_passphrase,
)
from tests.mcp_server.web import bearer, browser, made_token, nothing, running

PUBLIC = "https://council.example"
PUBLISHED = {"COUNCIL_WEB_URL": PUBLIC}
FORM = {"Origin": PUBLIC, "Sec-Fetch-Site": "same-origin"}
PERSON = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
NO_PAGES = ("/mcp", "/health", "/ready", "/metrics", "/live", "/.well-known/", "/api/", "/assets/")
MARKS = {
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return with_passphrase(tmp_path / "home")


async def pages_of(home: Path) -> list[str]:
    """Return the address of every page, with an x where it names something."""
    shown = await routes_of(home, unsafe=False)
    return sorted({path for _, path in shown if not path.startswith(NO_PAGES)})


def contents(home: Path) -> dict[str, bytes]:
    """Return every file of a home."""
    return {path.name: path.read_bytes() for path in home.iterdir()}


def remote(transport: httpx2.ASGITransport, **headers: str) -> httpx2.AsyncClient:
    """Return a person's browser on another machine, behind the proxy that speaks https."""
    headers = {**PERSON, "X-Forwarded-For": "192.0.2.7", **headers}
    return httpx2.AsyncClient(transport=transport, base_url=PUBLIC, headers=headers)


async def test_looking_changes_nothing(open_app: OpenApp, home: Path) -> None:
    reading = {path for _, path in await routes_of(home, unsafe=False)} - {"/mcp", "/live"}
    host = Host(open_app, nothing)
    async with running(home, host=host) as transport, browser(transport) as its:
        app = await host.app()
        ticket, *_ = await store_week(app)
        await signed_in(its)
        before, files = await app.deps.store.head(), contents(home)
        for path in sorted(reading):
            named = path.replace("/x", f"/{ticket.trade_id}")
            query = "" if path.startswith("/api/") else "?status=approved&approve=1&csrf=1"
            for method in ("GET", "HEAD"):
                answer = await its.request(method, f"{named}{query}")
                assert answer.status_code < 500, named
        after, left = await app.deps.store.head(), contents(home)

    assert after == before > 0
    assert left == files


async def test_every_page_stands_in_no_frame_and_in_no_cache(home: Path) -> None:
    paths = await pages_of(home)

    async with running(home) as transport, browser(transport) as its:
        answers = {path: await its.get(path) for path in (*paths, "/nowhere", "/sign-out")}
        answers["refused"] = await its.post("/sign-out", headers=SAME_ORIGIN)

    for name, answer in answers.items():
        if name != "/":  # leads on, and shows nothing
            assert {key: answer.headers.get(key) for key in MARKS} == MARKS, name
            assert "frame-ancestors 'none'" in answer.headers["content-security-policy"], name


async def test_a_fault_of_the_program_is_a_sentence(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("A canary in the works.")

    monkeypatch.setattr("mcp_server.web.sign_in.local_address", broken)
    async with running(home) as transport:
        quiet = httpx2.ASGITransport(app=transport.app, raise_app_exceptions=False)
        async with browser(quiet) as its:
            answer = await its.get("/sign-in")

    assert answer.status_code == 500
    assert "Something went wrong in the council itself" in answer.text
    assert "canary" not in answer.text
    assert answer.headers["x-frame-options"] == "DENY"


async def test_a_person_elsewhere_signs_in_before_he_reads(home: Path) -> None:
    made_token(home, "read")
    async with running(home, variables=PUBLISHED) as transport, remote(transport) as its:
        asked = await its.get("/approvals/t-1?x=1")
        form = await its.get(asked.headers["location"])
        fields = {"passphrase": SECRET, "next": "/approvals/t-1?x=1"}
        entered = await its.post("/sign-in", data=fields, headers=FORM)
        shown = await its.get("/approvals/t-1?x=1")
        csrf = csrf_in(shown.text)
        await its.post("/sign-out", data={"csrf": csrf}, headers=FORM)
        again = await its.get("/approvals")

    assert asked.status_code == 303
    assert asked.headers["location"] == "/sign-in?next=/approvals/t-1%3Fx%3D1"
    assert 'value="/approvals/t-1?x=1"' in form.text
    assert entered.headers["location"] == "/approvals/t-1?x=1"
    assert shown.status_code == 503  # the page itself, whose database is away here
    assert again.status_code == 303


async def test_by_https_the_cookie_is_bound_to_it(home: Path) -> None:
    made_token(home, "read")
    async with running(home, variables=PUBLISHED) as transport, remote(transport) as its:
        fields = {"passphrase": SECRET}
        answer = await its.post("/sign-in", data=fields, headers=FORM)

    name, *marks = answer.headers["set-cookie"].split("; ")
    assert name.startswith(f"{SECURE_NAME}=v1.")
    assert sorted(marks) == ["HttpOnly", "Max-Age=900", "Path=/", "SameSite=strict", "Secure"]


async def test_by_https_a_plain_cookie_is_no_session(home: Path) -> None:
    made_token(home, "read")
    async with running(home, variables=PUBLISHED) as transport:
        async with browser(transport) as local:
            await signed_in(local)
            cookie = local.cookies["council-session"]
        async with remote(transport, Cookie=f"council-session={cookie}") as its:
            by_plain_name = await its.get("/approvals")
        async with remote(transport, Cookie=f"{SECURE_NAME}={cookie}") as its:
            by_secure_name = await its.get("/approvals")

    assert (by_plain_name.status_code, by_secure_name.status_code) == (303, 503)


async def test_where_pages_come_by_https_a_form_in_the_clear_is_refused(home: Path) -> None:
    made_token(home, "read")
    in_the_clear = {**FORM, "Origin": "http://council.example"}
    async with running(home, variables=PUBLISHED) as transport, remote(transport) as its:
        answer = await its.post("/sign-in", data={"passphrase": SECRET}, headers=in_the_clear)

    assert answer.status_code == 403


async def test_a_program_without_a_token_is_told_so_and_not_sent_about(home: Path) -> None:
    token = made_token(home, "read")
    async with running(home, variables=PUBLISHED) as transport:
        async with remote(transport, Accept="application/json") as its:
            program = await its.get("/approvals")
        async with remote(transport, **bearer("stale")) as its:
            stale = await its.get("/approvals")
        async with remote(transport, **bearer(token)) as its:
            reader = await its.get("/approvals")

    assert [its.status_code for its in (program, stale, reader)] == [401, 401, 503]


async def test_a_token_alone_sends_no_form(home: Path) -> None:
    token = made_token(home, "approve")
    async with running(home) as transport, browser(transport, token) as its:
        answer = await sent(its, "/sign-out", csrf="0" * 64)

    assert answer.status_code == 403
    assert "nobody is signed in" in answer.text


async def test_a_server_that_only_reads_takes_no_form(open_app: OpenApp, home: Path) -> None:
    host = Host(open_app, nothing, reads_only=True)
    taking = [path for _, path in await routes_of(home, unsafe=True) if "/api/" not in path]
    async with running(home, host=host) as transport, browser(transport) as its:
        csrf = await signed_in(its)
        answers = {
            path: await sent(its, path, csrf=csrf)
            for path in taking
            if path not in {"/sign-in", "/sign-out"}
        }

    for path, answer in answers.items():
        assert (answer.status_code, "this server only reads" in answer.text) == (403, True), path


async def test_a_passphrase_over_an_open_network_is_warned_of(home: Path) -> None:
    made_token(home, "read")
    asked = Asked(bind="0.0.0.0", further_names=("council.lan",))  # noqa: S104 - a test binds nothing
    async with running(home, asked) as transport:
        pages = [
            (await its.get("/sign-in")).text
            for its in (
                httpx2.AsyncClient(transport=transport, base_url=f"http://{name}:8931")
                for name in ("council.lan", "127.0.0.1")
            )
        ]

    assert ["not encrypted" in page for page in pages] == [True, False]


async def test_many_look_while_one_signs_in(home: Path) -> None:
    async with running(home) as transport, browser(transport) as its:
        looking = [asyncio.ensure_future(its.get("/sign-in")) for _ in range(20)]
        await signed_in(its)
        pages = await asyncio.gather(*looking)

    assert {page.status_code for page in pages} == {200}
