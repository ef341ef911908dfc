"""One week as its page shows it: all that is stored of it, and who is at work on it now."""

from dataclasses import dataclass

from config.market_calendar import xnys
from config.weeks import CouncilWeek, council_week
from council.pipeline import load_week
from council.untrusted import clean_text
from mcp_server.host import Host
from mcp_server.readings import read_week
from mcp_server.shapes import WeekShape
from mcp_server.web.checkpoint_views import DayView, day_views, path_of
from mcp_server.web.review_views import ReviewsView, reviews_view
from mcp_server.web.week_costs import KnownCalls, cost_words
from mcp_server.web.week_listing import state_words
from mcp_server.web.week_runs import RunStanding, run_standing
from mcp_server.web.week_views import (
    Cleaned,
    DecisionView,
    Gap,
    MarketView,
    PackView,
    PitchView,
    StageStanding,
    abstentions,
    cleaned,
    decision_view,
    market_view,
    missing_packs,
    pack_views,
    pitch_views,
    stage_standings,
    without_ticket,
)
from mcp_server.wiring import App


@dataclass(frozen=True, slots=True)
class WeekView:
    """All of a week's page; `shape` is the week as every other face of the council shows it."""

    shape: WeekShape
    window: CouncilWeek
    state: str
    degraded: tuple[str, ...]
    run: RunStanding
    question: str | None
    stages: tuple[StageStanding, ...]
    market: MarketView | None
    packs: tuple[PackView, ...]
    missing_packs: tuple[Gap, ...]
    pitches: tuple[PitchView, ...]
    abstentions: tuple[Gap, ...]
    reviews: ReviewsView
    decision: DecisionView | None
    no_decision: str | None
    without_ticket: tuple[Gap, ...]
    trades: tuple[Cleaned, ...]
    days: tuple[DayView, ...]
    path: str | None
    """The convictions over the checkpoints, drawn; None where none was taken."""
    cost: str
    has_postmortem: bool

    @property
    def week_id(self) -> str:
        """Return the week's Wednesday."""
        return self.shape.week_id


async def read_week_view(host: Host, calls: KnownCalls, week_id: str) -> WeekView | None:
    """Return a week, None where nothing is stored of it; `week_id` is a Wednesday's.

    Raises:
        CouncilError: the app cannot be opened, or the store does not answer.
    """
    app = await host.app()
    store = app.deps.store
    context = await load_week(week_id, store)
    if context.started is None:
        return None
    shape = await read_week(app, week_id)
    known = await calls.of(week_id, store)
    run = await run_standing(host, context, known.newest_at)
    return WeekView(
        shape=shape,
        window=council_week(week_id, xnys(), app.deps.config.schedule),
        state=state_words(app, week_id, done=len(shape.completed)),
        degraded=tuple(map(clean_text, shape.degraded)),
        run=run,
        question=clean_text(context.started.query) if context.started.query else None,
        stages=stage_standings(context, at_work=run.at_work),
        market=market_view(context.snapshot),
        packs=pack_views(context),
        missing_packs=missing_packs(context),
        pitches=pitch_views(context, {own.account: own.status for own in shape.pitches}),
        abstentions=abstentions(context),
        reviews=reviews_view(context),
        decision=decision_view(context.decision),
        no_decision=clean_text(context.no_decision.reason) if context.no_decision else None,
        without_ticket=without_ticket(context),
        trades=tuple(map(cleaned, shape.trades)),
        days=day_views(context, await store.read_stream(f"week-{week_id}")),
        path=path_of(context),
        cost=cost_words(known.spending),
        has_postmortem=await has_postmortem(app, week_id),
    )


async def has_postmortem(app: App, week_id: str) -> bool:
    """Return whether numbers of the week are stored, with a text or without."""
    return bool(await app.deps.store.count_rows("weekly_postmortems", where={"week_id": week_id}))
