"""Deciding on the page: two steps without any script, and exactly what was shown or nothing."""

import asyncio
import getpass
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from config.settings import Settings
from council.fact import Fact
from council.projections import project
from council.trade_facts import (
    ApprovalRevoked,
    ExecutionStarted,
    TradeApproved,
    TradeExpired,
    TradeRejected,
)
from council.trading.approvals import approve
from council.trading.halts import halt
from council.trading.journal import record
from council.trading.lifecycle import load_trade
from store.errors import StoreUnavailable
from store.event_store import PostgresEventStore
from tests.builders import EXPIRES_AT
from tests.council.trading.scenes import ANNA
from tests.mcp_server.approving import Scene, opened_scene
from tests.mcp_server.page_decisions import impatient, path_of, person_at, served_to, verdicts_on
from tests.mcp_server.signing_in import SAME_ORIGIN
from tests.mcp_server.web import browser

ME = getpass.getuser()
WHY = "Too crowded."


@pytest.fixture
async def scene(settings: Settings) -> AsyncIterator[Scene]:
    async with opened_scene(settings) as opened:
        keeping_hours = replace(opened.app.deps, always_open=False)
        yield replace(opened, app=replace(opened.app, deps=keeping_hours))


def common(fact: Fact) -> dict[str, Any]:
    """Return what a verdict says beside the trade's own identity."""
    return fact.model_dump(exclude={"week_id", "trade_id", "account"})


async def test_approving_shows_the_ticket_once_more_and_then_records_exactly_it(
    scene: Scene,
) -> None:
    (ticket,) = await scene.propose("GROQ")

    async with person_at(scene) as person:
        asked = (await person.looks(path_of(ticket, "approve"))).text
        before = await verdicts_on(scene.app, ticket)
        answer = await person.does(path_of(ticket, "approve"))
        after = (await person.looks(path_of(ticket))).text

    assert before == []
    assert ticket.digest[:16] in asked
    assert f'name="digest" value="{ticket.digest}"' in asked
    assert f"{ticket.lowest_price:,.2f} to {ticket.highest_price:,.2f}" in asked
    assert "Approve GROQ LONG 500 SPY</button>" in asked
    assert (answer.status_code, answer.headers["location"]) == (303, f"{path_of(ticket)}#decided")
    (approved,) = await verdicts_on(scene.app, ticket)
    assert isinstance(approved, TradeApproved)
    assert common(approved) == {
        "digest": ticket.digest,
        "approver": ME,
        "channel": "web",
        "trust": "local_user",
        "round": 1,
    }
    assert f"Approved by {ME} on the web page" in after
    assert "The executor sends its order after the open at Wed 18 Nov 09:30 New York." in after


async def test_rejecting_records_the_reason(scene: Scene) -> None:
    (ticket,) = await scene.propose("GROQ")

    async with person_at(scene) as person:
        answer = await person.does(path_of(ticket, "reject"), reason=f"  {WHY}\u200b ")
        after = (await person.looks(path_of(ticket))).text

    assert answer.status_code == 303
    (rejected,) = await verdicts_on(scene.app, ticket)
    assert isinstance(rejected, TradeRejected)
    assert common(rejected) == {"reason": WHY, "approver": ME, "channel": "web"}
    assert f"Rejected by {ME} on the web page" in after
    assert "Too crowded." in after


@pytest.mark.parametrize("reason", ["", " \n", "x" * 501])
async def test_a_rejection_without_a_usable_reason_asks_for_one_and_keeps_the_form(
    scene: Scene, reason: str
) -> None:
    (ticket,) = await scene.propose("GROQ")

    async with person_at(scene) as person:
        answer = await person.does(path_of(ticket, "reject"), reason=reason)

    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert f'name="digest" value="{ticket.digest}"' in answer.text
    assert await verdicts_on(scene.app, ticket) == []


async def test_an_approval_can_be_taken_back_until_orders_begin(scene: Scene) -> None:
    (ticket,) = await scene.propose("GROQ")

    async with person_at(scene) as person:
        await person.does(path_of(ticket, "approve"))
        page = (await person.looks(path_of(ticket))).text
        answer = await person.does(path_of(ticket, "revoke"), reason=WHY)
        after = (await person.looks(path_of(ticket))).text

    assert f'href="{path_of(ticket, "revoke")}"' in page
    assert answer.status_code == 303
    approved, revoked = await verdicts_on(scene.app, ticket)
    assert isinstance(approved, TradeApproved)
    assert isinstance(revoked, ApprovalRevoked)
    assert (revoked.reason, revoked.approver, revoked.channel) == (WHY, ME, "web")
    assert "GROQ: pending" in after


async def test_what_was_sent_cannot_be_taken_back(scene: Scene) -> None:
    (ticket,) = await scene.propose("GROQ")

    async with person_at(scene) as person:
        await person.does(path_of(ticket, "approve"))
        form = await person.form(path_of(ticket, "revoke"))
        state = await load_trade(scene.app.deps.store, ticket.trade_id)
        began = ExecutionStarted(
            week_id=ticket.week_id,
            trade_id=ticket.trade_id,
            account=ticket.account,
            client_order_id="one",
            digest=ticket.digest,
        )
        await record(scene.app.deps, [began], {began.stream: state.version})
        asked = await person.looks(path_of(ticket, "revoke"))
        sent = await person.sends(path_of(ticket, "revoke"), form, reason=WHY)
        page = (await person.looks(path_of(ticket))).text

    assert (asked.status_code, sent.status_code) == (409, 409)
    assert "is executing" in sent.text
    assert path_of(ticket, "revoke") not in page
    assert len(await verdicts_on(scene.app, ticket)) == 2


async def test_the_same_form_sent_twice_approves_once(scene: Scene) -> None:
    (ticket,) = await scene.propose("GROQ")

    async with person_at(scene) as person:
        form = await person.form(path_of(ticket, "approve"))
        answers = [await person.sends(path_of(ticket, "approve"), form) for _ in range(3)]

    assert [own.status_code for own in answers] == [303, 409, 409]
    assert f"was already approved by {ME} through web" in answers[1].text
    assert len(await verdicts_on(scene.app, ticket)) == 1


async def test_a_form_from_before_the_approval_was_taken_back_is_refused(scene: Scene) -> None:
    (ticket,) = await scene.propose("GROQ")

    async with person_at(scene) as person:
        form = await person.form(path_of(ticket, "approve"))
        await person.sends(path_of(ticket, "approve"), form)
        await scene.take_back(ticket)
        replayed = await person.sends(path_of(ticket, "approve"), form)
        rejecting = await person.sends(path_of(ticket, "reject"), form, reason=WHY)

    assert (replayed.status_code, rejecting.status_code) == (409, 409)
    assert "was asked again since it was shown" in replayed.text
    kinds = [type(fact).__name__ for fact in await verdicts_on(scene.app, ticket)]
    assert kinds == ["TradeApproved", "ApprovalRevoked"]


@pytest.mark.parametrize("verb", ["approve", "reject"])
async def test_a_ticket_that_changed_since_it_was_shown_is_not_decided(
    scene: Scene, verb: str
) -> None:
    (ticket,) = await scene.propose("GROQ")

    async with person_at(scene) as person:
        form = await person.form(path_of(ticket, verb))
        await scene.change(ticket, target_quantity=400)
        answer = await person.sends(path_of(ticket, verb), form, reason=WHY)

    assert answer.status_code == 409
    assert "no longer the one that was shown" in answer.text
    assert await verdicts_on(scene.app, ticket) == []


@pytest.mark.parametrize("verb", ["approve", "reject"])
async def test_what_expired_is_gone(scene: Scene, verb: str) -> None:
    (ticket,) = await scene.propose("GROQ")

    async with person_at(scene) as person:
        form = await person.form(path_of(ticket, verb))
        scene.clock.advance_to(EXPIRES_AT)
        asked = await person.looks(path_of(ticket, verb))
        page = (await person.looks(path_of(ticket))).text
        before = await verdicts_on(scene.app, ticket)
        sent = await person.sends(path_of(ticket, verb), form, reason=WHY)

    assert (asked.status_code, sent.status_code) == (410, 410)
    assert "expired Tue 24 Nov 15:30 New York" in page
    assert f'href="{path_of(ticket, verb)}"' not in page
    assert before == []
    (expired,) = await verdicts_on(scene.app, ticket)
    assert isinstance(expired, TradeExpired)


async def test_while_the_account_is_halted_it_is_rejected_but_never_approved(scene: Scene) -> None:
    (ticket,) = await scene.propose("GROQ")

    async with person_at(scene) as person:
        form = await person.form(path_of(ticket, "approve"))
        await halt(scene.app.deps, ["GROQ"], reason="Storm.", by="anna", channel="cli")
        asked = await person.looks(path_of(ticket, "approve"))
        sent = await person.sends(path_of(ticket, "approve"), form)
        rejected = await person.does(path_of(ticket, "reject"), reason=WHY)

    assert (asked.status_code, sent.status_code, rejected.status_code) == (409, 409, 303)
    assert "was halted by anna" in sent.text
    (verdict,) = await verdicts_on(scene.app, ticket)
    assert isinstance(verdict, TradeRejected)


async def test_what_was_decided_elsewhere_is_told_with_who_and_where(scene: Scene) -> None:
    (ticket,) = await scene.propose("GROQ")

    async with person_at(scene) as person:
        form = await person.form(path_of(ticket, "reject"))
        await approve(ticket.trade_id, scene.app.deps, decider=ANNA)
        asked = await person.looks(path_of(ticket, "reject"))
        sent = await person.sends(path_of(ticket, "reject"), form, reason=WHY)

    for answer in (asked, sent):
        assert answer.status_code == 409
        assert "was already approved by anna through cli" in answer.text
    assert len(await verdicts_on(scene.app, ticket)) == 1


async def test_of_two_browsers_that_race_exactly_one_decides(scene: Scene) -> None:
    (ticket,) = await scene.propose("GROQ")

    async with person_at(scene) as person:
        approving = await person.form(path_of(ticket, "approve"))
        answers = await asyncio.gather(
            person.sends(path_of(ticket, "approve"), approving),
            person.sends(path_of(ticket, "reject"), approving, reason=WHY),
            person.sends(path_of(ticket, "approve"), approving),
        )

    assert sorted(own.status_code for own in answers) == [303, 409, 409]
    assert len(await verdicts_on(scene.app, ticket)) == 1


@pytest.mark.parametrize(
    ("name", "text"),
    [("digest", ""), ("round", ""), ("round", "-1"), ("round", "\u0661"), ("round", "1" * 5_000)],
    ids=["no digest", "no round", "a negative one", "other digits", "too many digits"],
)
async def test_a_form_that_does_not_say_what_it_showed_decides_nothing(
    scene: Scene, name: str, text: str
) -> None:
    (ticket,) = await scene.propose("GROQ")

    async with person_at(scene) as person:
        form = await person.form(path_of(ticket, "approve"))
        answer = await person.sends(path_of(ticket, "approve"), {**form, name: text})

    assert answer.status_code == 422
    assert await verdicts_on(scene.app, ticket) == []


async def test_a_form_that_took_one_approval_back_takes_no_later_one_back(scene: Scene) -> None:
    (ticket,) = await scene.propose("GROQ")

    async with person_at(scene) as person:
        await person.does(path_of(ticket, "approve"))
        form = await person.form(path_of(ticket, "revoke"))
        first = await person.sends(path_of(ticket, "revoke"), form, reason=WHY)
        await person.does(path_of(ticket, "approve"))
        again = await person.sends(path_of(ticket, "revoke"), form, reason=WHY)

    assert (first.status_code, again.status_code) == (303, 409)
    assert "was asked again since it was shown" in again.text
    assert isinstance((await verdicts_on(scene.app, ticket))[-1], TradeApproved)


async def test_nobody_decides_without_signing_in(scene: Scene) -> None:
    (ticket,) = await scene.propose("GROQ")
    fields = {"digest": ticket.digest, "round": "1", "reason": WHY}

    async with served_to(scene.app) as transport, browser(transport) as its:
        page = (await its.get(path_of(ticket))).text
        for verb in ("approve", "reject", "revoke"):
            asked = await its.get(path_of(ticket, verb))
            sent = await its.post(path_of(ticket, verb), data=fields, headers=SAME_ORIGIN)
            assert asked.status_code == 303
            assert asked.headers["location"] == f"/sign-in?next={path_of(ticket, verb)}"
            assert sent.status_code == 403

    assert "Sign in to decide" in page
    assert f'href="{path_of(ticket, "approve")}"' not in page
    assert await verdicts_on(scene.app, ticket) == []


async def test_a_server_that_only_reads_offers_no_deciding(scene: Scene) -> None:
    (ticket,) = await scene.propose("GROQ")

    async with person_at(scene, reads_only=True) as person:
        page = (await person.looks(path_of(ticket))).text
        for verb in ("approve", "reject", "revoke"):
            fields = {"csrf": person.csrf, "digest": ticket.digest, "round": "1", "reason": WHY}
            assert (await person.looks(path_of(ticket, verb))).status_code == 403
            assert (await person.sends(path_of(ticket, verb), fields)).status_code == 403

    assert f'href="{path_of(ticket, "approve")}"' not in page
    assert "This server only reads." in page
    assert await verdicts_on(scene.app, ticket) == []


async def test_while_the_database_is_away_nothing_is_decided_and_a_sentence_says_so(
    scene: Scene,
) -> None:
    (ticket,) = await scene.propose("GROQ")

    async with person_at(impatient(scene)) as person:
        form = await person.form(path_of(ticket, "approve"))
        await scene.app.pool.close()
        answers = [
            await person.looks(path_of(ticket, "approve")),
            await person.sends(path_of(ticket, "approve"), form),
        ]

    assert [own.status_code for own in answers] == [503, 503]
    assert "Nobody knows" not in answers[1].text


class AnswerLost(PostgresEventStore):
    """Stores what it is given, and never says so."""

    async def append_many(self, writes: Any) -> Any:
        """Lose the answer."""
        await super().append_many(writes)
        raise StoreUnavailable("The database does not answer.")


async def test_where_the_answer_is_lost_the_page_says_that_nobody_knows(scene: Scene) -> None:
    (ticket,) = await scene.propose("GROQ")
    losing = AnswerLost(scene.app.pool, project)
    app = replace(scene.app, deps=replace(scene.app.deps, store=losing))

    async with person_at(replace(scene, app=app)) as person:
        answer = await person.does(path_of(ticket, "approve"))
        again = await person.looks(path_of(ticket, "approve"))

    assert answer.status_code == 503
    assert "Nobody knows whether this was recorded." in answer.text
    assert again.status_code == 409
    assert len(await verdicts_on(scene.app, ticket)) == 1
