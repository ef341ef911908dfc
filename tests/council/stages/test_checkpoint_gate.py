"""When a checkpoint asks an author, and when the rules alone settle the look."""

from decimal import Decimal

from broker.models import Refused
from config.schema import CheckpointRules
from council.checkpoints import run_checkpoint
from council.events import CheckpointTaken
from council.model.checkpoint import Action, CheckpointAnswer
from council.model.pitch import IndicatorRule
from council.pipeline import load_week
from council.trading.approvals import approve
from council.trading.executor import run_until_settled
from tests.builders import WEEK_ID, make_pitch_answer, make_risk
from tests.council.stages.test_checkpoint import (
    ANNA,
    MINUTE,
    SLOT,
    checkpoint_of,
    move_price,
    open_week,
    ticket_of,
    wanting,
)
from tests.fakes import FakeModels, FakeVenue, usual_answer


def pitching(rule: IndicatorRule, action: Action, conviction: str) -> FakeModels:
    """Return models whose first manager names `rule`, and who answer a checkpoint so."""
    reply = CheckpointAnswer(
        action=action, conviction_after=Decimal(conviction), reason_delta="The rule is met."
    )
    answers = {"checkpoint": reply, "pitch": make_pitch_answer(invalidation_rule=rule)}
    return FakeModels(
        lambda asked: (
            answers[asked.stage]
            if asked.stage == "checkpoint" or (asked.stage, asked.asked_by) == ("pitch", "ALPHA")
            else usual_answer(asked)
        )
    )


async def test_a_quiet_trade_stays_without_asking_a_model() -> None:
    models = FakeModels()
    deps = await open_week(models)

    taken = checkpoint_of(await run_checkpoint(WEEK_ID, deps, slot=SLOT))

    assert (taken.action, taken.decided_by, taken.model) == (Action.STAY, "rules", None)
    assert taken.conviction_after == taken.conviction_before == 1
    assert models.asked_in("checkpoint") == []
    assert (await load_week(WEEK_ID, deps.store)).checkpoints[0].checkpoint == taken


async def test_an_author_that_stayed_is_asked_again_once_the_price_has_moved_on() -> None:
    models = wanting(Action.STAY, "0.5")
    deps = await open_week(models)
    move_price(deps, "80")
    await run_checkpoint(WEEK_ID, deps, slot=SLOT)

    quiet = checkpoint_of(await run_checkpoint(WEEK_ID, deps, slot="14:00"))
    move_price(deps, "70")
    moved = checkpoint_of(await run_checkpoint(WEEK_ID, deps, slot="15:50"))

    assert (quiet.decided_by, moved.decided_by) == ("rules", "model")
    assert "its author's last look" in quiet.reason_delta


async def test_an_exit_that_nobody_approved_is_asked_about_in_every_slot() -> None:
    models = wanting(Action.EXIT, "0")
    deps = await open_week(models)
    move_price(deps, "80")

    for slot in (SLOT, "14:00", "15:50"):
        await run_checkpoint(WEEK_ID, deps, slot=slot)

    assert models.asked_in("checkpoint") == ["ALPHA"] * 3


async def test_an_approved_exit_that_the_venue_refused_is_asked_about_again() -> None:
    models = wanting(Action.EXIT, "0")
    deps = await open_week(models)
    move_price(deps, "80")
    ticket = ticket_of(await run_checkpoint(WEEK_ID, deps, slot=SLOT))
    venue = deps.desks["ALPHA"].venue
    assert isinstance(venue, FakeVenue)
    venue.outcomes.append(lambda _request: Refused(40310000, "account is restricted"))
    await approve(ticket.trade_id, deps, decider=ANNA)
    await run_until_settled(deps, ["ALPHA"], timeout=MINUTE)
    assert venue.held["SPY"] == 500

    again = checkpoint_of(await run_checkpoint(WEEK_ID, deps, slot="14:00"))

    assert (again.decided_by, again.action) == ("model", Action.EXIT)
    assert models.asked_in("checkpoint") == ["ALPHA"] * 2


async def test_an_invalidation_that_is_met_goes_to_its_author_who_is_told() -> None:
    rule = IndicatorRule(name="TLT.close", operator="<", threshold=90.0)
    models = pitching(rule, Action.EXIT, "0")
    deps = await open_week(models)

    quiet = checkpoint_of(await run_checkpoint(WEEK_ID, deps, slot=SLOT))
    move_price(deps, "89.5", "TLT")
    met = checkpoint_of(await run_checkpoint(WEEK_ID, deps, slot="14:00"))

    assert (quiet.decided_by, quiet.invalidation_met) == ("rules", False)
    assert (met.decided_by, met.invalidation_met) == ("model", True)
    assert met.action is Action.EXIT
    assert not any(reading.crossed for reading in met.indicators)
    (question,) = [asked for asked in models.asked if asked.stage == "checkpoint"]
    assert '"invalidation_met":true' in question.own


async def test_a_jump_of_fear_asks_every_author_once_and_is_kept_in_the_record() -> None:
    models = wanting(Action.STAY, "1")
    deps = await open_week(models, accounts=("ALPHA", "BRAVO"))
    move_price(deps, "150", "VIXY")

    jumped = await run_checkpoint(WEEK_ID, deps, slot=SLOT)
    after = await run_checkpoint(WEEK_ID, deps, slot="14:00")

    assert models.asked_in("checkpoint") == ["ALPHA", "BRAVO"]
    looks = [fact.checkpoint for fact in jumped if isinstance(fact, CheckpointTaken)]
    assert all(look.event and look.event.startswith("VIXY rose by") for look in looks)
    assert {look.proxy_price_usd for look in looks} == {"150"}
    assert [fact.checkpoint.event for fact in after if isinstance(fact, CheckpointTaken)] == [
        None,
        None,
    ]


async def test_how_far_fear_must_jump_is_configured() -> None:
    models = wanting(Action.STAY, "1")
    risk = make_risk(checkpoint=CheckpointRules(event_atr=Decimal(100)))
    deps = await open_week(models, risk=risk)
    move_price(deps, "150", "VIXY")

    await run_checkpoint(WEEK_ID, deps, slot=SLOT)

    assert models.asked_in("checkpoint") == []


async def test_the_width_that_counts_as_quiet_is_configured() -> None:
    for quiet_atr, asked in ((Decimal(1), []), (Decimal(0), ["ALPHA"])):
        models = wanting(Action.STAY, "1")
        risk = make_risk(checkpoint=CheckpointRules(quiet_atr=quiet_atr))
        await run_checkpoint(WEEK_ID, await open_week(models, risk=risk), slot=SLOT)

        assert models.asked_in("checkpoint") == asked
