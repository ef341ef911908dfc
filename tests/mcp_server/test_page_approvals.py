"""The pages that show the trades that wait, and everything about one of them."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from html import escape
from pathlib import Path
from uuid import UUID, uuid5

import httpx2
import pytest

from config.settings import Settings
from council.codec import to_event
from council.events import CheckpointTaken
from council.model.checkpoint import IndicatorReading
from council.model.ticket import Ticket
from council.trade_facts import TradeProposed
from mcp_server.host import Host
from mcp_server.readings import list_trades
from mcp_server.web.sheets import PAGE_SIZE
from mcp_server.wiring import App
from tests.browser.scene import IMAGE, SCRIPT, store_week
from tests.builders import NOW, make_ticket
from tests.council.fact_examples import make_checkpoint
from tests.mcp_server.approving import Scene, opened_scene
from tests.mcp_server.conftest import OpenApp
from tests.mcp_server.page_decisions import path_of, person_at, served_to
from tests.mcp_server.web import browser, nothing, running

HEADINGS = (
    "Account",
    "Model",
    "Instrument",
    "Direction",
    "Conviction",
    "Thesis",
    "Indicators",
    "Size",
    "Price band",
    "Expires, New York",
)


@pytest.fixture
async def scene(settings: Settings) -> AsyncIterator[Scene]:
    async with opened_scene(settings) as opened:
        yield opened


@asynccontextmanager
async def looking(scene: Scene) -> AsyncIterator[httpx2.AsyncClient]:
    """Serve a scene to somebody who has not signed in."""
    async with served_to(scene.app) as transport, browser(transport) as its:
        yield its


def rows_in(page: str) -> list[str]:
    """Return the rows of the table of trades, without its head."""
    body = page.partition('<tbody role="rowgroup">')[2].partition("</tbody>")[0]
    return re.findall(r"<tr .*?</tr>", body, re.DOTALL)


async def test_the_table_has_every_column_and_each_row_leads_to_its_ticket(scene: Scene) -> None:
    tickets = await store_week(scene.app)

    async with looking(scene) as its:
        page = (await its.get("/approvals")).text

    heads = re.findall(r'<th role="columnheader"[^>]*>([^<]+)</th>', page)
    assert tuple(heads) == HEADINGS
    rows = rows_in(page)
    assert len(rows) == len(tickets) == 6
    for ticket, row in zip(tickets, rows, strict=True):
        assert f'data-dialog href="{path_of(ticket)}">{ticket.account}<' in row
        assert f"<strong>{ticket.instrument}</strong>" in row
        assert f"{ticket.lowest_price:,.2f} to {ticket.highest_price:,.2f}" in row
        assert "New York" in row
        assert "(in 2 d 3 h)" in row


async def test_conviction_is_a_colour_and_the_word_beside_it(scene: Scene) -> None:
    await store_week(scene.app)

    async with looking(scene) as its:
        rows = rows_in((await its.get("/approvals")).text)

    shown = [re.findall(r'class="conviction (\w+)">([^<]+)<', row)[0] for row in rows]
    assert shown == [
        ("low", "LOW -0.5"),
        ("medium", "MEDIUM +1.0"),
        ("high", "HIGH +1.5"),
        ("high", "HIGH -2.0"),
        ("flat", "FLAT +0.0"),
        ("low", "LOW -0.5"),
    ]


async def test_many_trades_come_in_pages_and_each_of_them_once(scene: Scene) -> None:
    namespace = UUID(int=1)
    tickets = [
        make_ticket("GROQ", trade_id=uuid5(namespace, str(number)))
        for number in range(PAGE_SIZE + 7)
    ]
    for ticket in tickets:
        await propose(scene.app, ticket)

    async with looking(scene) as its:
        first = (await its.get("/approvals")).text
        (address,) = re.findall(r'href="(/approvals\?after=[^"]+)"', first)
        second = (await its.get(address)).text
        lost = await its.get("/approvals?after=nothing-of-the-kind")

    assert f"{len(tickets)} trades wait for you" in first
    assert (len(rows_in(first)), len(rows_in(second))) == (PAGE_SIZE, 7)
    shown = re.findall(r'data-dialog href="/approvals/([^"]+)"', first + second)
    assert sorted(shown) == sorted(str(ticket.trade_id) for ticket in tickets)
    assert "after=" not in second
    assert lost.status_code == 404


async def propose(app: App, ticket: Ticket) -> None:
    """Store a proposal as one of many."""
    fact = TradeProposed(
        week_id=ticket.week_id,
        trade_id=ticket.trade_id,
        account=ticket.account,
        model="rehearsal/momentum",
        source_id=None,
        ticket=ticket,
    )
    await app.deps.store.append(fact.stream, [to_event(fact, at=NOW)])


async def test_a_ticket_shows_all_that_was_said_for_and_against_it(scene: Scene) -> None:
    tickets = await store_week(scene.app)

    async with looking(scene) as its:
        own = (await its.get(path_of(tickets[1]))).text
        councils = (await its.get(path_of(tickets[-1]))).text

    assert '<div id="ticket"' in own
    assert "Positioning is stretched" in own
    assert "Two closes of SPY beyond the average of 50 sessions." in own
    assert own.count("<b>Kill shot</b>") == 4
    assert own.count("<b>Would change the mind</b>") == 4
    assert own.index("4.0 of 10") < own.index("7.0 of 10")
    assert 'href="/weeks/' in own
    assert "The user was asked to decide on ticket" in own
    assert "A weak auction is behind us" in councils
    assert "The chairman chose against the reviewers" in councils
    # The chairman follows the first pitch, whose rules and reviews are its own.
    assert councils.count("<b>Kill shot</b>") == 4
    assert "TLT.<wbr>rsi" in councils or "TLT.rsi_<wbr>14" in councils


async def test_a_reviewer_is_never_named_with_what_he_wrote(scene: Scene) -> None:
    tickets = await store_week(scene.app)
    managers = [own.nickname for own in scene.app.deps.config.managers]

    async with looking(scene) as its:
        page = (await its.get(path_of(tickets[0]))).text

    reviews = page.partition("What the reviewers hold against it")[2].partition("</section>")[0]
    assert "Reviewer 4" in reviews
    assert not [name for name in managers if name in reviews]


async def test_whatever_models_and_people_wrote_stays_text(scene: Scene) -> None:
    tickets = await store_week(scene.app)

    async with person_at(scene) as person:
        await person.does(path_of(tickets[1], "reject"), reason=f"No. {SCRIPT}")
        pages = [(await person.looks("/approvals")).text]
        for ticket in tickets:
            pages.append((await person.looks(path_of(ticket))).text)
            pages.append((await person.looks(path_of(ticket, "approve"))).text)
            pages.append((await person.looks(path_of(ticket, "reject"))).text)
        unfit = await person.does(path_of(tickets[2], "reject"), reason=SCRIPT + "x" * 500)

    assert escape(SCRIPT)[:30] in "".join(pages)
    assert escape(SCRIPT)[:30] in unfit.text
    for page in (*pages, unfit.text):
        assert SCRIPT not in page
        assert IMAGE not in page
        assert not re.search(r"<(img|iframe|object|embed)\b|\son[a-z]+=\"|style=|javascript:", page)
        assert not re.search(r"<script(?! src=\"/assets/)", page)


async def test_the_rules_are_shown_as_they_were_and_as_a_checkpoint_found_them(
    scene: Scene,
) -> None:
    tickets = await store_week(scene.app)
    fact = checkpoint_of(tickets[0])
    await scene.app.deps.store.append(fact.stream, [to_event(fact, at=NOW)])

    async with looking(scene) as its:
        ticket = (await its.get(path_of(tickets[0]))).text
        (row, *_) = rows_in((await its.get("/approvals")).text)

    line = re.findall(r"<tr><td><code>TLT.*?</tr>", ticket)[0]
    assert [">55.5<" in line, ">71.2<" in line, "<td>yes</td>" in line] == [True, True, True]
    assert "was 55.5, now 71.2" in row


async def test_what_has_expired_says_so_without_a_script(scene: Scene) -> None:
    (ticket,) = await scene.propose("GROQ")
    scene.clock.advance_to(ticket.expires_at - timedelta(seconds=30))

    async with looking(scene) as its:
        soon = (await its.get(path_of(ticket))).text
        scene.clock.advance_to(ticket.expires_at)
        late = (await its.get(path_of(ticket))).text

    assert "expires Tue 24 Nov 15:30 New York" in soon
    assert "(in less than a minute)" in soon
    assert f'datetime="{ticket.expires_at.isoformat()}"' in soon
    assert "expired Tue 24 Nov 15:30 New York" in late
    assert "Its time is over" in late


async def test_without_a_passphrase_the_page_says_how_to_set_one(
    open_app: OpenApp, tmp_path: Path
) -> None:
    host = Host(open_app, nothing)
    async with running(tmp_path, host=host) as transport, browser(transport) as its:
        tickets = await store_week(await host.app())
        listed = (await its.get("/approvals")).text
        page = (await its.get(path_of(tickets[0]))).text

    assert "<code>council passphrase</code>" in listed
    assert "<code>council passphrase</code>" in page
    assert "Sign in to decide" not in page


async def test_a_ticket_says_what_all_accounts_would_hold(
    open_week: OpenApp, tmp_path: Path
) -> None:
    host = Host(open_week, nothing)
    async with running(tmp_path, host=host) as transport, browser(transport) as its:
        first, *_ = await list_trades(await host.app(), status="pending")
        pages = [
            (await its.get(f"/approvals/{first.trade_id}{rest}")).text for rest in ("", "/exposure")
        ]

    for page in pages:
        assert "After this one: " in page
        assert ">Now</th>" in page
        assert ">Beta with SPY</th>" in page


async def test_a_trade_that_waits_no_more_adds_up_to_nothing(scene: Scene) -> None:
    (ticket,) = await scene.propose("GROQ")

    async with person_at(scene) as person:
        await person.does(path_of(ticket, "reject"), reason="No.")
        page = await person.looks(path_of(ticket, "exposure"))
        missing = await person.looks("/approvals/no-such-trade/exposure")

    assert "does not wait any more" in page.text
    assert missing.status_code == 404


def checkpoint_of(ticket: Ticket) -> CheckpointTaken:
    """Return a look at the trade that found its rule crossed."""
    reading = IndicatorReading(
        name=f"{ticket.instrument}.rsi_14",
        operator=">",
        threshold=70.0,
        current=55.5,
        now=71.2,
        crossed=True,
    )
    checkpoint = make_checkpoint(
        week_id=ticket.week_id,
        account=ticket.account,
        trade_id=ticket.trade_id,
        indicators=(reading,),
    )
    return CheckpointTaken(week_id=ticket.week_id, account=ticket.account, checkpoint=checkpoint)
