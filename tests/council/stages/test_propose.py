from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from broker.errors import VenueUnreachable
from broker.models import Account, OrderRequest, VenueName
from config.ids import trade_id_for
from config.schema import RiskLimits, SizingPolicy
from council.context import WeekContext
from council.events import NoDecision, NoTicket, PitchAbstained
from council.fact import Fact
from council.model.base import Direction
from council.model.market import Correlation
from council.ports import Deps
from council.stages.propose import ALWAYS_OPEN_LIFETIME, propose
from council.trade_facts import TradeProposed
from council.trading.approvals import approve
from council.trading.executor import run_until_settled
from tests.builders import (
    CHAIRMAN,
    EXPIRES_AT,
    MANAGERS,
    NOW,
    WEEK_ID,
    make_config,
    make_decision,
    make_instrument,
    make_pitch,
    make_risk,
    make_snapshot,
)
from tests.council.trading.scenes import ANNA, proposed
from tests.fakes import FakeMarketData, FakeVenue, make_deps


def week(**changes: Any) -> WeekContext:
    """Return a week with a pitch of every manager and a decision."""
    fields: dict[str, Any] = {
        "snapshot": make_snapshot(),
        "pitches": tuple(make_pitch(account) for account in MANAGERS),
        "decision": make_decision(instrument="TLT", direction=Direction.SHORT),
    }
    return WeekContext(WEEK_ID, **{**fields, **changes})


VOLATILITY_CONFIG = make_config().model_copy(
    update={"risk": make_risk(sizing_policy=SizingPolicy.VOLATILITY_TARGET)}
)


def targeting(pairs: Sequence[tuple[str, str, float]], **changes: Any) -> WeekContext:
    """Return a week in which SPY and TLT have a volatility of 10 %, and `pairs` a correlation."""
    calm = {"realised_volatility_20d": 0.1}
    snapshot = make_snapshot(
        instruments=tuple(make_instrument(symbol, indicators=calm) for symbol in ("SPY", "TLT")),
        correlations=tuple(Correlation(first=a, second=b, value=c) for a, b, c in pairs),
    )
    return week(snapshot=snapshot, **changes)


def by_account(facts: tuple[Fact, ...]) -> dict[str, Any]:
    return {fact.about_account or "": fact for fact in facts}


def venue_of(deps: Deps, account: str) -> FakeVenue:
    venue = deps.desks[account].venue
    assert isinstance(venue, FakeVenue)
    return venue


async def test_every_manager_and_the_council_get_one_ticket() -> None:
    facts = await propose(week(), make_deps())

    proposals = [fact for fact in facts if isinstance(fact, TradeProposed)]
    assert [fact.account for fact in proposals] == [*MANAGERS, CHAIRMAN]
    assert all(fact.trade_id == trade_id_for(WEEK_ID, fact.account) for fact in proposals)
    assert len(facts) == 6


async def test_a_ticket_says_whose_idea_it_is_and_what_it_costs() -> None:
    pitch = make_pitch("ALPHA")

    fact = by_account(await propose(week(), make_deps()))["ALPHA"]

    ticket = fact.ticket
    assert (fact.model, fact.source_id, fact.round) == (pitch.model, pitch.idea_id, 1)
    assert (ticket.equity_share, ticket.target_quantity) == (Decimal("0.5"), 500)
    assert (ticket.reference_price, ticket.notional_usd) == (Decimal(100), Decimal(50_000))
    assert (ticket.lowest_price, ticket.highest_price) == (Decimal(98), Decimal(102))
    assert ticket.expires_at == EXPIRES_AT
    assert ticket.digest == ticket.computed_digest()


async def test_the_council_trades_the_decision() -> None:
    fact = by_account(await propose(week(), make_deps()))[CHAIRMAN]

    assert fact.source_id is None
    assert (fact.ticket.instrument, fact.ticket.target_quantity) == ("TLT", -500)


async def test_a_ticket_starts_from_the_position_that_is_held() -> None:
    deps = make_deps()
    venue_of(deps, "ALPHA").held["SPY"] = -120

    ticket = by_account(await propose(week(), deps))["ALPHA"].ticket

    assert [(leg.leg, leg.quantity) for leg in ticket.legs] == [("close", 120), ("open", 500)]


@pytest.mark.parametrize(
    ("direction", "conviction"), [(Direction.FLAT, Decimal(0)), (Direction.SHORT, Decimal(-2))]
)
async def test_a_trade_that_buys_nothing_is_proposed_as_such(
    direction: Direction, conviction: Decimal
) -> None:
    flat = make_pitch(
        "ALPHA", direction=direction, conviction=conviction, choice_explanation="It is dear."
    )

    ticket = by_account(await propose(week(pitches=(flat,)), make_deps()))["ALPHA"].ticket

    assert (ticket.target_quantity, ticket.legs) == (0, ())


async def test_who_abstained_and_a_missing_decision_get_a_reason_instead() -> None:
    context = week(
        pitches=(make_pitch("BRAVO"),),
        pitch_abstentions=(
            PitchAbstained(week_id=WEEK_ID, account="ALPHA", model="m", reason="no answer in 5 s"),
        ),
        decision=None,
        no_decision=NoDecision(week_id=WEEK_ID, account=CHAIRMAN, reason="too few reviews"),
    )

    facts = by_account(await propose(context, make_deps()))

    assert "no answer in 5 s" in facts["ALPHA"].reason
    assert "too few reviews" in facts[CHAIRMAN].reason
    assert isinstance(facts["BRAVO"], TradeProposed)


async def test_one_venue_that_is_away_costs_only_its_own_account_the_week() -> None:
    deps = make_deps()
    venue_of(deps, "ALPHA").failure = VenueUnreachable("ALPHA's venue did not answer.")

    facts = by_account(await propose(week(), deps))

    assert isinstance(facts["ALPHA"], NoTicket)
    assert facts["ALPHA"].reason == "ALPHA's venue did not answer"
    assert sum(isinstance(fact, TradeProposed) for fact in facts.values()) == 5


async def test_a_few_lost_answers_cost_no_account_its_week() -> None:
    deps = make_deps()
    venue, lost = venue_of(deps, "ALPHA"), [VenueUnreachable("lost")] * 3

    async def account() -> Account:
        if lost:
            raise lost.pop()
        return await type(venue).account(venue)

    venue.account = account  # type: ignore[method-assign]  # one venue, with a bad wire

    facts = by_account(await propose(week(), deps))

    assert isinstance(facts["ALPHA"], TradeProposed)


async def test_when_every_venue_is_away_the_stage_can_be_run_again() -> None:
    deps = make_deps()
    for account in deps.desks:
        venue_of(deps, account).failure = VenueUnreachable("no answer")

    with pytest.raises(VenueUnreachable):
        await propose(week(), deps)


async def test_a_refused_account_is_named_with_its_reason() -> None:
    deps = make_deps()
    desks = {name: desk for name, desk in deps.desks.items() if name != "ALPHA"}
    deps = replace(deps, desks=desks, refused_accounts={"ALPHA": "its key is another account's."})

    fact = by_account(await propose(week(), deps))["ALPHA"]

    assert fact.reason == "its key is another account's"


async def test_an_account_of_another_number_gets_no_ticket() -> None:
    deps = make_deps()
    venue_of(deps, "ALPHA").account_number = "PA99999999"

    assert "PA99999999" in by_account(await propose(week(), deps))["ALPHA"].reason


async def test_without_a_quote_there_is_no_ticket() -> None:
    deps = make_deps()
    assert isinstance(deps.market_data, FakeMarketData)
    del deps.market_data.quotes["TLT"]

    facts = by_account(await propose(week(), deps))

    assert facts[CHAIRMAN].reason == "there is no quote for TLT"


async def test_the_volatility_target_uses_the_frozen_table() -> None:
    calm = make_instrument("SPY", indicators={"realised_volatility_20d": 0.2})
    unknown = make_instrument("TLT", indicators={"realised_volatility_20d": None})
    known = Correlation(first="SPY", second="TLT", value=0.0)
    snapshot = make_snapshot(instruments=(calm, unknown), correlations=(known,))
    context = week(snapshot=snapshot, pitches=(make_pitch("ALPHA"),))

    facts = by_account(await propose(context, make_deps(VOLATILITY_CONFIG)))

    assert facts["ALPHA"].ticket.equity_share == Decimal("0.25")
    assert facts[CHAIRMAN].reason == "the volatility of TLT is unknown"


async def test_bets_on_what_moves_alike_shrink_and_an_unknown_pair_counts_as_one() -> None:
    # Five accounts long SPY and the council short TLT: 1 + 4 x 1 + what the pair adds.
    for known, expected in [((), "0.2041"), ((("SPY", "TLT", -0.25),), "0.2182")]:
        facts = by_account(await propose(targeting(known), make_deps(VOLATILITY_CONFIG)))

        assert facts["ALPHA"].ticket.equity_share == Decimal(expected)

    assert facts[CHAIRMAN].ticket.equity_share == Decimal("0.3333")


async def test_a_hedge_or_an_abstention_shrinks_nobody() -> None:
    alone = targeting((("SPY", "TLT", 0.9),), pitches=(make_pitch("ALPHA"),))

    facts = by_account(await propose(alone, make_deps(VOLATILITY_CONFIG)))

    assert facts["ALPHA"].ticket.equity_share == Decimal("0.5")


async def test_what_the_other_accounts_hold_counts_as_their_bet_too() -> None:
    deps = make_deps(VOLATILITY_CONFIG)
    venue_of(deps, "BRAVO").held["QQQ"] = 10
    venue_of(deps, "CHARLIE").held["QQQ"] = -10
    venue_of(deps, "DELTA").failure = VenueUnreachable("DELTA's venue did not answer.")
    pairs = (("SPY", "TLT", 0.0), ("SPY", "QQQ", 0.5), ("TLT", "QQQ", 0.0))
    alone = targeting(pairs, pitches=(make_pitch("ALPHA"),))

    facts = by_account(await propose(alone, deps))

    assert facts["ALPHA"].ticket.equity_share == Decimal("0.4082")


@pytest.mark.parametrize(
    ("limits", "equity", "reason"),
    [
        (
            {"order_notional_usd": 40_000},
            100_000,
            "limit order_notional_usd: the order is worth 50,000 of at most 40,000",
        ),
        (
            {"gross_exposure": Decimal("0.4")},
            100_000,
            "limit gross_exposure: all positions would be worth 50,000 of at most 40,000, "
            "0.40 times the equity",
        ),
        (
            {"shares_a_day": 499},
            100_000,
            "limit shares_a_day: 500 shares would be traded today of at most 499",
        ),
        (
            {},
            1_500,
            "limit short_minimum_equity_usd: the account's equity is 1,500, a short needs 2,000",
        ),
    ],
    ids=["notional", "gross", "shares", "short"],
)
async def test_a_trade_beyond_a_limit_gets_its_reason_and_no_smaller_ticket(
    limits: dict[str, Any], equity: int, reason: str
) -> None:
    risk = make_risk(limits=RiskLimits(**limits))
    deps = make_deps(make_config().model_copy(update={"risk": risk}))
    venue_of(deps, CHAIRMAN).equity = Decimal(equity)

    fact = by_account(await propose(week(), deps))[CHAIRMAN]

    assert isinstance(fact, NoTicket)
    assert fact.reason == reason


async def test_a_way_out_is_proposed_whatever_the_limits() -> None:
    risk = make_risk(limits=RiskLimits(order_notional_usd=Decimal(1), shares_a_day=1))
    deps = make_deps(make_config().model_copy(update={"risk": risk}))
    venue_of(deps, "ALPHA").held["SPY"] = 900

    ticket = by_account(await propose(week(), deps))["ALPHA"].ticket

    assert [(leg.leg, leg.quantity) for leg in ticket.legs] == [("close", 400)]


async def test_an_account_enters_no_second_instrument_in_a_week() -> None:
    deps = make_deps()
    await proposed(deps, instrument="QQQ", trade_id=uuid4())
    (waiting,) = await deps.store.rows("trades", where={"account_id": "ALPHA"})
    await approve(waiting["trade_id"], deps, decider=ANNA)
    await run_until_settled(deps, ["ALPHA"], timeout=timedelta(minutes=1))

    facts = by_account(await propose(week(), deps))

    assert facts["ALPHA"].reason == (
        "limit one_instrument_a_week: SPY would be instrument 2 of at most 1 that the account "
        "enters this week, after QQQ"
    )
    assert isinstance(facts["BRAVO"], TradeProposed)


async def test_an_exchange_that_is_always_open_gives_a_day_at_least() -> None:
    deps = make_deps(always_open=True)
    await deps.clock.sleep(EXPIRES_AT - NOW - timedelta(hours=1))

    ticket = by_account(await propose(week(), deps))["ALPHA"].ticket

    assert ticket.expires_at == EXPIRES_AT - timedelta(hours=1) + ALWAYS_OPEN_LIFETIME


async def test_ignored_hours_keep_no_real_account_open_after_the_last_entry() -> None:
    deps = make_deps(always_open=True)
    desk = deps.desks["ALPHA"]
    paper = replace(venue_of(deps, "ALPHA"), name=VenueName.ALPACA_PAPER)
    deps = replace(deps, desks={**deps.desks, "ALPHA": replace(desk, venue=paper)})
    await deps.clock.sleep(EXPIRES_AT - NOW - timedelta(hours=1))

    ticket = by_account(await propose(week(), deps))["ALPHA"].ticket

    assert ticket.expires_at == EXPIRES_AT


async def test_proposing_sends_nothing() -> None:
    deps = make_deps()

    await propose(week(), deps)

    sent: list[OrderRequest] = [
        order for account in deps.desks for order in venue_of(deps, account).submitted
    ]
    assert sent == []
