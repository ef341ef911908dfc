"""What a card can decide, and that nobody else can decide as one."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import mcp
import pytest
from mcp.server.auth.middleware.auth_context import auth_context_var
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp_types import CallToolResult

from config.settings import Settings
from council.model.ticket import Ticket
from mcp_server.scopes import Scope, full_name, with_narrower
from mcp_server.server import Serving
from tests.mcp_server.approving import (
    ACCOUNTS,
    APPROVED_ON_CARD,
    ERAS,
    Era,
    Person,
    Scene,
    client_of,
    opened_scene,
)
from tests.mcp_server.test_tools import text_of


@pytest.fixture(params=ERAS)
def era(request: pytest.FixtureRequest) -> Era:
    """Give each test both protocols."""
    return request.param  # type: ignore[no-any-return]  # of the two above


@pytest.fixture
async def scene(settings: Settings) -> AsyncIterator[Scene]:
    async with opened_scene(settings) as opened:
        yield opened


async def nonces(client: mcp.Client) -> dict[str, str]:
    """List what waits as a card's host does, and return what the card is given."""
    listed = await client.call_tool("list_pending_trades", {})
    return dict((listed.meta or {})["council/nonces"])


async def decide(
    client: mcp.Client, ticket: Ticket, nonce: str, decision: str = "approve", **further: Any
) -> CallToolResult:
    arguments = {"trade_id": str(ticket.trade_id), "nonce": nonce, "decision": decision}
    return await client.call_tool("decide_trade", {**arguments, **further})


async def test_a_card_approves_and_rejects_what_it_shows(scene: Scene, era: Era) -> None:
    first, second, third = await scene.propose("GROQ", "CLAUDE", "GEMINI")

    async with client_of(scene.server(), era, shows_apps=True) as client:
        given = await nonces(client)
        yes = await decide(client, first, given[str(first.trade_id)])
        no = await decide(client, second, given[str(second.trade_id)], "reject", reason="Too late.")

    assert given.keys() == {str(own.trade_id) for own in (first, second, third)}
    assert [(own.structured_content or {})["status"] for own in (yes, no)] == [
        *("approved", "rejected")
    ]
    assert await scene.verdicts(first, second, third) == [
        APPROVED_ON_CARD,
        ("TradeRejected", "app_card", "Too late."),
    ]


async def test_a_nonce_approves_once_however_often_it_is_sent(scene: Scene, era: Era) -> None:
    (ticket,) = await scene.propose("GROQ")

    async with client_of(scene.server(), era, shows_apps=True) as client:
        nonce = (await nonces(client))[str(ticket.trade_id)]
        results = [await decide(client, ticket, nonce) for _ in range(3)]
        turned = await decide(client, ticket, nonce, "reject")

    assert not any(result.is_error for result in results)
    assert "was already approved by mcp client through app_card" in text_of(results[2])
    assert "NOT decided" in text_of(turned)
    assert await scene.verdicts(ticket) == [APPROVED_ON_CARD]


async def test_a_nonce_is_worth_nothing_once_its_approval_was_taken_back(
    scene: Scene, era: Era
) -> None:
    (ticket,) = await scene.propose("GROQ")

    async with client_of(scene.server(), era, shows_apps=True) as client:
        nonce = (await nonces(client))[str(ticket.trade_id)]
        await decide(client, ticket, nonce)
        await scene.take_back(ticket)
        replayed = [await decide(client, ticket, nonce, how) for how in ("approve", "reject")]
        fresh = await decide(client, ticket, (await nonces(client))[str(ticket.trade_id)])

    assert all("no longer the one on the card" in text_of(result) for result in replayed)
    assert (fresh.structured_content or {})["status"] == "approved"
    assert await scene.verdicts(ticket) == [APPROVED_ON_CARD, APPROVED_ON_CARD]


async def test_no_other_nonce_decides(scene: Scene, era: Era) -> None:
    first, second = await scene.propose("GROQ", "CLAUDE")
    foreign = scene.server(b"another key of thirty-two letters")

    async with (
        client_of(scene.server(), era, shows_apps=True) as client,
        client_of(foreign, era, shows_apps=True) as other,
    ):
        own, theirs = await nonces(client), await nonces(other)
        refusals = [
            await decide(client, first, nonce)
            for nonce in ("", "v1.AAAA", own[str(second.trade_id)], first.confirmation)
        ]
        scene.clock.advance_to(scene.clock.now() + timedelta(minutes=15))
        late = await decide(client, first, own[str(first.trade_id)])
        await scene.change(first, notional_usd=60_000)
        changed = await decide(client, first, own[str(first.trade_id)])

    assert theirs.keys() == own.keys()
    assert all(result.is_error for result in (*refusals, late, changed))
    assert all(text_of(own).count("NOT decided, the trade stays") for own in (*refusals, late))
    assert "older than 15 minutes" in text_of(late)
    assert await scene.verdicts(first, second) == []


async def test_in_strict_mode_no_card_decides(settings: Settings, era: Era) -> None:
    async with opened_scene(settings) as scene:
        (ticket,) = await scene.propose("GROQ")
        async with client_of(scene.server(), era, shows_apps=True) as client:
            nonce = (await nonces(client))[str(ticket.trade_id)]

        strict = scene.in_mode("strict")
        async with client_of(strict.server(), era, shows_apps=True) as client:
            given = await nonces(client)
            results = [await decide(client, ticket, nonce, how) for how in ("approve", "reject")]

        assert given == {}
        assert all("approval.mode is strict" in text_of(result) for result in results)
        assert await scene.verdicts(ticket) == []


@pytest.mark.parametrize(
    ("era", "shows_apps", "expected"),
    [("auto", True, True), ("auto", False, False), ("legacy", False, True)],
)
async def test_a_client_that_would_have_said_that_it_shows_cards_gets_no_nonce_otherwise(
    scene: Scene, era: Era, shows_apps: bool, expected: bool
) -> None:
    await scene.propose("GROQ")

    async with client_of(scene.server(), era, shows_apps=shows_apps) as client:
        listed = await client.call_tool("list_pending_trades", {})

    assert ("council/nonces" in (listed.meta or {})) == expected


async def test_neither_nonce_nor_phrase_is_in_what_a_model_reads(scene: Scene, era: Era) -> None:
    (ticket,) = await scene.propose("GROQ")

    async with client_of(scene.server(), era, Person(), shows_apps=True) as client:
        listed = await client.call_tool("list_pending_trades", {})

    (nonce,) = (listed.meta or {})["council/nonces"].values()
    read = text_of(listed) + str(listed.structured_content)
    assert nonce not in read
    assert ticket.confirmation not in read
    assert ticket.digest[:4] not in read.replace(str(ticket.trade_id), "")


async def test_the_list_comes_in_pages_with_the_cards_of_the_page(scene: Scene, era: Era) -> None:
    tickets = await scene.propose(*ACCOUNTS)

    async with client_of(scene.server(), era, shows_apps=True) as client:
        first = await client.call_tool("list_pending_trades", {"limit": 4})
        cursor = (first.structured_content or {})["next_cursor"]
        second = await client.call_tool("list_pending_trades", {"limit": 4, "cursor": cursor})
        foreign = await client.call_tool("list_pending_trades", {"cursor": "bm9uZQ"})

    pages = [own.structured_content or {} for own in (first, second)]
    ids = [line["trade_id"] for page in pages for line in page["trades"]]
    assert sorted(ids) == sorted(str(ticket.trade_id) for ticket in tickets)
    assert [len((own.meta or {})["council/cards"]) for own in (first, second)] == [4, 2]
    assert pages[0]["approval_url"].endswith("/approvals")
    assert pages[1]["next_cursor"] is None
    assert "cursor was not made for this list" in text_of(foreign)


@pytest.mark.parametrize(("scope", "expected"), [("read", 0), ("run", 0), ("approve", 1)])
async def test_a_token_that_may_not_approve_is_given_no_nonce(
    scene: Scene, scope: Scope, expected: int
) -> None:
    await scene.propose("GROQ")
    token = AccessToken(token="t", client_id="c", scopes=list(map(full_name, with_narrower(scope))))

    before = auth_context_var.set(AuthenticatedUser(token))
    try:
        async with client_of(scene.server(), "auto", shows_apps=True) as client:
            given = await nonces(client)
    finally:
        auth_context_var.reset(before)

    assert len(given) == expected


async def test_a_server_that_only_reads_gives_no_nonce_and_names_no_tool_that_decides(
    scene: Scene, era: Era
) -> None:
    await scene.propose("GROQ")

    server = scene.server(serving=Serving(read_only=True))
    async with client_of(server, era, shows_apps=True) as client:
        listed = await client.call_tool("list_pending_trades", {})

    assert (listed.meta or {})["council/nonces"] == {}
    assert "approve_trade" not in text_of(listed)
    assert "`council approve`" in text_of(listed)
