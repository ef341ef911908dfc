"""An approval that is cut off: by the client's going away at any await (A8), or by a kill (K1)."""

import asyncio
from collections.abc import Coroutine, Generator
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from config.ids import random_id
from council.errors import AlreadyDecided, TicketChanged
from council.model.ticket import Ticket
from council.ports import Deps
from council.trade_facts import TradeApproved
from council.trading.approvals import Decided, approve
from tests.builders import make_ticket
from tests.council.trading.scenes import ANNA, deps_on, facts_of, in_mode, kinds_of, store_proposal
from tests.fakes import make_deps

MOST_AWAITS = 200


class CutAt:
    """Runs a coroutine and cancels its task when it waits for the `number`th time."""

    def __init__(self, work: Coroutine[Any, Any, Any], number: int) -> None:
        self._steps = work.__await__()
        self._number = number
        self.awaits = 0

    def __await__(self) -> Generator[Any, Any, Any]:
        """Pass on what the coroutine waits for, and what comes of it."""
        answer, failure = None, None
        while True:
            try:
                waited = self._steps.throw(failure) if failure else self._steps.send(answer)
            except StopIteration as end:
                return end.value
            self.awaits += 1
            if self.awaits == self._number and (task := asyncio.current_task()):
                task.cancel()
            try:
                answer, failure = (yield waited), None
            except BaseException as error:  # noqa: BLE001 - it goes on into the coroutine
                answer, failure = None, error


async def cut(work: Coroutine[Any, Any, Any], number: int) -> bool:
    """Run `work`, cut off at its `number`th await; whether it came to an end before that."""

    async def run() -> None:
        await CutAt(work, number)

    task = asyncio.create_task(run())
    await asyncio.wait([task])
    return not task.cancelled()


async def stored(deps: Deps, trade_id: UUID) -> tuple[list[str], str]:
    """Return the kinds in the trade's stream, and what the read table says of it."""
    (row,) = await deps.store.rows("trades", where={"trade_id": trade_id})
    return await kinds_of(deps, f"trade-{trade_id}"), str(row["status"])


async def test_an_approval_cut_at_any_await_is_stored_whole_or_not_at_all(
    request: pytest.FixtureRequest,
) -> None:
    waits, whole = (["TradeProposed"], "pending"), (["TradeProposed", "TradeApproved"], "approved")
    seen = []
    async with deps_on("postgres", request) as deps:
        for number in range(1, MOST_AWAITS):
            ticket = make_ticket(trade_id=random_id())
            await store_proposal(deps, ticket)

            ended = await cut(approve(ticket.trade_id, deps, decider=ANNA), number)

            seen.append(await stored(deps, ticket.trade_id))
            again = await approved_again(ticket, deps)
            assert again == (seen[-1] == waits)
            assert await stored(deps, ticket.trade_id) == whole
            if ended:
                break

    assert ended
    assert all(state in (waits, whole) for state in seen)
    assert seen[0] == waits
    assert whole in seen[:-1]


async def approved_again(ticket: Ticket, deps: Deps) -> bool:
    """Repeat the call as a client would; whether it was needed."""
    try:
        return isinstance(await approve(ticket.trade_id, deps, decider=ANNA), Decided)
    except AlreadyDecided:
        return False


async def test_an_approval_stands_when_its_process_dies_before_the_reply() -> None:
    deps = make_deps()
    ticket = make_ticket()
    await store_proposal(deps, ticket)

    def killed(name: str) -> None:
        if name == "approve.after_commit":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await approve(ticket.trade_id, replace(deps, failpoint=killed), decider=ANNA)
    with pytest.raises(AlreadyDecided, match="already approved by anna through cli"):
        await approve(ticket.trade_id, deps, decider=ANNA)

    facts = await facts_of(deps, f"trade-{ticket.trade_id}")
    assert sum(isinstance(fact, TradeApproved) for fact in facts) == 1


OTHER: dict[str, Any] = {
    "week_id": "2026-11-25",
    "account_number": "PA00000009",
    "venue": "alpaca-paper",
    "instrument": "TLT",
    "direction": "SHORT",
    "conviction": "1.5",
    "equity_usd": "100001",
    "equity_share": "0.51",
    "target_quantity": 501,
    "notional_usd": "50000.01",
    "reference_price": "100.01",
    "lowest_price": "97.99",
    "highest_price": "102.01",
    "legs": (),
    "expires_at": "2026-11-24T20:29:00Z",
}


def test_every_field_of_a_ticket_is_covered_below() -> None:
    assert set(OTHER) | {"trade_id", "account", "digest"} == set(Ticket.model_fields)


@pytest.mark.parametrize("field", OTHER)
async def test_a_ticket_that_changed_in_any_field_since_it_was_shown_is_refused(field: str) -> None:
    deps = in_mode(make_deps(), "conversational")
    shown = make_ticket()
    await store_proposal(deps, make_ticket(**{field: OTHER[field]}))

    with pytest.raises(TicketChanged, match="no longer the one that was shown"):
        await approve(shown.trade_id, deps, decider=ANNA, digest=shown.digest)

    assert await kinds_of(deps, f"trade-{shown.trade_id}") == ["TradeProposed"]
