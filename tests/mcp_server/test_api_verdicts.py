"""What a person decides through the API: by whom it is recorded, once, and when it is refused."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from config.clock import VirtualClock
from council.trade_facts import TradeApproved, TradeRejected
from council.trading.approvals import revoke
from council.trading.halts import halt
from mcp_server.scopes import Scope
from tests.council.trading.scenes import ANNA, in_mode
from tests.mcp_server.api import Asking, approve_path, asking, code_of, reject_path, shown
from tests.mcp_server.conftest import OpenApp
from tests.mcp_server.signing_in import SAME_ORIGIN, signed_in, with_passphrase
from tests.mcp_server.web import browser


async def test_a_token_passes_an_approval_on_with_digest_and_phrase(
    open_app: OpenApp, tmp_path: Path
) -> None:
    async with asking(open_app, tmp_path) as its, its.holder("approve") as holder:
        ticket = its.tickets[0]
        answer = await holder.post(approve_path(ticket), json=shown(ticket))
        (fact,) = await its.verdicts(ticket)

    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert answer.json()["is_new"] is True
    assert answer.json()["status"] == "approved"
    assert isinstance(fact, TradeApproved)
    assert (fact.channel, fact.trust, fact.digest) == ("api", "client_relayed", ticket.digest)
    assert fact.approver == answer.json()["approver"] == "token its-approve"


async def test_the_same_approval_sent_again_is_answered_and_not_written(
    open_app: OpenApp, tmp_path: Path
) -> None:
    async with asking(open_app, tmp_path) as its, its.holder("approve") as holder:
        ticket = its.tickets[0]
        first = await holder.post(approve_path(ticket), json=shown(ticket))
        head = await its.head()
        again = await holder.post(approve_path(ticket), json={"digest": ticket.digest, "round": 1})
        refusals = [
            code_of(await holder.post(approve_path(ticket), json=body))
            for body in (shown(ticket, digest="0" * 64), shown(ticket, round=2))
        ]
        refusals.append(code_of(await holder.post(reject_path(ticket), json={"reason": "No."})))

        assert await its.head() == head

    assert again.status_code == 200
    assert again.json()["is_new"] is False
    assert {**again.json(), "is_new": True, "message": ""} == {**first.json(), "message": ""}
    assert refusals == [(409, "already_decided")] * 3


async def test_an_approval_that_was_taken_back_is_not_repeated(
    open_app: OpenApp, tmp_path: Path
) -> None:
    async with asking(open_app, tmp_path) as its, its.holder("approve") as holder:
        ticket = its.tickets[0]
        await holder.post(approve_path(ticket), json=shown(ticket))
        await revoke(ticket.trade_id, "Changed my mind.", its.app.deps, decider=ANNA)
        by_old_phrase = await holder.post(approve_path(ticket), json=shown(ticket))
        of_old_round = await holder.post(approve_path(ticket), json=shown(ticket, round=1))

    assert code_of(by_old_phrase) == (403, "confirmation_wrong")
    assert code_of(of_old_round) == (409, "ticket_changed")


async def test_a_rejection_is_recorded_and_may_be_sent_again(
    open_app: OpenApp, tmp_path: Path
) -> None:
    async with asking(open_app, tmp_path) as its, its.holder("approve") as holder:
        ticket = its.tickets[0]
        changed = await holder.post(
            reject_path(ticket), json={"reason": "Too late.", "digest": "0" * 64}
        )
        first = await holder.post(
            reject_path(ticket), json={"reason": " Too late.\u200b ", "digest": ticket.digest}
        )
        again = await holder.post(reject_path(ticket), json={"reason": "Too late."})
        other = await holder.post(reject_path(ticket), json={"reason": "Too soon."})
        approval = await holder.post(approve_path(ticket), json=shown(ticket))
        (fact,) = await its.verdicts(ticket)

    assert code_of(changed) == (409, "ticket_changed")
    assert (first.json()["status"], first.json()["is_new"]) == ("rejected", True)
    assert (again.status_code, again.json()["is_new"]) == (200, False)
    assert isinstance(fact, TradeRejected)
    assert (fact.reason, fact.channel, fact.approver) == ("Too late.", "api", "token its-approve")
    assert code_of(other) == code_of(approval) == (409, "already_decided")


@pytest.mark.parametrize(
    "changes",
    [{"confirmation": None}, {"confirmation": ""}, {"confirmation": "APPROVE COUNCIL"}],
)
async def test_a_token_without_the_tickets_phrase_approves_nothing(
    open_app: OpenApp, tmp_path: Path, changes: dict[str, Any]
) -> None:
    async with asking(open_app, tmp_path) as its, its.holder("approve") as holder:
        ticket = its.tickets[0]
        answer = await holder.post(approve_path(ticket), json=shown(ticket, **changes))

        assert await its.verdicts(ticket) == []

    assert code_of(answer) == (403, "confirmation_wrong")
    assert ticket.confirmation in answer.json()["detail"]


@pytest.mark.parametrize("scope", ["read", "run"])
async def test_a_token_that_holds_less_decides_nothing(
    open_app: OpenApp, tmp_path: Path, scope: Scope
) -> None:
    async with asking(open_app, tmp_path) as its, its.holder(scope) as holder:
        ticket, before = its.tickets[0], await its.head()
        answers = await both(holder, its)
        listed = await holder.get("/api/trades")

        assert await its.head() == before

    assert [code_of(answer) for answer in answers] == [(403, "insufficient_scope")] * 2
    assert 'scope="council:approve"' in answers[0].headers["www-authenticate"]
    assert listed.json()["trades"][0]["week_id"] == ticket.week_id


async def test_without_token_and_session_nobody_decides_not_even_on_this_machine(
    open_app: OpenApp, tmp_path: Path
) -> None:
    async with asking(open_app, tmp_path) as its, browser(its.transport, "lct_nobodys") as stranger:
        before = await its.head()
        answers = [*await both(its.here, its), *await both(stranger, its)]
        reading = await stranger.get("/api/trades")
        by_proxy = await its.here.get("/api/trades", headers={"X-Forwarded-For": "192.0.2.1"})

        assert await its.head() == before

    assert [code_of(answer) for answer in answers] == [(401, "unauthenticated")] * 4
    assert code_of(reading) == code_of(by_proxy) == (401, "unauthenticated")
    assert 'error="invalid_token"' in reading.headers["www-authenticate"]


async def both(who: httpx2.AsyncClient, its: Asking) -> list[httpx2.Response]:
    """Try to approve and to reject."""
    ticket = its.tickets[0]
    return [
        await who.post(approve_path(ticket), json=shown(ticket)),
        await who.post(reject_path(ticket), json={"reason": "No."}),
    ]


async def test_in_a_session_of_the_page_the_person_decides(
    open_app: OpenApp, tmp_path: Path
) -> None:
    async with asking(open_app, with_passphrase(tmp_path)) as its:
        first, second, third = its.tickets[:3]
        headers = {**SAME_ORIGIN, "X-CSRF-Token": await signed_in(its.here)}
        approved = await its.here.post(
            approve_path(first), json={"digest": first.digest, "round": 1}, headers=headers
        )
        rejected = await its.here.post(reject_path(second), json={"reason": "No."}, headers=headers)
        forged = [
            await its.here.post(
                approve_path(third), json={"digest": third.digest, "round": 1}, headers=other
            )
            for other in (
                SAME_ORIGIN,
                {**headers, "X-CSRF-Token": "0" * 64},
                {**headers, "Sec-Fetch-Site": "cross-site"},
                {"X-CSRF-Token": headers["X-CSRF-Token"]},
            )
        ]
        (fact,) = await its.verdicts(first)

        assert await its.verdicts(third) == []

    assert (approved.json()["channel"], approved.json()["trust"]) == ("web", "local_user")
    assert rejected.json()["channel"] == fact.channel == "web"
    assert [code_of(answer)[0] for answer in forged] == [403] * 4


async def test_in_a_session_too_an_approval_that_was_taken_back_is_not_repeated(
    open_app: OpenApp, tmp_path: Path
) -> None:
    async with asking(open_app, with_passphrase(tmp_path)) as its:
        ticket = its.tickets[0]
        headers = {**SAME_ORIGIN, "X-CSRF-Token": await signed_in(its.here)}
        bodies = ({"digest": ticket.digest}, shown(ticket), shown(ticket, round=1))
        first = await its.here.post(approve_path(ticket), json=bodies[1], headers=headers)
        await revoke(ticket.trade_id, "Changed my mind.", its.app.deps, decider=ANNA)
        again = [
            code_of(await its.here.post(approve_path(ticket), json=body, headers=headers))
            for body in bodies
        ]
        verdicts = await its.verdicts(ticket)

    assert first.status_code == 200
    assert again == [(422, "unusable"), (403, "confirmation_wrong"), (409, "ticket_changed")]
    assert len(verdicts) == 1


async def test_strict_mode_takes_no_approval_from_a_program_nor_without_the_secret(
    open_app: OpenApp, tmp_path: Path
) -> None:
    async with asking(open_app, with_passphrase(tmp_path)) as its, its.holder("approve") as holder:
        object.__setattr__(its.app, "deps", in_mode(its.app.deps, "strict"))
        ticket = its.tickets[0]
        by_token = await holder.post(approve_path(ticket), json=shown(ticket))
        headers = {**SAME_ORIGIN, "X-CSRF-Token": await signed_in(its.here)}
        in_session = await its.here.post(
            approve_path(ticket), json={"digest": ticket.digest, "round": 1}, headers=headers
        )

        assert await its.verdicts(ticket) == []

    assert code_of(by_token) == code_of(in_session) == (403, "refused")


async def test_what_stands_in_the_way_of_an_approval_is_a_conflict(
    open_app: OpenApp, tmp_path: Path
) -> None:
    async with asking(open_app, tmp_path) as its, its.holder("approve") as holder:
        halted, late, changed = its.tickets[:3]
        await halt(its.app.deps, [halted.account], reason="Look.", by="anna", channel="cli")
        answers = [
            await holder.post(approve_path(halted), json=shown(halted)),
            await holder.post(approve_path(changed), json=shown(changed, digest="0" * 64)),
        ]
        clock = VirtualClock(late.expires_at + timedelta(seconds=1))
        object.__setattr__(its.app, "deps", replace(its.app.deps, clock=clock))
        answers.append(await holder.post(approve_path(late), json=shown(late)))

    assert [code_of(answer) for answer in answers] == [
        (409, "account_halted"),
        (409, "ticket_changed"),
        (409, "ticket_expired"),
    ]


async def test_a_server_that_only_reads_takes_no_verdict(open_app: OpenApp, tmp_path: Path) -> None:
    async with (
        asking(open_app, tmp_path, reads_only=True) as its,
        its.holder("approve") as holder,
    ):
        answers = await both(holder, its)

        assert await its.verdicts(its.tickets[0]) == []

    assert [code_of(answer)[0] for answer in answers] == [403, 403]
