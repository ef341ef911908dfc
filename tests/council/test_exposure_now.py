"""What all accounts come to with the trades that wait, however the venues answer."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from broker.errors import VenueUnreachable
from broker.models import Position, VenueName
from council import exposure_now
from council.analytics.lens import market_betas_of
from council.events import SnapshotTaken
from council.exposure_now import exposure_of_tickets, exposure_with
from council.model.market import Correlation
from council.model.ticket import Ticket
from council.ports import Deps
from council.result_facts import EquityMarked
from council.trading.journal import record
from tests.builders import (
    MANAGERS,
    NOW,
    WEEK_ID,
    make_config,
    make_instrument,
    make_snapshot,
    make_ticket,
)
from tests.council.trading.scenes import store_proposal
from tests.fakes import FakeVenue, make_deps

ALIKE = Correlation(first="SPY", second="QQQ", value=0.9)


@dataclass
class AskedVenue(FakeVenue):
    """Counts every request; `silent` never answers."""

    asked: list[str] = field(default_factory=list)
    silent: bool = False

    async def positions(self) -> tuple[Position, ...]:
        self.asked.append("positions")
        if self.silent:
            await asyncio.Event().wait()
        return await super().positions()

    async def account(self) -> Any:
        self.asked.append("account")
        return await super().account()


async def standing(*names: str, **venues: AskedVenue) -> Deps:
    """Return a week whose market table is stored, with a desk for each of `names`."""
    config = make_config()
    deps = make_deps(config)
    desks = {
        name: replace(deps.desks[name], venue=venues.get(name, AskedVenue())) for name in names
    }
    deps = replace(deps, desks=desks)
    snapshot = make_snapshot(correlations=(ALIKE,))
    await record(deps, [SnapshotTaken(week_id=WEEK_ID, snapshot=snapshot)], {})
    return deps


def ticket_of(account: str, **changes: Any) -> Ticket:
    return make_ticket(account, **changes)


async def test_positions_and_tickets_of_all_accounts_are_added_up() -> None:
    holder = AskedVenue(held={"QQQ": 200}, price=Decimal(50))
    deps = await standing("ALPHA", "BRAVO", BRAVO=holder)

    seen = await exposure_with([ticket_of("ALPHA"), ticket_of("BRAVO")], deps)

    assert seen.lens is not None
    before, after = seen.lens.before, seen.lens.after
    assert before.gross == 0.05
    assert before.equity_usd == 200_000
    assert [(line.asset_class, line.net_usd) for line in after.classes] == [
        ("class of SPY", Decimal(100_000)),
        ("class of QQQ", Decimal(10_000)),
    ]
    shared = {(bet.first.instrument, bet.second.instrument) for bet in after.shared_bets}
    assert shared == {("SPY", "SPY"), ("SPY", "QQQ")}
    assert seen.notices == ()


async def test_each_venue_is_asked_once_for_its_positions_and_for_nothing_else() -> None:
    venues = {name: AskedVenue() for name in ("ALPHA", "BRAVO")}
    deps = await standing("ALPHA", "BRAVO", **venues)

    await exposure_with([ticket_of("ALPHA")], deps)

    assert [venue.asked for venue in venues.values()] == [["positions"], ["positions"]]


async def test_a_venue_that_is_away_is_said_and_gives_no_numbers() -> None:
    away = AskedVenue(failure=VenueUnreachable("no answer."))
    deps = await standing("ALPHA", "BRAVO", BRAVO=away)

    seen = await exposure_with([ticket_of("ALPHA")], deps)

    assert seen.lens is None
    assert seen.notices == ("BRAVO cannot be looked at: no answer.",)


async def test_a_venue_that_does_not_answer_holds_nobody_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(exposure_now, "PATIENCE", timedelta(0))
    deps = await standing("ALPHA", ALPHA=AskedVenue(silent=True))

    seen = await exposure_with([ticket_of("ALPHA")], deps)

    assert seen.lens is None
    assert "did not answer within 0 s" in seen.notices[0]


async def test_an_account_without_a_ticket_counts_with_its_newest_mark_or_is_named() -> None:
    deps = await standing("ALPHA", "BRAVO", "CHARLIE")
    for slot, equity in (("open", "50000"), ("12:00", "60000")):
        mark = EquityMarked(
            week_id=WEEK_ID,
            account="BRAVO",
            venue=VenueName.SIMULATED,
            account_number="PA00000002",
            session_on=NOW.date(),
            slot=slot,
            marked_at=NOW + (timedelta(hours=1) if slot != "open" else timedelta(0)),
            equity_usd=Decimal(equity),
            cash_usd=Decimal(equity),
            positions=(),
        )
        await record(deps, [mark], {})

    seen = await exposure_with([ticket_of("ALPHA")], replace(deps, refused_accounts={"ECHO": "no"}))

    assert seen.lens is not None
    assert seen.lens.after.equity_usd == 160_000
    assert seen.notices == (
        "ECHO is refused and not counted.",
        "CHARLIE is not counted: its equity is not known.",
    )


async def test_an_account_that_was_never_marked_counts_with_what_its_proposal_said() -> None:
    deps = await standing("ALPHA", "BRAVO")
    await store_proposal(deps, make_ticket("BRAVO", equity_usd=Decimal(70_000)))

    seen = await exposure_with([ticket_of("ALPHA")], deps)

    assert seen.lens is not None
    assert seen.lens.after.equity_usd == 170_000


async def test_without_a_market_table_or_a_venue_there_are_no_numbers() -> None:
    nothing_stored = make_deps()
    no_venue = replace(await standing(), desks={})

    for deps in (nothing_stored, no_venue):
        seen = await exposure_with([ticket_of("ALPHA")], deps)

        assert seen.lens is None
        assert len(seen.notices) == 1


async def test_tickets_by_themselves_ask_no_venue() -> None:
    venue = AskedVenue(held={"GLD": 900})
    deps = await standing("ALPHA", ALPHA=venue)

    seen = await exposure_of_tickets([ticket_of("ALPHA")], deps)

    assert venue.asked == []
    assert seen.lens is not None
    assert [line.asset_class for line in seen.lens.after.classes] == ["class of SPY"]


def test_a_beta_is_the_correlation_times_the_ratio_of_the_volatilities() -> None:
    def line(symbol: str, volatility: float | None) -> Any:
        return make_instrument(symbol, indicators={"realised_volatility_20d": volatility})

    snapshot = make_snapshot(
        instruments=(line("SPY", 0.2), line("QQQ", 0.3), line("TLT", 0.1), line("USO", None)),
        correlations=(ALIKE, Correlation(first="SPY", second="USO", value=0.5)),
    )

    assert market_betas_of(snapshot) == {"SPY": 1.0, "QQQ": pytest.approx(1.35)}
    assert market_betas_of(make_snapshot(instruments=(line("SPY", None),))) == {}
    assert market_betas_of(make_snapshot(universe=MANAGERS[:1])) == {}
