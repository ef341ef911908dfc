"""Deciding on the page where approval.mode is strict: each approval asks for the passphrase."""

from collections.abc import AsyncIterator

import pytest

from config.settings import Settings
from council.trade_facts import TradeApproved, TradeRejected
from mcp_server.passphrase import TRIES
from tests.mcp_server.approving import Scene, opened_scene
from tests.mcp_server.page_decisions import path_of, person_at, verdicts_on
from tests.mcp_server.signing_in import SECRET

FIELD = 'name="passphrase"'


@pytest.fixture
async def scene(settings: Settings) -> AsyncIterator[Scene]:
    async with opened_scene(settings, "strict") as opened:
        yield opened


async def test_with_the_passphrase_the_approval_counts_as_the_persons_own(scene: Scene) -> None:
    (ticket,) = await scene.propose("GROQ")

    async with person_at(scene) as person:
        asked = (await person.looks(path_of(ticket, "approve"))).text
        answer = await person.does(path_of(ticket, "approve"), passphrase=SECRET)

    assert FIELD in asked
    assert answer.status_code == 303
    (approved,) = await verdicts_on(scene.app, ticket)
    assert isinstance(approved, TradeApproved)
    assert (approved.channel, approved.trust) == ("web", "human_direct")


@pytest.mark.parametrize("given", ["", "not the passphrase"])
async def test_without_the_passphrase_nothing_is_approved_and_the_form_stays(
    scene: Scene, given: str
) -> None:
    (ticket,) = await scene.propose("GROQ")

    async with person_at(scene) as person:
        answer = await person.does(path_of(ticket, "approve"), passphrase=given)
        second = await person.sends(
            path_of(ticket, "approve"), await person.form(path_of(ticket, "approve"))
        )

    assert (answer.status_code, second.status_code) == (403, 403)
    assert "Wrong passphrase, nothing was changed; 4 tries left" in answer.text
    assert FIELD in answer.text
    assert f'name="digest" value="{ticket.digest}"' in answer.text
    assert await verdicts_on(scene.app, ticket) == []


async def test_after_five_wrong_tries_the_right_passphrase_is_locked_out_too(scene: Scene) -> None:
    (ticket,) = await scene.propose("GROQ")

    async with person_at(scene) as person:
        form = await person.form(path_of(ticket, "approve"))
        tries = [
            await person.sends(path_of(ticket, "approve"), form, passphrase="wrong")
            for _ in range(TRIES)
        ]
        right = await person.sends(path_of(ticket, "approve"), form, passphrase=SECRET)

    assert [own.status_code for own in tries] == [403] * (TRIES - 1) + [429]
    assert right.status_code == 429
    assert await verdicts_on(scene.app, ticket) == []


async def test_a_rejection_needs_no_passphrase_for_it_lets_nothing_go(scene: Scene) -> None:
    (ticket,) = await scene.propose("GROQ")

    async with person_at(scene) as person:
        asked = (await person.looks(path_of(ticket, "reject"))).text
        answer = await person.does(path_of(ticket, "reject"), reason="Too crowded.")

    assert FIELD not in asked
    assert answer.status_code == 303
    (rejected,) = await verdicts_on(scene.app, ticket)
    assert isinstance(rejected, TradeRejected)


async def test_a_damaged_form_costs_no_try(scene: Scene) -> None:
    (ticket,) = await scene.propose("GROQ")

    async with person_at(scene) as person:
        form = await person.form(path_of(ticket, "approve"))
        incomplete = await person.sends(
            path_of(ticket, "approve"), {**form, "digest": ""}, passphrase="wrong"
        )
        wrong = await person.sends(path_of(ticket, "approve"), form, passphrase="wrong")

    assert incomplete.status_code == 422
    assert "4 tries left" in wrong.text
