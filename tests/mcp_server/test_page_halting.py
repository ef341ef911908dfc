"""Halting and resuming on the page: anyone stops trading, a person who signed in lets it go on."""

import getpass
from collections.abc import AsyncIterator

import pytest

from config.settings import Settings
from council.fact import Fact
from council.trade_facts import TradingHalted, TradingResumed
from council.trading.halts import halt
from mcp_server.halt_file import HaltFile
from mcp_server.scopes import SCOPES
from tests.council.trading.scenes import facts_of
from tests.mcp_server.approving import ACCOUNTS, Scene, opened_scene
from tests.mcp_server.page_decisions import impatient, person_at, served_to
from tests.mcp_server.signing_in import SAME_ORIGIN, SECRET
from tests.mcp_server.web import browser, made_token

ME = getpass.getuser()
STORM = "A storm."


@pytest.fixture
async def scene(settings: Settings) -> AsyncIterator[Scene]:
    async with opened_scene(settings) as opened:
        yield opened


async def stops_of(scene: Scene, *accounts: str) -> list[Fact]:
    """Return every halt and its end, by account."""
    found = [await facts_of(scene.app.deps, f"account-{name}") for name in accounts or ACCOUNTS]
    return [own for facts in found for own in facts]


async def test_whoever_may_look_halts_every_account_with_a_reason(scene: Scene) -> None:
    async with served_to(scene.app) as transport, browser(transport) as its:
        answer = await its.post("/halt", data={"reason": STORM}, headers=SAME_ORIGIN)

    assert (answer.status_code, answer.headers["location"]) == (303, "/status")
    halts = await stops_of(scene)
    assert len(halts) == len(ACCOUNTS)
    assert {
        (own.reason, own.channel, own.by) for own in halts if isinstance(own, TradingHalted)
    } == {(STORM, "web", "a visitor of the web page")}


async def test_a_token_halts_where_it_may_do_more_than_read(scene: Scene) -> None:
    home, statuses, halts = scene.app.settings.council_home, [], []

    async with served_to(scene.app) as transport:
        for scope in SCOPES[:2]:
            async with browser(transport, made_token(home, scope)) as its:
                answer = await its.post("/halt", data={"reason": STORM}, headers=SAME_ORIGIN)
            statuses.append(answer.status_code)
            halts.append(len(await stops_of(scene)))

    assert statuses == [403, 303]
    assert halts == [0, len(ACCOUNTS)]


async def test_who_signed_in_is_named_and_may_choose_accounts_and_keep_orders(scene: Scene) -> None:
    async with person_at(scene) as person:
        form = await person.form("/halt")
        await person.sends("/halt", form, reason=STORM, account=["GROQ"], keep_orders="yes")

    (halted,) = await stops_of(scene)
    assert isinstance(halted, TradingHalted)
    assert (halted.account, halted.by, halted.cancel_orders) == ("GROQ", ME, False)


@pytest.mark.parametrize("fields", [{}, {"reason": " "}, {"reason": STORM, "account": "NOBODY"}])
async def test_a_halt_that_cannot_be_asks_once_more(scene: Scene, fields: dict[str, str]) -> None:
    async with person_at(scene) as person:
        answer = await person.does("/halt", **fields)

    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert await stops_of(scene) == []


async def test_another_sites_page_halts_nothing(scene: Scene) -> None:
    foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}

    async with served_to(scene.app) as transport, browser(transport) as its:
        answers = [
            await its.post("/halt", data={"reason": STORM}, headers=headers)
            for headers in (foreign, {"Sec-Fetch-Site": "cross-site"}, {})
        ]

    assert [own.status_code for own in answers] == [403, 403, 403]
    assert await stops_of(scene) == []


async def test_resuming_shows_first_what_would_end_and_why(scene: Scene) -> None:
    await halt(scene.app.deps, ["GROQ"], reason=STORM, by="anna", channel="cli")

    async with person_at(scene) as person:
        asked = (await person.looks("/resume")).text
        before = await stops_of(scene, "GROQ")
        answer = await person.does("/resume")
        nothing = await person.looks("/resume")

    assert "GROQ would trade again" in asked
    assert "A storm." in asked
    assert len(before) == 1
    assert (answer.status_code, answer.headers["location"]) == (303, "/status")
    _, resumed = await stops_of(scene, "GROQ")
    assert isinstance(resumed, TradingResumed)
    assert (resumed.by, resumed.channel) == (ME, "web")
    assert "No account is halted." in nothing.text


async def test_a_halt_that_came_after_the_question_is_not_ended(scene: Scene) -> None:
    await halt(scene.app.deps, ["GROQ"], reason=STORM, by="anna", channel="cli")

    async with person_at(scene) as person:
        form = await person.form("/resume")
        await halt(scene.app.deps, ["GEMINI"], reason="Another.", by="anna", channel="cli")
        answer = await person.sends("/resume", form)

    assert answer.status_code == 409
    assert "Something was halted since this was shown" in answer.text
    assert len(await stops_of(scene)) == 2


async def test_the_halt_file_is_removed_by_resuming(scene: Scene, settings: Settings) -> None:
    file = HaltFile.in_home(settings.council_home).path
    file.write_text(STORM)

    async with person_at(scene) as person:
        asked = (await person.looks("/resume")).text
        answer = await person.does("/resume")

    assert STORM in asked
    assert answer.status_code == 303
    assert scene.app.deps.halt_wanted() is None


async def test_nobody_resumes_without_signing_in(scene: Scene) -> None:
    await halt(scene.app.deps, ["GROQ"], reason=STORM, by="anna", channel="cli")

    async with served_to(scene.app) as transport, browser(transport) as its:
        asked = await its.get("/resume")
        sent = await its.post("/resume", data={"shown": "GROQ"}, headers=SAME_ORIGIN)

    assert (asked.status_code, asked.headers["location"]) == (303, "/sign-in?next=/resume")
    assert sent.status_code == 403
    assert len(await stops_of(scene)) == 1


async def test_in_strict_mode_resuming_asks_for_the_passphrase(scene: Scene) -> None:
    await halt(scene.app.deps, ["GROQ"], reason=STORM, by="anna", channel="cli")

    async with person_at(scene.in_mode("strict")) as person:
        refused = await person.does("/resume", passphrase="wrong")
        answer = await person.does("/resume", passphrase=SECRET)

    assert (refused.status_code, answer.status_code) == (403, 303)
    assert "Wrong passphrase" in refused.text
    assert len(await stops_of(scene)) == 2


async def test_a_server_that_only_reads_stops_nothing(scene: Scene) -> None:
    async with person_at(scene, reads_only=True) as person:
        pages = [(await person.looks(path)).status_code for path in ("/halt", "/resume")]
        sent = [
            await person.sends(path, {"csrf": person.csrf}, reason=STORM)
            for path in ("/halt", "/resume")
        ]

    assert pages == [403, 403]
    assert [own.status_code for own in sent] == [403, 403]
    assert await stops_of(scene) == []


async def test_while_the_database_is_away_the_page_points_at_the_halt_file(scene: Scene) -> None:
    async with person_at(impatient(scene)) as person:
        form = await person.form("/halt")
        await scene.app.pool.close()
        answer = await person.sends("/halt", form, reason=STORM)

    assert answer.status_code == 503
    assert "an empty file called `halt` in the council&#39;s home folder" in answer.text
