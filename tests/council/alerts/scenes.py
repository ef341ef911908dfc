"""Small scenes of telling: a store with facts in it, a carrier that keeps what it is given."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from config.clock import VirtualClock
from config.ids import meaning_id, trade_id_for
from config.model_schema import BudgetConfig
from council.alerts.deliveries import Deliveries, after, sentences
from council.alerts.message import Letterhead
from council.alerts.ports import Attempt, Outcome
from council.alerts.scene import Lens, Scene, seen
from council.alerts.spending import Watermarks
from council.alerts.teller import Teller
from council.codec import to_event, to_fact
from council.events import ModelCalled
from council.fact import Fact
from council.llm.spending import charge_of
from council.ports import Deps
from council.trade_facts import TradeApproved, TradeProposed, TradingHalted
from council.trading.relaying import RELAYED
from store.events import StoredEvent
from tests.builders import EXPIRES_AT, NOW, WEEK_ID, make_ticket
from tests.council.fact_examples import make_call
from tests.fakes import make_deps

MINUTE = timedelta(minutes=1)
PAGE = "http://127.0.0.1:8931"
HEAD = Letterhead(venue="simulated", degraded=("Rehearsal models answer.",), page=PAGE)
MAIL = "mailto://mail.example (000001)"
HOOK = "json://hook.example (000002)"
WAITS = "Council, SIMULATED: 1 trade waits"
HALTS = "Council, SIMULATED: trading halted"
CAPS = BudgetConfig(stage_usd=Decimal(1), week_usd=Decimal(10), month_usd=Decimal(45))
MARKS = Watermarks(CAPS, Decimal("0.8"))


@dataclass
class FakeCarrier:
    """Keeps every message; `answers` are given out first, by address and in order."""

    addresses: tuple[str, ...] = (HOOK,)
    answers: dict[str, list[Attempt | BaseException]] = field(default_factory=dict)
    sent: list[tuple[str, str, str]] = field(default_factory=list)

    async def send(self, address: str, title: str, text: str) -> Attempt:
        """Take the message, unless another answer is planned."""
        planned = self.answers.get(address)
        answer = planned.pop(0) if planned else Attempt(Outcome.SENT)
        if isinstance(answer, BaseException):
            raise answer
        if answer.outcome is not Outcome.FAILED:
            self.sent.append((address, title, text))
        return answer

    @property
    def titles(self) -> list[str]:
        return [title for _, title, _ in self.sent]


NO = Attempt(Outcome.FAILED, "it could not be reached")
PERHAPS = Attempt(Outcome.UNKNOWN, "no answer in 30 s")


def teller_of(deps: Deps, carrier: FakeCarrier, **changes: Any) -> Teller:
    return Teller(replace(deps, **changes), carrier, HEAD)


async def begun(carrier: FakeCarrier) -> tuple[Deps, Teller]:
    """Return a store on which telling has begun, with what tells."""
    deps = make_deps()
    teller = teller_of(deps, carrier)
    await teller.look()
    return deps, teller


def pass_time(deps: Deps, duration: timedelta) -> None:
    assert isinstance(deps.clock, VirtualClock)
    deps.clock.advance_to(deps.clock.now() + duration)


async def store(deps: Deps, *facts: Fact, at: datetime | None = None) -> None:
    """Append facts as they happened now, or `at`."""
    for fact in facts:
        await deps.store.append(fact.stream, (to_event(fact, at=at or deps.clock.now()),))


def proposal(account: str = "ALPHA", *, asked_round: int = 1, **ticket: Any) -> TradeProposed:
    made = make_ticket(account, **{"expires_at": EXPIRES_AT, **ticket})
    return TradeProposed(
        week_id=WEEK_ID,
        trade_id=made.trade_id,
        account=account,
        model="vendor/m",
        source_id=None,
        ticket=made,
        round=asked_round,
    )


def approval(account: str = "ALPHA", channel: Any = "cli", trust: Any = "local_user") -> Fact:
    return TradeApproved(
        week_id=WEEK_ID,
        trade_id=trade_id_for(WEEK_ID, account),
        account=account,
        digest="d",
        approver="ann",
        channel=channel,
        trust=trust,
    )


def stored(fact: Fact, position: int = 1, *, at: datetime = NOW) -> StoredEvent:
    """Return `fact` as the log would hold it at that place."""
    event = to_event(fact, at=at)
    return StoredEvent(
        position=position,
        stream=fact.stream,
        version=position,
        event_id=event.event_id,
        event_type=event.event_type,
        payload=event.payload,
        timestamp=at,
        week_id=fact.week_id,
        account_id=fact.about_account,
        correlation_id=None,
        parent_event_id=None,
    )


def scene_of(*facts: Fact | tuple[Fact, datetime], after: int = 0, **lens: Any) -> Scene:
    """Fold facts, in their order in the log, with what is after position `after` as news."""
    scene = Scene()
    for position, item in enumerate(facts, start=1):
        fact, at = item if isinstance(item, tuple) else (item, NOW)
        event = stored(fact, position, at=at)
        scene = seen(scene, event, to_fact(event), make_lens(after_position=after, **lens))
    return scene


def make_lens(**changes: Any) -> Lens:
    fields: dict[str, Any] = {
        "after_position": 0,
        "relayed": RELAYED,
        "month_of": month_of,
        "charge_of": charge_of,
        "marks": MARKS,
    }
    return Lens(**{**fields, **changes})


def month_of(at: datetime) -> str:
    return at.strftime("%Y-%m")


def trade_id(account: str = "ALPHA") -> UUID:
    return trade_id_for(WEEK_ID, account)


def costing(usd: str, number: int, **changes: Any) -> ModelCalled:
    """Return the call with that number, which cost so much."""
    fields = {"cost_usd": Decimal(usd), "cost_source": "provider", "mode": "strict"}
    return make_call(**{**fields, "call_id": meaning_id("call", number), **changes})


def halted(number: int = 1, account: str = "ALPHA") -> TradingHalted:
    return TradingHalted(
        week_id=WEEK_ID, account=account, number=number, reason="stop", by="ann", channel="cli"
    )


async def standing(deps: Deps) -> Deliveries:
    return after(Deliveries(), await deps.store.read_stream("alerts"))


async def said(deps: Deps) -> list[str]:
    return list(sentences(await standing(deps), deps.clock.now()))


async def looks(teller: Teller, deps: Deps, times: int = 5, each: timedelta = MINUTE) -> None:
    """Let time pass and look, as often as it takes for everything to be told."""
    for _ in range(times):
        pass_time(deps, each)
        await teller.look()
