"""Weeks stored fact by fact at a set time, and a browser at the pages that show them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx2

from config.clock import VirtualClock
from config.ids import meaning_id, trade_id_for
from config.settings import Settings
from council.codec import to_event
from council.events import (
    DecisionReached,
    ModelCalled,
    PitchMade,
    ResearchReceived,
    ReviewMade,
    SnapshotTaken,
    StageCompleted,
    WeekStarted,
)
from council.fact import Fact
from council.model.pitch import Pitch
from council.model.review import Review
from council.steps import STAGES
from council.trade_facts import TradeProposed
from mcp_server.host import Host
from mcp_server.wiring import App, Terms, opened_store
from tests.builders import (
    WEEK_ID,
    make_decision,
    make_pack,
    make_pitch,
    make_review,
    make_scores,
    make_snapshot,
    make_ticket,
)
from tests.mcp_server.web import browser, nothing, running

AT = datetime(2026, 11, 19, 15, tzinfo=UTC)
"""Thursday of the week, 10:00 in New York."""
LABELS = {"ALPHA": "P1", "BRAVO": "P2", "CHARLIE": "P3"}


@asynccontextmanager
async def visited(
    settings: Settings, home: Path, *, at: datetime = AT
) -> AsyncIterator[tuple[App, httpx2.AsyncClient, Host]]:
    """Yield the app of a running server at a set time, a browser that looks at it, and its host."""
    terms = Terms(clock=VirtualClock(at))
    host = Host(lambda: opened_store(settings, terms), nothing)
    async with running(home, host=host) as transport, browser(transport) as its:
        yield await host.app(), its, host


async def store(app: App, *facts: Fact, at: datetime | None = None) -> None:
    """Store facts in their order."""
    for fact in facts:
        await app.deps.store.append(fact.stream, [to_event(fact, at=at or app.deps.clock.now())])


def started(week_id: str = WEEK_ID, **changes: Any) -> WeekStarted:
    fields: dict[str, Any] = {
        "week_id": week_id,
        "config_hash": "x",
        "mode": "rehearsal",
        "query": None,
        "models": {},
        "degraded": (),
    }
    return WeekStarted.model_validate({**fields, **changes})


def stages(until: str, week_id: str = WEEK_ID) -> list[Fact]:
    done = STAGES[: STAGES.index(until) + 1]
    return [StageCompleted(week_id=week_id, stage=stage) for stage in done]


def pitched(account: str, **changes: Any) -> PitchMade:
    pitch: Pitch = make_pitch(account, **changes)
    return PitchMade(week_id=pitch.week_id, account=account, pitch=pitch, outcome="valid")


def reviewed(reviewer: str, author: str, score: int = 7, **changes: Any) -> ReviewMade:
    label = {"anonymized_pitch_id": LABELS[author], "scores": make_scores(score)}
    review: Review = make_review(reviewer, author, **{**label, **changes})
    return ReviewMade(week_id=review.week_id, account=reviewer, review=review)


def reviews(*, score: int | None = None) -> list[ReviewMade]:
    """Return every review of three managers' pitches, each with words of its own.

    Each has another `score` too where none is given.
    """
    pairs = [(one, other) for one in LABELS for other in LABELS if one != other]
    return [
        reviewed(
            one, other, score or 3 + at, best_argument_against=f"Objection {number} to this pitch."
        )
        for at, (number, (one, other)) in enumerate(zip("461325", pairs, strict=True))
    ]


def decided(**changes: Any) -> DecisionReached:
    decision = make_decision(**changes)
    return DecisionReached(
        week_id=decision.week_id, account=decision.account, decision=decision, outcome="valid"
    )


def proposed(account: str = "ALPHA", **changes: Any) -> TradeProposed:
    ticket = make_ticket(account, **changes)
    return TradeProposed(
        week_id=ticket.week_id,
        trade_id=ticket.trade_id,
        account=account,
        model="vendor/model",
        source_id=meaning_id("pitch", ticket.week_id, account),
        ticket=ticket,
    )


def called(number: int, week_id: str = WEEK_ID, cost_usd: str | None = "0.25") -> ModelCalled:
    return ModelCalled(
        week_id=week_id,
        call_id=meaning_id("call", week_id, number),
        stage="pitch",
        asked_by="ALPHA",
        requested_model="vendor/model",
        served_model="vendor/model",
        attempt=1,
        outcome="answered",
        reason=None,
        finish_reason="stop",
        prompt_hash="x",
        answer="{}",
        answer_sha256="x",
        prompt_tokens=10,
        completion_tokens=10,
        cost_usd=None if cost_usd is None else Decimal(cost_usd),
        cost_source="none" if cost_usd is None else "provider",
        latency_seconds=1.0,
    )


def whole_week() -> list[Fact]:
    """Return the facts of a week up to its trades."""
    return [
        started(),
        SnapshotTaken(week_id=WEEK_ID, snapshot=make_snapshot()),
        *(ResearchReceived(week_id=WEEK_ID, pack=make_pack(pack)) for pack in "AB"),
        *map(pitched, LABELS),
        *reviews(),
        decided(),
        *stages("propose"),
        proposed(),
        called(1),
        called(2),
    ]


def wednesdays(count: int, last: str = WEEK_ID) -> Sequence[str]:
    """Return so many weeks' ids, oldest first."""
    newest = date.fromisoformat(last)
    return [(newest - timedelta(weeks=ago)).isoformat() for ago in reversed(range(count))]


def trade_of(account: str = "ALPHA", week_id: str = WEEK_ID) -> str:
    return str(trade_id_for(week_id, account))


class Outline(HTMLParser):
    """What a browser would make of a page: its tags, its links, and the text in each section."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[dict[str, str | None]] = []
        self.attributes: set[str] = set()
        self.scripts: list[str] = []
        self._texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag == "a":
            self.links.append(dict(attrs))
        if tag == "section":
            self._open.append(dict(attrs).get("id") or "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "section":
            self._open.pop()
        if tag in ("td", "th"):
            self.handle_data(" ")

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1] in ("script", "style"):
            self.scripts.append(data)
        for name in ("", *self._open):
            self._texts.setdefault(name, []).append(data)

    def text(self, section: str = "") -> str:
        """Return the text of a section, or of the whole page, on one line."""
        return " ".join("".join(self._texts.get(section, [])).split())
