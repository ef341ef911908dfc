"""Forms answered twice, late, by others or for another ticket: one approval at most."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import mcp
import pytest
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolResult, ElicitResult, InputRequiredResult

from config.settings import Settings
from council.model.ticket import Ticket
from council.trading.approvals import approve as decide
from council.trading.lifecycle import load_trade
from mcp_server.tools import ballot
from tests.council.trading.scenes import ANNA
from tests.mcp_server.approving import (
    APPROVED_BY_FORM,
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

OTHER_KEY = b"another key of thirty-two letters"


@pytest.fixture
async def scene(settings: Settings) -> AsyncIterator[Scene]:
    async with opened_scene(settings) as opened:
        yield opened


async def sent(
    client: mcp.Client, ticket: Ticket, state: str | None, answers: Any = None
) -> CallToolResult | InputRequiredResult:
    """Send one round of the call as it is, without the client's own loop."""
    return await client.session.call_tool(
        "approve_trade",
        {"trade_ids": [str(ticket.trade_id)]},
        input_responses=answers,
        request_state=state,
        allow_input_required=True,
    )


async def asked(client: mcp.Client, ticket: Ticket) -> tuple[str, Any]:
    """Begin a call; return the sealed state and the answer that approves."""
    first = await sent(client, ticket, None)
    assert isinstance(first, InputRequiredResult)
    (name,) = first.input_requests or {}
    yes = ElicitResult(action="accept", content={field_of(ticket.trade_id): "approve"})
    return first.request_state or "", {name: yes}


async def test_an_answer_that_is_replayed_approves_once(scene: Scene) -> None:
    (ticket,) = await scene.propose("GROQ")

    async with client_of(scene.server(), "auto", Person()) as client:
        state, answers = await asked(client, ticket)
        results = [await sent(client, ticket, state, answers) for _ in range(3)]

    said = [text_of(result) for result in results if isinstance(result, CallToolResult)]
    assert len(said) == 3
    assert "was already approved by mcp client through elicitation" in said[2]
    assert await scene.verdicts(ticket) == [APPROVED_BY_FORM]


async def test_a_replay_after_the_approval_was_taken_back_asks_again(scene: Scene) -> None:
    (ticket,) = await scene.propose("GROQ")

    async with client_of(scene.server(), "auto", Person()) as client:
        state, answers = await asked(client, ticket)
        await sent(client, ticket, state, answers)
        await scene.take_back(ticket)
        replayed = await sent(client, ticket, state, answers)

    assert isinstance(replayed, InputRequiredResult)
    (form,) = (replayed.input_requests or {}).values()
    assert "Asked for time 2" in form.params.message  # type: ignore[union-attr]  # it is a form
    assert await scene.verdicts(ticket) == [APPROVED_BY_FORM]


async def test_a_state_of_another_trade_a_forged_one_and_one_too_old_are_refused(
    scene: Scene,
) -> None:
    ticket, other = await scene.propose("GROQ", "CLAUDE")

    async with client_of(scene.server(), "auto", Person()) as client:
        state, answers = await asked(client, ticket)
        for trade, wrong in ((other, state), (ticket, state[:-4] + "AAAA"), (ticket, "v1.x")):
            with pytest.raises(MCPError, match="Invalid or expired requestState"):
                await sent(client, trade, wrong, answers)

    assert await scene.verdicts(ticket, other) == []


async def test_an_answer_to_a_question_that_was_never_asked_only_brings_the_question(
    scene: Scene,
) -> None:
    (ticket,) = await scene.propose("GROQ")

    async with client_of(scene.server(), "auto", Person()) as client:
        _, answers = await asked(client, ticket)
        unasked = await sent(client, ticket, None, answers)

    assert isinstance(unasked, InputRequiredResult)
    assert await scene.verdicts(ticket) == []


@pytest.mark.parametrize(("key", "finishes"), [(None, True), (OTHER_KEY, False)])
async def test_only_a_server_with_the_same_key_finishes_the_form_of_another(
    scene: Scene, key: bytes | None, finishes: bool
) -> None:
    (ticket,) = await scene.propose("GROQ")
    second = scene.server(key) if key else scene.server()

    async with (
        client_of(scene.server(), "auto", Person()) as one,
        client_of(second, "auto", Person()) as two,
    ):
        state, answers = await asked(one, ticket)
        if finishes:
            await sent(two, ticket, state, answers)
        else:
            with pytest.raises(MCPError, match="Invalid or expired requestState"):
                await sent(two, ticket, state, answers)

    assert await scene.verdicts(ticket) == ([APPROVED_BY_FORM] if finishes else [])


class ChangesMeanwhile(Person):
    """Decides on what is shown, while the ticket changes behind the first form."""

    def __init__(self, scene: Scene, ticket: Ticket, choice: str = "approve") -> None:
        super().__init__(every=choice)
        self._scene, self._ticket = scene, ticket

    async def __call__(self, context: Any, params: Any) -> ElicitResult:
        if not self.shown:
            await self._scene.change(self._ticket, notional_usd=60_000)
        return await super().__call__(context, params)


async def test_a_ticket_that_changed_under_the_form_is_asked_about_anew(scene: Scene) -> None:
    (ticket,) = await scene.propose("GROQ")
    person = ChangesMeanwhile(scene, ticket)

    async with client_of(scene.server(), "auto", person) as client:
        result = await approve(client, [ticket])

    first, second = (form.message for form in person.shown)
    assert ("50,000.00" in first, "60,000.00" in second) == (True, True)
    assert (result.structured_content or {})["status"] == "approved"
    assert await scene.verdicts(ticket) == [APPROVED_BY_FORM]


@pytest.mark.parametrize(("choice", "refused"), [("approve", "approved"), ("reject", "rejected")])
async def test_an_older_client_that_is_asked_in_mid_call_decides_on_no_changed_ticket(
    scene: Scene, choice: str, refused: str
) -> None:
    (ticket,) = await scene.propose("GROQ")
    person = ChangesMeanwhile(scene, ticket, choice)

    async with client_of(scene.server(), "legacy", person) as client:
        result = await approve(client, [ticket])

    answer = result.structured_content or {}
    assert (len(person.shown), answer["status"]) == (1, "pending")
    assert f"NOT {refused}: The ticket" in answer["summary"]
    assert await scene.verdicts(ticket) == []


async def test_a_form_that_was_open_while_its_trade_was_asked_again_approves_nothing(
    scene: Scene,
) -> None:
    (ticket,) = await scene.propose("GROQ")

    class DecidedBeside(Person):
        async def __call__(self, context: Any, params: Any) -> ElicitResult:
            await decide(ticket.trade_id, scene.app.deps, decider=ANNA)
            await scene.take_back(ticket)
            return await super().__call__(context, params)

    async with client_of(scene.server(), "legacy", DecidedBeside(every="approve")) as client:
        result = await approve(client, [ticket])

    assert "was asked again since it was shown" in text_of(result)
    assert await scene.verdicts(ticket) == [("TradeApproved", "cli", "local_user")]


@pytest.mark.parametrize("era", ERAS)
async def test_two_people_who_approve_at_once_make_one_approval(scene: Scene, era: Era) -> None:
    (ticket,) = await scene.propose("GROQ")
    both_see_it = asyncio.Barrier(2)

    class Beside(Person):
        async def __call__(self, context: Any, params: Any) -> ElicitResult:
            await both_see_it.wait()
            return await super().__call__(context, params)

    async def one() -> CallToolResult:
        async with client_of(scene.server(), era, Beside(every="approve")) as client:
            return await approve(client, [ticket])

    results = await asyncio.gather(one(), one())

    assert [(result.structured_content or {})["status"] for result in results] == ["approved"] * 2
    assert sum("already approved by" in text_of(result) for result in results) == 1
    assert await scene.verdicts(ticket) == [APPROVED_BY_FORM]


async def test_a_client_that_goes_away_under_the_form_leaves_the_trade_pending(
    scene: Scene,
) -> None:
    (ticket,) = await scene.propose("GROQ")
    shown = asyncio.Event()

    async def never(context: Any, params: Any) -> ElicitResult:
        shown.set()
        await asyncio.Event().wait()
        raise AssertionError

    async with client_of(scene.server(), "legacy", never) as client:
        call = asyncio.create_task(approve(client, [ticket]))
        await shown.wait()
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)

    assert await scene.verdicts(ticket) == []


async def test_who_approves_amid_a_reading_is_not_told_that_it_waits(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    (ticket,) = await scene.propose("GROQ")

    async def approved_before(store: Any, trade_id: Any) -> Any:
        await decide(trade_id, scene.app.deps, decider=ANNA)
        return await load_trade(store, trade_id)

    monkeypatch.setattr(ballot, "load_trade", approved_before)
    asked = await ballot.read_asked(scene.app, str(ticket.trade_id))

    assert (asked.status, asked.is_approved) == ("approved", True)
