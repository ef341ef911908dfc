from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from broker.errors import VenueUnreachable
from broker.models import Quote
from config.errors import UsageError
from config.schema import Config, RiskFile, SizingPolicy
from council.checkpoints import run_checkpoint
from council.errors import UnknownWeek, WeekBusy, WeekClosed
from council.events import CheckpointAbstained, CheckpointTaken
from council.fact import Fact
from council.model.base import Direction
from council.model.checkpoint import Action, Checkpoint, CheckpointAnswer
from council.model.ticket import Ticket
from council.pipeline import load_week, run_week
from council.ports import Abstained, Deps, Progress, Question
from council.stages.checkpoint import stale_at
from council.trade_facts import TradeProposed
from council.trading.approvals import Decider, approve
from council.trading.executor import run_until_settled
from tests.builders import (
    CHAIRMAN,
    MANAGERS,
    NOW,
    WEEK_ID,
    make_config,
    make_risk,
)
from tests.fakes import (
    FakeMarketData,
    FakeModels,
    FakeVenue,
    make_deps,
    usual_answer,
)

ANNA = Decider("anna", "cli", "local_user")
NOON = datetime(2026, 11, 18, 17, 0, tzinfo=UTC)
SLOT = "12:00"
MINUTE = timedelta(minutes=1)


def answering(reply: CheckpointAnswer | Abstained) -> FakeModels:
    def answer(question: Question[Any]) -> Any:
        return reply if question.stage == "checkpoint" else usual_answer(question)

    return FakeModels(answer)


def wanting(action: Action, conviction: str) -> FakeModels:
    return answering(
        CheckpointAnswer(
            action=action, conviction_after=Decimal(conviction), reason_delta="RSI rolled over."
        )
    )


async def open_week(
    models: FakeModels,
    *,
    accounts: tuple[str, ...] = ("ALPHA",),
    risk: RiskFile | None = None,
    config: Config | None = None,
) -> Deps:
    """Run a week, approve and fill the trades of `accounts`, and let it become noon."""
    config = (config or make_config()).model_copy(update={"risk": risk or make_risk()})
    deps = make_deps(config, models=models)
    context = await run_week(WEEK_ID, deps)
    for proposal in context.proposals:
        if proposal.account in accounts:
            await approve(proposal.trade_id, deps, decider=ANNA)
    await run_until_settled(deps, accounts, timeout=MINUTE)
    await deps.clock.sleep(NOON - deps.clock.now())
    return deps


def move_price(deps: Deps, price: str, symbol: str = "SPY") -> None:
    assert isinstance(deps.market_data, FakeMarketData)
    quote = Quote(symbol, Decimal(price), Decimal(price), NOON - MINUTE)
    deps.market_data.quotes[symbol] = quote


def checkpoint_of(facts: tuple[Fact, ...]) -> Checkpoint:
    (taken,) = [fact for fact in facts if isinstance(fact, CheckpointTaken)]
    return taken.checkpoint


def ticket_of(facts: tuple[Fact, ...]) -> Ticket:
    (proposed,) = [fact for fact in facts if isinstance(fact, TradeProposed)]
    return proposed.ticket


async def test_a_checkpoint_records_the_price_that_it_saw() -> None:
    deps = await open_week(FakeModels())
    move_price(deps, "100.5")

    assert checkpoint_of(await run_checkpoint(WEEK_ID, deps, slot=SLOT)).price_usd == "100.5"


async def test_an_account_without_a_position_is_not_looked_at() -> None:
    deps = await open_week(FakeModels(), accounts=())

    assert await run_checkpoint(WEEK_ID, deps, slot=SLOT) == ()


async def test_a_model_that_wants_to_stay_orders_nothing() -> None:
    deps = await open_week(wanting(Action.STAY, "0.5"))
    move_price(deps, "80")

    facts = await run_checkpoint(WEEK_ID, deps, slot=SLOT)

    taken = checkpoint_of(facts)
    assert (taken.decided_by, taken.model) == ("model", "vendor/model-of-alpha")
    assert (taken.conviction_before, taken.conviction_after) == (Decimal(1), Decimal("0.5"))
    assert len(facts) == 1


async def test_an_exit_waits_for_approval_and_then_closes_everything() -> None:
    deps = await open_week(wanting(Action.EXIT, "0"))
    move_price(deps, "80")

    facts = await run_checkpoint(WEEK_ID, deps, slot=SLOT)

    ticket = ticket_of(facts)
    venue = deps.desks["ALPHA"].venue
    assert isinstance(venue, FakeVenue)
    assert (ticket.direction, ticket.target_quantity) == (Direction.FLAT, 0)
    assert [(leg.leg, leg.quantity) for leg in ticket.legs] == [("close", 500)]
    assert venue.held["SPY"] == 500

    await approve(ticket.trade_id, deps, decider=ANNA)
    await run_until_settled(deps, ["ALPHA"], timeout=MINUTE)
    assert venue.held["SPY"] == 0
    assert await run_checkpoint(WEEK_ID, deps, slot="14:00") == ()


async def test_reducing_keeps_half_of_the_shares() -> None:
    deps = await open_week(wanting(Action.REDUCE, "0.5"))
    move_price(deps, "80")

    ticket = ticket_of(await run_checkpoint(WEEK_ID, deps, slot=SLOT))

    assert (ticket.direction, ticket.target_quantity) == (Direction.LONG, 250)
    assert [(leg.leg, leg.quantity) for leg in ticket.legs] == [("close", 250)]


async def test_a_flip_is_sized_by_the_new_conviction() -> None:
    deps = await open_week(wanting(Action.FLIP, "-1.5"))
    move_price(deps, "80")

    ticket = ticket_of(await run_checkpoint(WEEK_ID, deps, slot=SLOT))

    assert (ticket.direction, ticket.equity_share) == (Direction.SHORT, Decimal("0.25"))
    assert ticket.target_quantity == -312
    assert [leg.leg for leg in ticket.legs] == ["close", "open"]


async def test_a_flip_shrinks_beside_what_the_other_accounts_hold() -> None:
    risk = make_risk(sizing_policy=SizingPolicy.VOLATILITY_TARGET)
    shares: list[Decimal] = []
    for accounts in (("ALPHA",), ("ALPHA", "CHARLIE")):  # CHARLIE goes long IWM
        deps = await open_week(wanting(Action.FLIP, "-1.5"), accounts=accounts, risk=risk)
        move_price(deps, "80")
        facts = await run_checkpoint(WEEK_ID, deps, slot=SLOT)
        tickets = [fact.ticket for fact in facts if isinstance(fact, TradeProposed)]
        shares += [t.equity_share for t in tickets if t.account == "ALPHA"]

    snapshot = (await load_week(WEEK_ID, deps.store)).frozen_snapshot
    known = snapshot.correlation("SPY", "IWM")
    alone, beside = shares
    assert known is not None
    assert known < 0  # so a short of SPY goes with a long of IWM
    assert float(beside / alone) == pytest.approx((1 - known) ** -0.5, abs=1e-3)


async def test_a_conviction_before_is_the_one_that_the_last_checkpoint_left() -> None:
    deps = await open_week(wanting(Action.STAY, "0.5"))
    move_price(deps, "80")
    await run_checkpoint(WEEK_ID, deps, slot=SLOT)

    taken = checkpoint_of(await run_checkpoint(WEEK_ID, deps, slot="14:00"))

    assert taken.conviction_before == Decimal("0.5")


async def test_a_silent_model_is_no_opinion() -> None:
    silent = answering(Abstained("vendor/x", "no answer within 5 s.", "timed_out"))
    deps = await open_week(silent)
    move_price(deps, "80")

    first = await run_checkpoint(WEEK_ID, deps, slot=SLOT)
    second = await run_checkpoint(WEEK_ID, deps, slot=SLOT)

    (fact,) = first
    assert isinstance(fact, CheckpointAbstained)
    assert (fact.reason, fact.slot) == ("no answer within 5 s", SLOT)
    assert second == ()


async def test_a_slot_is_looked_at_once_a_day() -> None:
    models = wanting(Action.EXIT, "0")
    deps = await open_week(models)
    move_price(deps, "80")

    await run_checkpoint(WEEK_ID, deps, slot=SLOT)
    again = await run_checkpoint(WEEK_ID, deps, slot=SLOT)

    assert again == ()
    assert models.asked_in("checkpoint") == ["ALPHA"]


async def test_the_model_sees_no_research_and_no_peers_name() -> None:
    models = wanting(Action.STAY, "1")
    deps = await open_week(models, accounts=(*MANAGERS, CHAIRMAN))
    move_price(deps, "80")

    await run_checkpoint(WEEK_ID, deps, slot=SLOT)

    questions = [question for question in models.asked if question.stage == "checkpoint"]
    assert {question.asked_by for question in questions} == {"ALPHA", CHAIRMAN}
    for question in questions:
        text = question.shared + question.own
        assert "<research_pack" not in text
        assert "<market_table" not in text
        peers = text.partition("<peers")[2].partition("</peers>")[0]
        assert '"instrument"' in peers
        assert not any(name in peers for name in (*MANAGERS, CHAIRMAN))


async def test_one_venue_that_is_away_leaves_the_others_looked_at() -> None:
    deps = await open_week(FakeModels(), accounts=("ALPHA", "BRAVO"))
    venue = deps.desks["ALPHA"].venue
    assert isinstance(venue, FakeVenue)
    venue.failure = VenueUnreachable("no answer")

    facts = await run_checkpoint(WEEK_ID, deps, slot=SLOT)

    assert [fact.about_account for fact in facts] == ["BRAVO"]


@pytest.mark.parametrize(
    ("slot", "now", "stale"),
    [
        ("09:00", datetime(2026, 11, 18, 14, 1, tzinfo=UTC), (2026, 11, 18, 17, 0)),
        ("12:00", datetime(2026, 11, 18, 17, 1, tzinfo=UTC), (2026, 11, 18, 19, 0)),
        ("15:50", datetime(2026, 11, 18, 20, 51, tzinfo=UTC), (2026, 11, 18, 21, 0)),
        ("12:00", datetime(2026, 11, 27, 17, 1, tzinfo=UTC), (2026, 11, 27, 18, 0)),
    ],
    ids=["next slot", "next slot at noon", "the close", "the close of a half day"],
)
async def test_a_ticket_goes_stale_at_the_next_slot_or_the_close(
    slot: str, now: datetime, stale: tuple[int, ...]
) -> None:
    deps = make_deps()
    await deps.clock.sleep(now - NOW)

    year, month, day, hour, minute = stale
    assert stale_at(slot, deps) == datetime(year, month, day, hour, minute, tzinfo=UTC)


async def test_a_slot_that_the_schedule_lacks_is_refused() -> None:
    with pytest.raises(UsageError, match="choose from 09:00, 12:00, 14:00, 15:50"):
        await run_checkpoint(WEEK_ID, make_deps(), slot="12:30")


async def test_a_week_that_nobody_began_has_no_checkpoint() -> None:
    with pytest.raises(UnknownWeek):
        await run_checkpoint(WEEK_ID, make_deps(), slot=SLOT)


async def test_a_week_that_is_over_has_no_checkpoint() -> None:
    deps = make_deps()
    await deps.clock.sleep(timedelta(days=14))

    with pytest.raises(WeekClosed):
        await run_checkpoint(WEEK_ID, deps, slot=SLOT)


async def test_a_look_after_the_close_is_skipped_and_said() -> None:
    told: list[Progress] = []
    deps = replace(await open_week(FakeModels()), tell=told.append)
    await deps.clock.sleep(timedelta(hours=5))

    assert await run_checkpoint(WEEK_ID, deps, slot="15:50") == ()
    assert [news.message for news in told] == [
        "the look at 15:50 is too late, today's session closed at 16:00"
    ]
    assert await run_checkpoint(WEEK_ID, replace(deps, always_open=True), slot="15:50") != ()


async def test_two_checkpoints_at_once_do_not_mix() -> None:
    deps = make_deps()

    async with deps.locks.exclusive(f"week-{WEEK_ID}"):
        with pytest.raises(WeekBusy):
            await run_checkpoint(WEEK_ID, deps, slot=SLOT)


async def test_a_day_without_a_session_is_passed_over() -> None:
    deps = await open_week(FakeModels())
    await deps.clock.sleep(timedelta(days=3))

    assert await run_checkpoint(WEEK_ID, deps, slot=SLOT) == ()
    assert await run_checkpoint(WEEK_ID, replace(deps, always_open=True), slot=SLOT) != ()
