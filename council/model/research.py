"""A research pack: what goes on in the world, with its sources; never a source of numbers."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from council.model.base import Direction, LongText, ShortText, Value

PackName = Literal["A", "B"]


class MacroRegime(Value):
    """The five dials of the macro regime."""

    risk_mode: Literal["risk_on", "risk_off", "neutral"]
    rates_impulse: Literal["up", "down", "flat"]
    usd_impulse: Literal["up", "down", "flat"]
    inflation_impulse: Literal["up", "down", "flat"]
    growth_impulse: Literal["up", "down", "flat"]


class Narrative(Value):
    """A story that moves prices this week, and what would prove it wrong."""

    name: ShortText
    why_it_moves_prices_this_week: LongText
    key_catalysts_next_7d: Annotated[tuple[ShortText, ...], Field(max_length=6)]
    what_would_falsify_it: ShortText


class ConsensusMap(Value):
    """What the market already believes."""

    street_consensus: LongText
    positioning_guess: LongText
    what_market_is_priced_for: LongText
    what_would_surprise: LongText


class TradableCandidate(Value):
    """An instrument worth a pitch, with the rule that ends the idea."""

    instrument: str
    directional_bias: Direction
    one_week_thesis: LongText
    primary_risks: Annotated[tuple[ShortText, ...], Field(max_length=5)]
    watch_indicators: Annotated[tuple[ShortText, ...], Field(max_length=5)]
    invalidation_rule: ShortText


class CalendarEvent(Value):
    """A scheduled event of the next seven days; `day` as the source gave it."""

    day: ShortText
    event: ShortText
    why_it_matters: ShortText


class ConfidenceNotes(Value):
    """What the pack does not know."""

    known_unknowns: Annotated[tuple[ShortText, ...], Field(max_length=8)]
    data_quality_flags: Annotated[tuple[ShortText, ...], Field(max_length=8)]


class RankedView(Value):
    """One line of the pack's own ranking: 1 is the best instrument to hold for seven days."""

    instrument: str
    rank: Annotated[int, Field(ge=1)]
    reason: ShortText


class ResearchAnswer(Value):
    """What a research provider returns; prices in it are flagged and never used."""

    macro_regime: MacroRegime
    top_narratives: Annotated[tuple[Narrative, ...], Field(min_length=1, max_length=3)]
    consensus_map: ConsensusMap
    tradable_candidates: Annotated[tuple[TradableCandidate, ...], Field(max_length=5)]
    instrument_ranking: tuple[RankedView, ...]
    event_calendar_next_7d: Annotated[tuple[CalendarEvent, ...], Field(max_length=10)]
    confidence_notes: ConfidenceNotes


class Source(Value):
    """Something the pack cites; `published` is its date as the service gave it."""

    title: str
    url: str
    published: str | None = None


class Report(Value):
    """What a research service brought back: its own words, where it read, and what it cost.

    `cost_usd` is None where it is unknown; "provider" says that the service named it.
    """

    text: str
    model: str
    sources: tuple[Source, ...]
    prompt_tokens: int | None
    completion_tokens: int | None
    searches: int | None
    cost_usd: Decimal | None
    cost_source: Literal["provider", "estimate", "none"]


class ResearchPack(ResearchAnswer):
    """An answer with its origin: which provider wrote it, when, and from what."""

    week_id: str
    pack: PackName
    asof_et: datetime
    research_source: str
    """Who wrote it, such as "perplexity/sonar-deep-research" or "prompted:rehearsal/research"."""
    model: str
    sources: tuple[Source, ...]
