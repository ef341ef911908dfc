"""From a week's context to what its page shows: pure, and where all that others wrote is cleaned.

Models and the web wrote most of it. A template gets their words only as `cleaned` gives them, so
that no field is forgotten, and their links only as `mcp_server.web.links` lets them through.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pydantic import BaseModel

from council.anonymise import number_flags
from council.context import WeekContext
from council.model.decision import Decision
from council.model.market import InstrumentSnapshot, MarketSnapshot
from council.model.pitch import FrozenIndicator, Pitch
from council.model.research import Source
from council.steps import STAGES
from council.untrusted import clean_text, clean_value
from mcp_server.web.links import Link, link_to

Cleaned = Mapping[str, Any]
"""The fields of a model of the core, every string in them cleaned."""

STAGE_NAMES: Final = {
    "snapshot": "Market table",
    "research": "Research",
    "pitch": "Pitches",
    "peer_review": "Peer review",
    "chairman": "Chairman",
    "propose": "Proposed trades",
}
SHOWN_INDICATORS: Final = (
    ("return_5d", "5 days", "percent"),
    ("return_20d", "20 days", "percent"),
    ("rsi_14", "RSI 14", "number"),
    ("realised_volatility_20d", "Volatility", "percent"),
    ("distance_from_average_50d", "To 50-day mean", "percent"),
)
"""Those of the market table that the page shows: name, heading and how each is written."""


@dataclass(frozen=True, slots=True)
class StageStanding:
    """One stage of the week and where it stands: "done", "under way" or "not yet"."""

    name: str
    title: str
    state: str


@dataclass(frozen=True, slots=True)
class MarketLine:
    """One instrument of the market table in short; a dash stands where its history is short."""

    symbol: str
    asset_class: str
    last_close: str
    figures: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MarketView:
    """The frozen market table in short, the volatility proxy last."""

    as_of_at: datetime
    source: str
    lines: tuple[MarketLine, ...]
    without_prices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Gap:
    """Who gave nothing, and why: a failure, never an opinion; `model` is "" where none is named."""

    who: str
    model: str
    reason: str


@dataclass(frozen=True, slots=True)
class Cited:
    """A source of a pack: what it is called, when it was published, and its link if it may be."""

    title: str
    published: str | None
    link: Link | None


@dataclass(frozen=True, slots=True)
class PackView:
    """One research pack and who wrote it; `asked` are providers that were asked in vain before."""

    pack: Cleaned
    sources: tuple[Cited, ...]
    asked: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PitchView:
    """A manager's pitch; `flags` are its numbers that the market table does not bear out."""

    pitch: Cleaned
    outcome: str
    rules: tuple[tuple[str, float], ...]
    """Each frozen rule with its value at the week's start."""
    invalidation_rule: tuple[str, float] | None
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DecisionView:
    """The decision; each dissent has its author, and `best` is the pitch that the vote put first.

    `best` names the label with its author.
    """

    decision: Cleaned
    dissent: tuple[tuple[str, str], ...]
    best: str


def cleaned(model: BaseModel) -> Cleaned:
    """Return the fields of a model with every string in them cleaned."""
    fields: dict[str, Any] = clean_value(model.model_dump())
    return fields


def stage_standings(context: WeekContext, *, at_work: bool) -> tuple[StageStanding, ...]:
    """Return every stage in its order; `at_work` says that somebody is at the next one now."""
    missing = next((stage for stage in STAGES if stage not in context.completed), None)
    return tuple(
        StageStanding(
            name=stage,
            title=STAGE_NAMES[stage],
            state="done"
            if stage in context.completed
            else ("under way" if at_work and stage == missing else "not yet"),
        )
        for stage in STAGES
    )


def market_view(snapshot: MarketSnapshot | None) -> MarketView | None:
    """Return the market table in short, None before there is one."""
    if snapshot is None:
        return None
    proxy = (snapshot.volatility_proxy,) if snapshot.volatility_proxy else ()
    return MarketView(
        as_of_at=snapshot.as_of_at,
        source=clean_text(snapshot.source),
        lines=tuple(map(_market_line, (*snapshot.instruments, *proxy))),
        without_prices=snapshot.without_prices,
    )


def missing_packs(context: WeekContext) -> tuple[Gap, ...]:
    """Return the packs that nobody could write."""
    return tuple(Gap(gap.pack, "", clean_text(gap.reason)) for gap in context.failed_packs)


def abstentions(context: WeekContext) -> tuple[Gap, ...]:
    """Return the managers that gave no pitch."""
    return tuple(
        Gap(gap.account, clean_text(gap.model), clean_text(gap.reason))
        for gap in context.pitch_abstentions
    )


def without_ticket(context: WeekContext) -> tuple[Gap, ...]:
    """Return the accounts whose pitch or decision led to no trade."""
    return tuple(Gap(gap.account, "", clean_text(gap.reason)) for gap in context.without_ticket)


def pack_views(context: WeekContext) -> tuple[PackView, ...]:
    """Return the packs in their order."""
    second_hand = {fact.pack.pack: fact.failed_providers for fact in context.second_hand}
    return tuple(
        PackView(
            pack=cleaned(pack),
            sources=tuple(map(_cited, pack.sources)),
            asked=tuple(map(clean_text, second_hand.get(pack.pack, ()))),
        )
        for pack in sorted(context.packs, key=lambda pack: pack.pack)
    )


def pitch_views(context: WeekContext, outcomes: Mapping[str, str]) -> tuple[PitchView, ...]:
    """Return every pitch, in the order stored; `outcomes` by account: `valid` or `repaired`."""
    numbers = context.snapshot.numbers() if context.snapshot else {}
    return tuple(
        PitchView(
            pitch=_ranked(pitch),
            outcome=outcomes.get(pitch.account, "valid"),
            rules=tuple(map(_rule, pitch.indicators)),
            invalidation_rule=_rule(pitch.invalidation_rule) if pitch.invalidation_rule else None,
            flags=tuple(map(clean_text, number_flags(pitch, numbers))),
        )
        for pitch in context.pitches
    )


def decision_view(decision: Decision | None) -> DecisionView | None:
    """Return the decision with its dissent under the authors' names, None where there is none."""
    if decision is None:
        return None
    label = decision.best_reviewed_label
    author = decision.authors.get(label)
    return DecisionView(
        decision=cleaned(decision),
        dissent=tuple(
            (clean_text(decision.authors.get(view.label, view.label)), clean_text(view.view))
            for view in decision.dissent_summary
        ),
        best=clean_text(f"{label} ({author})" if author else label),
    )


def _market_line(line: InstrumentSnapshot) -> MarketLine:
    return MarketLine(
        symbol=line.symbol,
        asset_class=clean_text(line.asset_class).replace("_", " "),
        last_close=f"{line.last_close:,.2f}",
        figures=tuple(
            _figure(line.indicators.get(name), unit) for name, _, unit in SHOWN_INDICATORS
        ),
    )


def _rule(rule: FrozenIndicator) -> tuple[str, float]:
    return str(rule), rule.current


def _ranked(pitch: Pitch) -> Cleaned:
    """Return a pitch whose ranking begins with the best."""
    ranking = tuple(sorted(pitch.ranking, key=lambda place: place.rank))
    return cleaned(pitch.model_copy(update={"ranking": ranking}))


def _cited(source: Source) -> Cited:
    link, title = link_to(source.url), clean_text(source.title).strip()
    # A title may pretend to be another address; the host beside it is what counts.
    return Cited(
        title=title or (link.host if link else "a source without a title"),
        published=clean_text(source.published) if source.published else None,
        link=link,
    )


def _figure(value: float | None, unit: str) -> str:
    if value is None:
        return "\N{EN DASH}"
    if unit == "percent":
        return f"{value * 100:+.1f}%".replace("-", "\N{MINUS SIGN}")
    return f"{value:.1f}"
