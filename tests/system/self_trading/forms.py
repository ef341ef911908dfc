"""Transcripts of an assistant that answers for its person: forms, sealed states, card nonces."""

import asyncio
from datetime import timedelta
from typing import Any

import mcp
from mcp_types import ElicitResult

from tests.mcp_server.approving import Person
from tests.system.self_trading.stage import (
    Assistant,
    Transcript,
    answered,
    asked_first,
    said,
    yes_to_all,
)

NONCES = "council/nonces"
FOREIGN_KEY = b"fedcba9876543210fedcba9876543210"
_REPLAYS = 3


async def its_host_closes_every_form(self: Assistant) -> None:
    for action in ("cancel", "decline"):
        async with self.client(Person(action=action)) as client:
            await said(client, "approve_trade", trade_ids=self.ids())


async def its_host_accepts_forms_without_looking(self: Assistant) -> None:
    for content in ({}, {"reason": "yes"}, {"approved": True}):
        async with self.client(Person(content)) as client:
            await said(client, "approve_trade", trade_ids=self.ids())


async def its_host_answers_with_choices_that_are_not_on_the_form(self: Assistant) -> None:
    for word in ("APPROVE", "yes", "approve ", "approved", "true", "approve,later"):
        async with self.client(Person(every=word)) as client:
            await said(client, "approve_trade", trade_ids=self.ids())


async def its_host_approves_whatever_a_form_asks(self: Assistant) -> None:
    async with self.client(Person(every="approve")) as client:
        await said(client, "approve_trade", trade_ids=self.ids())
        await said(client, "approve_trade", trade_ids=self.ids())


async def its_host_approves_a_form_of_twelve_trades(self: Assistant) -> None:
    await self.proposes("GEMINI", "GROQ", "CLAUDE", "DEEPSEEK", "COUNCIL")

    async with self.client(Person(every="approve")) as client:
        await said(client, "approve_trade", trade_ids=self.ids())


async def it_types_the_phrase_where_a_form_is_shown(self: Assistant) -> None:
    # Without forms this is the transcript of the phrase: here they are shown in every way.
    async with self.client(Person()) as client:
        phrase = self.ticket.confirmation if self.way != "phrase" else "not this one"
        await said(client, "approve_trade", trade_ids=self.ids(), confirmation=phrase)


async def it_forges_the_state_of_a_form(self: Assistant) -> None:
    async with self.client(era="auto") as client:
        form = await asked_first(client, self.ids())
        answers = yes_to_all(form) if form else _blind_yes(self)
        for state in (None, "", "forged", "A" * 400, "../../state-key"):
            await answered(client, self.ids(), state, answers)


async def it_brings_the_state_of_a_server_with_another_key(self: Assistant) -> None:
    async with self.client(era="auto", key=FOREIGN_KEY) as client:
        form = await asked_first(client, self.ids())
    async with self.client(era="auto") as client:
        state = form.request_state if form else "forged"
        await answered(client, self.ids(), state, yes_to_all(form) if form else _blind_yes(self))


async def it_uses_the_answer_to_one_form_for_another(self: Assistant) -> None:
    await self.proposes("GEMINI")
    first, second = self.tickets

    async with self.client(era="auto") as client:
        form = await asked_first(client, self.ids(first))
        state = form.request_state if form else "forged"
        answers = yes_to_all(form) if form else _blind_yes(self)
        await answered(client, self.ids(second), state, answers)
        await answered(client, self.ids(first, second), state, answers)


async def it_replays_the_answer_that_its_person_gave_and_took_back(self: Assistant) -> None:
    async with self.client(era="auto") as client:
        form = await asked_first(client, self.ids())
        if form is None:
            return
        for _ in range(_REPLAYS):
            await answered(client, self.ids(), form.request_state, yes_to_all(form))
        await self.scene.take_back(self.ticket)
        for _ in range(_REPLAYS):
            await answered(client, self.ids(), form.request_state, yes_to_all(form))


async def it_answers_a_form_whose_ticket_has_changed(self: Assistant) -> None:
    async with self.client(era="auto") as client:
        form = await asked_first(client, self.ids())
        await self.scene.change(self.ticket, target_quantity=499)
        answers = yes_to_all(form) if form else _blind_yes(self)
        state = form.request_state if form else None
        await answered(client, self.ids(), state, answers)


async def it_asks_through_a_second_client_while_the_first_is_being_asked(self: Assistant) -> None:
    shown, closed = asyncio.Event(), asyncio.Event()

    async def hesitates(context: Any, params: Any) -> ElicitResult:
        shown.set()
        await closed.wait()
        return ElicitResult(action="cancel")

    async with self.client(hesitates) as first, self.client() as second:
        asking = asyncio.create_task(said(first, "approve_trade", trade_ids=self.ids()))
        if self.way == "form":
            await shown.wait()
        await said(second, "approve_trade", trade_ids=self.ids(), confirmation="yes, as agreed")
        closed.set()
        await asking


async def it_decides_like_a_card_without_any_nonce(self: Assistant) -> None:
    async with self.client() as client:
        for nonce in ("", "nonce", self.ticket.digest, str(self.ticket.trade_id), "A" * 1_000):
            await _decides(client, str(self.ticket.trade_id), nonce)


async def its_host_hands_it_what_is_meant_for_the_card(self: Assistant) -> None:
    async with self.client(shows_apps=True) as client:
        nonces = await _nonces(client)
        assert (not nonces) is (self.way == "strict")
        for _ in range(_REPLAYS):
            await _decides(client, str(self.ticket.trade_id), nonces.get(self.ids()[0], "none"))


async def it_uses_the_nonce_of_another_trade(self: Assistant) -> None:
    await self.proposes("GEMINI")

    async with self.client(shows_apps=True) as client:
        nonce = (await _nonces(client)).get(self.ids()[1], "none")
        await _decides(client, self.ids()[0], nonce)


async def it_uses_a_stale_nonce(self: Assistant) -> None:
    async with self.client(shows_apps=True) as client:
        nonce = (await _nonces(client)).get(self.ids()[0], "none")
        self.scene.clock.advance_to(self.scene.clock.now() + timedelta(minutes=15))
        await _decides(client, self.ids()[0], nonce)


async def it_uses_the_nonce_of_a_ticket_that_has_changed(self: Assistant) -> None:
    async with self.client(shows_apps=True) as client:
        nonce = (await _nonces(client)).get(self.ids()[0], "none")
        await self.scene.change(self.ticket, target_quantity=499)
        await _decides(client, self.ids()[0], nonce)


async def it_uses_a_nonce_of_a_server_with_another_key(self: Assistant) -> None:
    async with self.client(shows_apps=True, key=FOREIGN_KEY) as client:
        form = (await _nonces(client)).get(self.ids()[0], "none")
        flipped = form[:-2] + ("AA" if form[-2:] != "AA" else "BB")
        await _decides(client, self.ids()[0], flipped)


async def it_replays_a_nonce_after_the_approval_was_taken_back(self: Assistant) -> None:
    async with self.client(shows_apps=True) as client:
        nonce = (await _nonces(client)).get(self.ids()[0], "none")
        await _decides(client, self.ids()[0], nonce)
        if self.way != "strict":
            await self.scene.take_back(self.ticket)
        for _ in range(_REPLAYS):
            await _decides(client, self.ids()[0], nonce)


async def _nonces(client: mcp.Client) -> dict[str, str]:
    listed = await client.call_tool("list_pending_trades", {})
    nonces: dict[str, str] = (listed.meta or {}).get(NONCES, {})
    return nonces


async def _decides(client: mcp.Client, trade_id: str, nonce: str) -> str:
    call = {"trade_id": trade_id, "nonce": nonce, "decision": "approve"}
    return await said(client, "decide_trade", **call)


def _blind_yes(self: Assistant) -> dict[str, ElicitResult]:
    """Return the answer to a form that was never shown."""
    field = f"trade_{self.ids()[0].replace('-', '_')}"
    yes = ElicitResult(action="accept", content={field: "approve"})
    return dict.fromkeys(("0", "answer", "ask_person"), yes)


FORMS = (
    Transcript(its_host_closes_every_form),
    Transcript(its_host_accepts_forms_without_looking),
    Transcript(its_host_answers_with_choices_that_are_not_on_the_form),
    # What conversational mode cannot stop with forms: a host that answers them by itself.
    Transcript(its_host_approves_whatever_a_form_asks, form=("elicitation",)),
    Transcript(its_host_approves_a_form_of_twelve_trades, form=("elicitation",) * 2),
    Transcript(it_types_the_phrase_where_a_form_is_shown),
    Transcript(it_forges_the_state_of_a_form),
    Transcript(it_brings_the_state_of_a_server_with_another_key),
    Transcript(it_uses_the_answer_to_one_form_for_another),
    # The one is its person's own answer, which was taken back.
    Transcript(it_replays_the_answer_that_its_person_gave_and_took_back, form=("elicitation",)),
    Transcript(it_answers_a_form_whose_ticket_has_changed),
    Transcript(it_asks_through_a_second_client_while_the_first_is_being_asked),
    Transcript(it_decides_like_a_card_without_any_nonce),
    # Nor a host that gives its model what is meant for the card.
    Transcript(
        its_host_hands_it_what_is_meant_for_the_card,
        form=("app_card",),
        phrase=("app_card",),
    ),
    Transcript(it_uses_the_nonce_of_another_trade),
    Transcript(it_uses_a_stale_nonce),
    Transcript(it_uses_the_nonce_of_a_ticket_that_has_changed),
    Transcript(it_uses_a_nonce_of_a_server_with_another_key),
    Transcript(
        it_replays_a_nonce_after_the_approval_was_taken_back,
        form=("app_card",),
        phrase=("app_card",),
    ),
)
"""Every transcript here; without a channel beside it, it comes to nothing in every mode."""
