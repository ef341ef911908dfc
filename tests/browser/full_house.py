"""A council with much to show: weeks that were played, one that waits, one full of attacks."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from config.clock import VirtualClock
from config.ids import meaning_id, random_id, trade_id_for
from config.loader import load_config
from config.market_calendar import xnys
from config.settings import Settings
from config.weeks import council_week
from council.alert_facts import AlertFailed, AlertGathered
from council.codec import to_event
from council.events import (
    CheckpointAbstained,
    CheckpointTaken,
    DecisionReached,
    ModelCalled,
    PitchAbstained,
    PitchMade,
    ResearchFailed,
    ResearchReceived,
    ReviewAbstained,
    ReviewMade,
    StageCompleted,
    WeekStarted,
)
from council.fact import Fact
from council.model.checkpoint import Action, Checkpoint
from council.model.decision import Decision
from council.model.pitch import Pitch
from council.model.research import CalendarEvent, ConfidenceNotes, ResearchPack, Source
from council.model.review import Review
from council.model.ticket import Ticket
from council.steps import STAGES
from council.trade_facts import DriftDetected, TradeProposed
from council.trading.approvals import Decider
from mcp_server import operations, stopping
from mcp_server.simulating import database_of, simulated_settings
from mcp_server.wiring import App, Terms, assembled
from store.addresses import with_database
from tests.browser.scene import store_week
from tests.builders import (
    NOW,
    make_decision,
    make_pack,
    make_pitch,
    make_review,
    make_ticket,
)
from tests.mcp_server.conftest import OpenApp
from tests.mcp_server.simulations import FIRST_WEEK, make_plan, played
from tests.mcp_server.test_page_weeks_untrusted import Attack
from tests.mcp_server.weeks_scene import called

WEEKS = 2
HOSTILE_WEEK = (FIRST_WEEK + timedelta(weeks=WEEKS)).isoformat()
WEEK = (FIRST_WEEK + timedelta(weeks=WEEKS + 1)).isoformat()
AUTHOR, REVIEWER, CHAIRMAN, DRIFTED = "CHATGPT", "GEMINI", "COUNCIL", "DEEPSEEK"


@dataclass(frozen=True, slots=True)
class House:
    """What is in it, where the week that waits is `WEEK`: the tickets, and every attack's mark."""

    tickets: tuple[Ticket, ...]
    marks: tuple[str, ...]

    def pages(self) -> dict[str, str]:
        """Return the address of every page that a person may come to, by a name."""
        pending, filled = self.tickets[0].trade_id, trade_id_for(FIRST_WEEK.isoformat(), CHAIRMAN)
        hostile = trade_id_for(HOSTILE_WEEK, AUTHOR)
        return {
            "waiting": "/approvals",
            "ticket": f"/approvals/{pending}",
            "ticket, filled": f"/approvals/{filled}",
            "ticket, hostile": f"/approvals/{hostile}",
            "exposure": f"/approvals/{pending}/exposure",
            "approve": f"/approvals/{pending}/approve",
            "reject": f"/approvals/{pending}/reject",
            "refused": f"/approvals/{hostile}/approve",
            "weeks": "/weeks",
            "week": f"/weeks/{FIRST_WEEK}",
            "week, hostile": f"/weeks/{HOSTILE_WEEK}",
            "postmortem": f"/weeks/{FIRST_WEEK}/postmortem",
            "leaderboard": "/leaderboard",
            "account": f"/accounts/{DRIFTED}",
            "costs": "/costs",
            "events": "/events",
            "status": "/status",
            "status, asked": "/status?ask=venues",
            "halt": "/halt",
            "resume": "/resume",
            "sign in": "/sign-in",
            "no such trade": "/approvals/no-such-trade",
        }


async def house(settings: Settings) -> OpenApp:
    """Play the weeks; returns what opens the council afterwards, in the week that waits."""
    plan = make_plan(f"house-{random_id().hex[:8]}", weeks=WEEKS)
    await played(plan, settings)
    dsn = with_database(str(settings.database_dsn), database_of(plan.name))
    schedule = load_config(settings.council_config).schedule
    thursday = council_week(WEEK, xnys(), schedule).starts_at + timedelta(days=1, hours=2)

    @asynccontextmanager
    async def opened() -> AsyncIterator[App]:
        terms = Terms(clock=VirtualClock(thursday), dsn=dsn)
        async with assembled(simulated_settings(settings, plan), terms) as app:
            yield app

    return opened


async def furnish(app: App) -> House:
    """Store the week that waits, and before it one with an attack in every text of others."""
    attack, tickets = Attack(), await store_week(app)
    for fact in (*_hostile_week(attack), *_hostile_news(attack)):
        await app.deps.store.append(fact.stream, [to_event(fact, at=app.deps.clock.now())])
    by = Decider(attack.text(), "cli", "local_user")
    mine = str(trade_id_for(HOSTILE_WEEK, AUTHOR))
    await operations.reject(app, mine, by, reason=attack.text())
    await stopping.halt(app, [REVIEWER], reason=attack.text(), by=attack.text(), channel="cli")
    return House(tickets, tuple(attack.numbers))


def _hostile_week(attack: Attack) -> list[Fact]:
    """Return a week with the attack in every text that others than we wrote."""
    gap = {"week_id": HOSTILE_WEEK, "account": "GROQ", "model": attack.text()}
    return [
        WeekStarted(
            week_id=HOSTILE_WEEK,
            config_hash="x",
            mode="rehearsal",
            query=attack.text(),
            models={},
            degraded=(attack.text(),),
        ),
        _pack(attack),
        ResearchFailed(week_id=HOSTILE_WEEK, pack="B", reason=attack.text()),
        _pitch(attack),
        PitchAbstained(**gap, reason=attack.text()),
        _review(attack),
        ReviewAbstained(**gap, reason=attack.text()),
        _decision(attack),
        *(StageCompleted(week_id=HOSTILE_WEEK, stage=stage) for stage in STAGES[:5]),
        _proposal(attack),
        _look(attack),
        CheckpointAbstained(
            **gap, checkpoint_id=meaning_id("look", 2), slot="14:00", reason=attack.text()
        ),
        _call(attack),
    ]


def _pack(attack: Attack) -> ResearchReceived:
    pack = make_pack(
        week_id=HOSTILE_WEEK,
        event_calendar_next_7d=(CalendarEvent(day="x", event="x", why_it_matters="x"),),
        sources=(Source(title="x", url="https://news.example/", published="x"),),
        confidence_notes=ConfidenceNotes(known_unknowns=("x",), data_quality_flags=("x",)),
        instrument_ranking=make_pack().instrument_ranking[:2],
    )
    ours = ("week_id", "pack", "macro_regime", "instrument", "url")
    own = ResearchPack.model_validate(attack.on(pack, *ours))
    return ResearchReceived(week_id=HOSTILE_WEEK, pack=own, failed_providers=(attack.text(),))


def _pitch(attack: Attack) -> PitchMade:
    ours = ("week_id", "account", "instrument", "horizon", "indicators", "ranking")
    made = make_pitch(AUTHOR, week_id=HOSTILE_WEEK, choice_explanation="x")
    pitch = Pitch.model_validate(attack.on(made, *ours))
    return PitchMade(week_id=HOSTILE_WEEK, account=AUTHOR, pitch=pitch, outcome="valid")


def _review(attack: Attack) -> ReviewMade:
    ours = ("week_id", "reviewer", "anonymized_pitch_id")
    made = make_review(
        REVIEWER,
        AUTHOR,
        week_id=HOSTILE_WEEK,
        pitch_id=meaning_id("pitch", HOSTILE_WEEK, AUTHOR),
    )
    review = Review.model_validate(attack.on(made, *ours))
    return ReviewMade(week_id=HOSTILE_WEEK, account=REVIEWER, review=review)


def _decision(attack: Attack) -> DecisionReached:
    ours = ("week_id", "account", "selected_trade", "authors", "best_reviewed_label", "label")
    made = make_decision(
        week_id=HOSTILE_WEEK, account=CHAIRMAN, authors={"P1": AUTHOR, "P2": REVIEWER}
    )
    decision = Decision.model_validate(attack.on(made, *ours))
    return DecisionReached(
        week_id=HOSTILE_WEEK, account=CHAIRMAN, decision=decision, outcome="valid"
    )


def _proposal(attack: Attack) -> TradeProposed:
    ticket = make_ticket(
        AUTHOR,
        week_id=HOSTILE_WEEK,
        trade_id=trade_id_for(HOSTILE_WEEK, AUTHOR),
        expires_at=datetime.fromisoformat(f"{WEEK}T21:00:00+00:00") + timedelta(days=6),
    )
    return TradeProposed(
        week_id=HOSTILE_WEEK,
        trade_id=ticket.trade_id,
        account=AUTHOR,
        model=attack.text(),
        source_id=meaning_id("pitch", HOSTILE_WEEK, AUTHOR),
        ticket=ticket,
    )


def _look(attack: Attack) -> CheckpointTaken:
    look = Checkpoint(
        checkpoint_id=meaning_id("look", 1),
        week_id=HOSTILE_WEEK,
        slot="12:00",
        taken_at=NOW,
        account=AUTHOR,
        trade_id=trade_id_for(HOSTILE_WEEK, AUTHOR),
        action=Action.EXIT,
        conviction_before=Decimal(1),
        conviction_after=Decimal(0),
        reason_delta=attack.text(),
        indicators=(),
        profit_usd="1",
        event=attack.text(),
        decided_by="model",
        model=attack.text(),
    )
    return CheckpointTaken(week_id=HOSTILE_WEEK, account=AUTHOR, checkpoint=look)


def _call(attack: Attack) -> ModelCalled:
    fields: dict[str, Any] = {
        "asked_by": attack.text(),
        "requested_model": attack.text(),
        "served_model": attack.text(),
        "reason": attack.text(),
        "answer": attack.text(),
    }
    return called(1, HOSTILE_WEEK).model_copy(update=fields)


def _hostile_news(attack: Attack) -> list[Fact]:
    """Return what venues and senders of messages said, and what they meant no good by."""
    return [
        DriftDetected(
            week_id=WEEK,
            account=DRIFTED,
            number=1,
            symbol="TLT",
            expected=0,
            shown=7,
            reason=attack.text(),
        ),
        AlertGathered(
            week_id=WEEK,
            number=1,
            title=attack.text(),
            text=attack.text(),
            alerts=(),
            addresses=(attack.text(),),
            read_from=0,
        ),
        AlertFailed(
            week_id=WEEK,
            number=1,
            address=attack.text(),
            attempt=1,
            reason=attack.text(),
            is_final=True,
        ),
    ]
