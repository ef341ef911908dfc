"""Approving in a conversation: what each kind of client can bring about, in both protocol eras."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from mcp_types import ElicitResult

from config.settings import Settings
from mcp_server.tools.form import NO_REASON
from tests.mcp_server.approving import (
    ACCOUNTS,
    APPROVED_BY_FORM,
    APPROVED_BY_PHRASE,
    ERAS,
    Era,
    Person,
    Scene,
    approve,
    client_of,
    field_of,
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


@pytest.fixture
async def strict_scene(settings: Settings) -> AsyncIterator[Scene]:
    async with opened_scene(settings, "strict") as opened:
        yield opened


async def test_six_trades_on_one_form_are_each_decided_as_chosen(scene: Scene, era: Era) -> None:
    tickets = await scene.propose(*ACCOUNTS)
    names = [field_of(ticket.trade_id) for ticket in tickets]
    choices = {names[0]: "approve", names[1]: "approve", names[2]: "reject", names[3]: "later"}
    person = Person({**choices, "reason": "Too much tech."})

    async with client_of(scene.server(), era, person) as client:
        result = await approve(client, tickets)

    answer = result.structured_content or {}
    assert len(person.shown) == 1
    assert not result.is_error
    assert [own["status"] for own in answer["trades"]] == [
        *("approved", "approved", "rejected"),
        *("pending", "pending", "pending"),
    ]
    assert "6 trades: 2 approved, 1 rejected, 3 pending" in answer["summary"]
    assert await scene.verdicts(*tickets) == [
        APPROVED_BY_FORM,
        APPROVED_BY_FORM,
        ("TradeRejected", "elicitation", "Too much tech."),
    ]


async def test_a_rejection_without_a_reason_says_so(scene: Scene, era: Era) -> None:
    tickets = await scene.propose("GROQ")

    async with client_of(scene.server(), era, Person(every="reject")) as client:
        await approve(client, tickets)

    assert await scene.verdicts(*tickets) == [("TradeRejected", "elicitation", NO_REASON)]


@pytest.mark.parametrize(
    ("person", "expected"),
    [
        (Person(action="decline"), "NOT approved: the form was declined"),
        (Person(action="cancel"), "NOT approved: the form was cancelled"),
        (Person({}), "NOT approved: the form came back with every trade left for later"),
        (Person(every="yes"), "NOT approved: the form came back with what it did not offer"),
        (Person(every="APPROVE"), "NOT approved: the form came back with what it did not offer"),
        (Person({"approve": "approve"}), "every trade left for later"),
        (Person({"reason": 7}), "NOT approved: the form came back with what it did not offer"),
    ],
)
async def test_what_is_no_clear_yes_leaves_the_trades_pending(
    scene: Scene, era: Era, person: Person, expected: str
) -> None:
    tickets = await scene.propose("GROQ", "CLAUDE")

    async with client_of(scene.server(), era, person) as client:
        phrase = tickets[0].confirmation
        result = await approve(client, tickets, confirmation=phrase)

    answer = result.structured_content or {}
    assert not result.is_error
    assert expected in answer["summary"]
    assert "2 trades stay pending" in answer["summary"]
    assert answer["status"] == "pending"
    assert answer["approval_url"] in answer["next_step"]
    assert await scene.verdicts(*tickets) == []


async def test_an_answer_with_one_bad_choice_carries_out_none_of_it(scene: Scene, era: Era) -> None:
    tickets = await scene.propose("GROQ", "CLAUDE")
    names = [field_of(ticket.trade_id) for ticket in tickets]
    person = Person({names[0]: "approve", names[1]: "sure"})

    async with client_of(scene.server(), era, person) as client:
        await approve(client, tickets)

    assert await scene.verdicts(*tickets) == []


async def test_an_acceptance_without_any_content_approves_nothing(scene: Scene, era: Era) -> None:
    tickets = await scene.propose("GROQ")

    async def absent(context: Any, params: Any) -> ElicitResult:
        return ElicitResult(action="accept", content=None)

    async with client_of(scene.server(), era, absent) as client:
        result = await approve(client, tickets)

    assert result.is_error
    assert "NOT carried out, nothing was done" in text_of(result)
    assert await scene.verdicts(*tickets) == []


async def test_without_forms_the_phrase_of_the_one_trade_approves_it(
    scene: Scene, era: Era
) -> None:
    tickets = await scene.propose("GROQ", "CLAUDE")
    first = tickets[:1]

    async with client_of(scene.server(), era) as client:
        both = await approve(client, tickets, confirmation=tickets[0].confirmation)
        asked = await approve(client, first)
        wrong = await approve(client, first, confirmation=tickets[1].confirmation)
        before = await scene.verdicts(*tickets)
        done = await approve(client, first, confirmation=f"  {tickets[0].confirmation} ")
        again = await approve(client, first, confirmation=tickets[0].confirmation)

    assert [result.is_error for result in (both, asked, wrong, done, again)] == [
        *(True, True, True),
        *(False, False),
    ]
    assert "one trade a call" in text_of(both)
    assert f"type: {tickets[0].confirmation}\n" in text_of(asked)
    assert f"/approvals/{tickets[0].trade_id}" in text_of(asked)
    assert "the phrase is wrong" in text_of(wrong)
    assert before == []
    assert await scene.verdicts(*tickets) == [APPROVED_BY_PHRASE]
    assert "was already approved by mcp client through tool" in text_of(again)
    assert (again.structured_content or {})["status"] == "approved"


async def test_a_client_known_to_show_no_forms_is_asked_for_the_phrase(
    scene: Scene, era: Era
) -> None:
    tickets = await scene.propose("GROQ")
    approval = scene.app.deps.config.risk.approval
    person = Person(every="approve")

    object.__setattr__(approval, "forms_never_shown", ("Blind-Host",))
    async with client_of(scene.server(), era, person, name="blind-host") as client:
        result = await approve(client, tickets)

    assert (person.shown, result.is_error) == ([], True)
    assert tickets[0].confirmation in text_of(result)
    assert await scene.verdicts(*tickets) == []


@pytest.mark.parametrize("person", [None, Person(every="approve"), Person(action="decline")])
async def test_in_strict_mode_no_client_approves_anything(
    strict_scene: Scene, era: Era, person: Person | None
) -> None:
    scene, tickets = strict_scene, await strict_scene.propose("GROQ")

    async with client_of(scene.server(), era, person) as client:
        result = await approve(client, tickets, confirmation=tickets[0].confirmation)

    answer = result.structured_content or {}
    assert person is None or person.shown == []
    assert not result.is_error
    assert answer["summary"].startswith("NOT approved: approval.mode is strict")
    assert answer["status"] == "pending"
    assert answer["approval_url"].endswith(f"/approvals/{tickets[0].trade_id}")
    assert tickets[0].confirmation not in text_of(result)
    assert await scene.verdicts(*tickets) == []


async def test_one_refused_trade_does_not_stop_the_others(scene: Scene, era: Era) -> None:
    over = {"notional_usd": 400_000}
    tickets = await scene.propose("GROQ", "CLAUDE") + await scene.propose("GEMINI", **over)
    person = Person(every="approve")

    async with client_of(scene.server(), era, person) as client:
        await client.call_tool("halt_trading", {"reason": "Look.", "accounts": ["GROQ"]})
        result = await approve(client, tickets)

    lines = (result.structured_content or {})["trades"]
    assert [own["status"] for own in lines] == ["pending", "approved", "pending"]
    assert "was halted by mcp client" in lines[0]["outcome"]
    assert "NOT approved: 400,000.00 USD is more than" in lines[2]["outcome"]
    assert "GROQ" not in person.shown[0].message
    assert await scene.verdicts(*tickets) == [APPROVED_BY_FORM]


async def test_one_plain_id_is_as_good_as_a_list_of_one(scene: Scene, era: Era) -> None:
    tickets = await scene.propose("GROQ")
    prefix = str(tickets[0].trade_id)[:8]

    async with client_of(scene.server(), era, Person(every="approve")) as client:
        plain = await client.call_tool("approve_trade", {"trade_ids": prefix})
        twice = await client.call_tool("approve_trade", {"trade_ids": [prefix, prefix]})

    assert (plain.structured_content or {})["status"] == "approved"
    assert len((twice.structured_content or {})["trades"]) == 1
    assert await scene.verdicts(*tickets) == [APPROVED_BY_FORM]


@pytest.mark.parametrize("ids", [[], ["no-such-trade"], [f"{n:08d}" for n in range(13)]])
async def test_ids_that_name_no_trade_ask_nobody(scene: Scene, era: Era, ids: list[str]) -> None:
    tickets = await scene.propose("GROQ")
    person = Person(every="approve")

    async with client_of(scene.server(), era, person) as client:
        named = [str(tickets[0].trade_id), *ids] if len(ids) == 1 else ids
        result = await client.call_tool("approve_trade", {"trade_ids": named})

    assert (result.is_error, person.shown) == (True, [])
    assert "NOT" in text_of(result)
    assert await scene.verdicts(*tickets) == []


async def test_a_trade_whose_time_is_over_is_not_asked_about(scene: Scene, era: Era) -> None:
    tickets = await scene.propose("GROQ")
    person = Person(every="approve")
    scene.clock.advance_to(tickets[0].expires_at)

    async with client_of(scene.server(), era, person) as client:
        result = await approve(client, tickets)

    assert (result.is_error, person.shown) == (True, [])
    assert "NOT approved" in text_of(result)
    assert "expired at" in text_of(result)
    assert await scene.verdicts(*tickets) == []


@pytest.mark.parametrize("broken", ["read_asked", "form_message"])
async def test_a_form_that_cannot_be_made_says_that_nothing_was_approved(
    scene: Scene, era: Era, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (ticket,) = await scene.propose("GROQ")

    def breaks(*_: object) -> None:
        raise RuntimeError("with the key sk-canary")

    monkeypatch.setattr(f"mcp_server.tools.ballot.{broken}", breaks)
    async with client_of(scene.server(), era, Person()) as client:
        result = await client.call_tool("approve_trade", {"trade_ids": [str(ticket.trade_id)]})

    assert result.is_error
    assert text_of(result).startswith("NOT approved, the trade stays as it was: unexpected Runtime")
    assert "canary" not in text_of(result)
