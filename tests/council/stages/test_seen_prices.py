"""What a checkpoint asks of venues and prices: little, and once for all trades."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

from broker.errors import VenueUnreachable
from broker.models import Quote
from broker.ports import Venue
from council.checkpoints import run_checkpoint
from council.events import CheckpointAbstained, CheckpointTaken
from tests.builders import CHAIRMAN, MANAGERS, WEEK_ID
from tests.council.stages.test_checkpoint import SLOT, checkpoint_of, open_week
from tests.fakes import FakeMarketData, FakeModels, make_quotes


@dataclass
class CountingVenue:
    """Passes everything on to `venue` and keeps what was asked."""

    venue: Venue
    asked: list[str] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        if name != "name":
            self.asked.append(name)
        return getattr(self.venue, name)


@dataclass
class CountingMarketData(FakeMarketData):
    """Counts the looks at quotes, or has none to give."""

    quoted: int = 0
    failure: VenueUnreachable | None = None

    async def latest_quotes(self, symbols: Sequence[str]) -> Mapping[str, Quote]:
        self.quoted += 1
        if self.failure is not None:
            raise self.failure
        return await super().latest_quotes(symbols)


async def test_a_quiet_slot_asks_each_venue_once_for_its_look_and_once_for_its_mark() -> None:
    deps = await open_week(FakeModels(), accounts=MANAGERS)
    market_data = CountingMarketData(
        deps.calendar, quotes=make_quotes((*deps.config.universe, "VIXY"))
    )
    counted = {name: CountingVenue(desk.venue) for name, desk in deps.desks.items()}
    desks = {
        name: replace(desk, venue=cast("Venue", counted[name]), market_data=market_data)
        for name, desk in deps.desks.items()
    }
    deps = replace(deps, desks=desks, market_data=market_data)

    facts = await run_checkpoint(WEEK_ID, deps, slot=SLOT)

    assert [checkpoint_of((fact,)).decided_by for fact in facts] == ["rules"] * len(MANAGERS)
    look, mark = ["positions"], ["account", "positions"]
    assert {name: venue.asked for name, venue in counted.items()} == {
        **{name: [*look, *mark] for name in MANAGERS},
        CHAIRMAN: ["account"],
    }
    assert market_data.quoted == 2


async def test_a_source_of_prices_that_is_away_leaves_only_its_accounts_without_a_look() -> None:
    deps = await open_week(FakeModels(), accounts=("ALPHA", "BRAVO"))
    away = CountingMarketData(deps.calendar, source="elsewhere", failure=VenueUnreachable("away"))
    desks = {**deps.desks, "ALPHA": replace(deps.desks["ALPHA"], market_data=away)}

    facts = await run_checkpoint(WEEK_ID, replace(deps, desks=desks), slot=SLOT)

    assert [type(fact) for fact in facts] == [CheckpointAbstained, CheckpointTaken]
