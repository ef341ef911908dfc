"""What the steps of the upkeep have in common: their facts, and whether today had its own."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

from config.clock import NEW_YORK
from config.weeks import week_id_at
from council.codec import to_event, to_fact
from council.fact import Fact
from council.ports import Deps
from council.upkeep_facts import UPKEEP_STREAM

_FactType = TypeVar("_FactType", bound=Fact)


async def upkeep_of(deps: Deps, kind: type[_FactType]) -> list[tuple[datetime, _FactType]]:
    """Return every fact of `kind` in the stream of the upkeep, with its time, the oldest first."""
    events = await deps.store.read_stream(UPKEEP_STREAM)
    wanted = (event for event in events if event.event_type == kind.__name__)
    facts = ((event.timestamp, to_fact(event)) for event in wanted)
    return [(at, fact) for at, fact in facts if isinstance(fact, kind)]


def had_today(deps: Deps, facts: Sequence[tuple[datetime, Fact]]) -> bool:
    """Whether the newest of `facts` is of this New York day."""
    today = deps.clock.now().astimezone(NEW_YORK).date()
    return bool(facts) and facts[-1][0].astimezone(NEW_YORK).date() == today


def week_now(deps: Deps) -> str:
    """Return the week under which facts of the upkeep are filed."""
    return week_id_at(deps.clock.now())


async def record(deps: Deps, fact: Fact) -> None:
    """Store `fact`; storing it again is harmless."""
    await deps.store.append(UPKEEP_STREAM, (to_event(fact, at=deps.clock.now()),))
