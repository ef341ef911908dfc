"""Frozen models of the five YAML files, which are the single source of truth for what they say."""

import re
from datetime import date, time, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _clock_text(value: object) -> object:
    # A bare number would be taken for seconds since midnight.
    if isinstance(value, time) or (isinstance(value, str) and re.fullmatch(r"\d\d:\d\d", value)):
        return value
    raise ValueError('write a time of day as "HH:MM"')


Nickname = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{0,19}$")]
Symbol = Annotated[str, Field(pattern=r"^[A-Z]{1,5}$")]
HostName = Annotated[str, Field(min_length=3, max_length=253, pattern=r"^[a-z0-9][a-z0-9.-]*$")]
ModelId = Annotated[str, Field(min_length=3, max_length=120, pattern=r"^[\w.:@/+-]+$")]
TimeOfDay = Annotated[time, BeforeValidator(_clock_text)]
"""New York wall time, written "HH:MM" in quotes."""
Share = Annotated[Decimal, Field(ge=0, le=1)]
"""A fraction of an account's equity."""


YearlyRate = Annotated[Decimal, Field(ge=0, le=1)]
"""A fraction of a price, for a year."""


class Section(BaseModel):
    """The base of every part of the configuration: frozen, nothing unknown, no NaN."""

    # Built at first use: a command uses few of them and would wait for all.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)


class Role(StrEnum):
    """What an account's model does in the week."""

    PORTFOLIO_MANAGER = "portfolio_manager"
    CHAIRMAN = "chairman"


class AccountConfig(Section):
    """One paper account and the part that its model plays (`accounts.yaml`)."""

    nickname: Nickname
    account_number: Annotated[str, Field(pattern=r"^PA[A-Z0-9]{6,20}$")]
    role: Role


class AccountsFile(Section):
    """`accounts.yaml`: any number of portfolio managers and one chairman."""

    accounts: Annotated[tuple[AccountConfig, ...], Field(min_length=2)]


class InstrumentConfig(Section):
    """One tradable instrument and the class that it stands for."""

    symbol: Symbol
    asset_class: str
    name: str
    enabled: bool = True
    alternate_for: Symbol | None = None
    duration_years: Annotated[Decimal, Field(gt=0, le=40)] | None = None
    """Effective duration: by how many percent it falls where yields rise by one point."""
    duration_as_of: date | None = None
    dividend_yield: YearlyRate | None = None
    """What it pays out in a year, as a fraction of its price."""
    borrow_rate: YearlyRate | None = None
    """What a year's loan of it for a short sale costs, as a fraction of its price."""
    rates_as_of: date | None = None


class AssetsFile(Section):
    """`assets.yaml`: the universe, and the tradable proxy for volatility (never traded itself)."""

    instruments: Annotated[tuple[InstrumentConfig, ...], Field(min_length=1)]
    volatility_proxy: Symbol


class ModelConfig(Section):
    """Which model answers for a role: the first of `model`, `fallbacks` that the gateway serves.

    `rehearsal` names the rule-based stand-in that answers without a gateway key.
    """

    model: ModelId
    fallbacks: tuple[ModelId, ...] = ()
    rehearsal: Annotated[str, Field(pattern=r"^rehearsal/[a-z-]+$")]
    max_output_tokens: Annotated[int, Field(ge=256, le=64_000)] = 8_000
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high"] | None = None


class ResearchPackConfig(ModelConfig):
    """One research pack: its services in the order they are tried, then `model` by prompt alone."""

    pack: Literal["A", "B"]
    enabled: bool = True
    services: tuple[Literal["perplexity", "gemini"], ...] = ()


Price = Annotated[Decimal, Field(ge=0, le=1_000)]
"""US dollars for as much as the name of the key says."""


class ServiceConfig(Section):
    """Where a research service is, how often a job is looked at, and when it is given up."""

    address: str
    poll_seconds: Annotated[float, Field(gt=0, le=600)]
    give_up_minutes: Annotated[float, Field(gt=0, le=240)]
    report_usd: Price
    """What a report can cost: set aside before a job is handed in."""

    @property
    def poll_every(self) -> timedelta:
        """Return the time between two looks at a job."""
        return timedelta(seconds=self.poll_seconds)

    @property
    def give_up_after(self) -> timedelta:
        """Return how long a report is waited for, from when its job was taken."""
        return timedelta(minutes=self.give_up_minutes)


class PerplexityConfig(ServiceConfig):
    """Perplexity's deep research; `asks_for_schema` has it write the pack itself."""

    model: str
    reasoning_effort: Literal["minimal", "low", "medium", "high"]
    asks_for_schema: bool = True


class GeminiConfig(ServiceConfig):
    """Gemini's deep research; it names no cost, so its prices stand here."""

    agent: str
    input_usd_per_million: Price
    output_usd_per_million: Price
    search_usd: Price


class ResearchServices(Section):
    """The research services; one that is absent cannot be named by a pack."""

    perplexity: PerplexityConfig | None = None
    gemini: GeminiConfig | None = None


class GatewayConfig(Section):
    """What one gateway does otherwise than the default; `ids` maps our model ids to its own."""

    ids: dict[ModelId, ModelId] = {}
    require_parameters: bool = False
    """Whether it has to be told to pass requests only to providers that obey every option."""


class CallLimits(Section):
    """Bounds of a call to the gateway."""

    call_timeout_seconds: Annotated[float, Field(gt=0, le=600)]
    stage_timeout_seconds: Annotated[float, Field(gt=0, le=3600)]
    attempts: Annotated[int, Field(ge=1, le=6)]
    quorum_pitches: Annotated[int, Field(ge=1)]
    quorum_reviews: Annotated[int, Field(ge=1)]


Dollars = Annotated[Decimal, Field(gt=0, le=10_000)]


class BudgetConfig(Section):
    """What calls to models may cost, in USD; None is no cap."""

    stage_usd: Dollars | None = None
    """Of one run of one stage; reports of research services do not count here."""
    week_usd: Dollars | None = None
    month_usd: Dollars | None = None


class PriceConfig(Section):
    """USD per million tokens of one model."""

    input: Dollars
    output: Dollars


class PriceTable(Section):
    """Prices by model id for where the gateway names none, as they were on `as_of`."""

    as_of: date | None = None
    usd_per_million: dict[ModelId, PriceConfig] = {}


class ModelsFile(Section):
    """`models.yaml`: a model for every account (by nickname) and for every research pack."""

    accounts: dict[Nickname, ModelConfig]
    research: tuple[ResearchPackConfig, ...]
    research_services: ResearchServices = Field(default_factory=ResearchServices)
    gateways: dict[HostName, GatewayConfig] = {}
    """By the host of the gateway's address; one that is not listed takes the ids as they are."""
    limits: CallLimits
    budget: BudgetConfig = Field(default_factory=BudgetConfig)
    prices: PriceTable = Field(default_factory=PriceTable)
    training_until: dict[ModelId, date] = {}
    """By model, the last day that its training can have read about, as its vendor published it."""


class ScheduleFile(Section):
    """`schedule.yaml`: times of day in America/New_York."""

    week_starts: TimeOfDay
    checkpoints: tuple[TimeOfDay, ...]
    last_entry: TimeOfDay
    """No entry later on the week's last session; half days: as long before the close."""


class SizingPolicy(StrEnum):
    """How conviction becomes a share of equity."""

    CONVICTION_TABLE = "conviction_table"
    LINEAR = "linear"
    VOLATILITY_TARGET = "volatility_target"


class ConvictionRow(Section):
    """One column of the owner's table: the share of equity at this conviction."""

    conviction: Annotated[Decimal, Field(ge=-2, le=2, multiple_of=Decimal("0.5"))]
    share: Share


class ApprovalConfig(Section):
    """How a trade is approved and how far the price may move before the approval is void."""

    mode: Literal["conversational", "strict"] = "conversational"
    price_band: Annotated[Decimal, Field(gt=0, le=Decimal("0.2"))]
    relayed_trade_usd: Annotated[Decimal, Field(gt=0, le=10_000_000)] = Decimal(150_000)
    """The largest notional of a trade that an assistant may pass an approval on for."""
    relayed_day_usd: Annotated[Decimal, Field(gt=0, le=100_000_000)] = Decimal(1_000_000)
    """The sum of such notionals, approved on one New York day."""
    forms_never_shown: tuple[str, ...] = ()
    """Names of MCP clients that declare forms and show none: they get the phrase instead."""


class RiskLimits(Section):
    """Hard limits of every account, asked before each order; what only reduces passes by size.

    That an account enters one instrument a week is a rule without a number.
    """

    gross_exposure: Annotated[Decimal, Field(gt=0, le=2)] = Decimal(1)
    """The sum of all positions' absolute values after an order, as a fraction of equity."""
    order_notional_usd: Annotated[Decimal, Field(gt=0, le=10_000_000)] = Decimal(150_000)
    shares_a_day: Annotated[int, Field(ge=1, le=10_000_000)] = 50_000
    """Shares bought and sold, added up over a New York day."""
    quote_age_seconds: Annotated[float, Field(gt=0, le=3600)] = 120.0
    daily_loss: Annotated[Decimal, Field(gt=0, le=1)] = Decimal("0.05")
    """A fraction of the equity at the last close; beyond it the account halts."""
    short_minimum_equity_usd: Annotated[Decimal, Field(ge=0, le=10_000_000)] = Decimal(2_000)
    clock_skew_seconds: Annotated[float, Field(gt=0, le=60)] = 2.0
    """Between our clock and the venue's, whichever is ahead."""


class CheckpointRules(Section):
    """When the rules alone settle a look at an open trade."""

    quiet_atr: Annotated[Decimal, Field(ge=0, le=10)] = Decimal(1)
    """A price that moved by less than this many ATR calls for no opinion; 0: always asked."""
    event_atr: Annotated[Decimal, Field(gt=0, le=100)] = Decimal(2)
    """A volatility proxy that rose by this many of its own ATR is an event: all are asked."""


class AlertRules(Section):
    """When the owner is told of what nobody stored as an event: time and money running out."""

    expires_soon_minutes: Annotated[int, Field(ge=1, le=10_080)] = 120
    """So long before a waiting trade expires; at the earliest in the last quarter of its time."""
    budget_share: Annotated[Decimal, Field(gt=0, le=1)] = Decimal("0.8")
    """Of a cap of `models.yaml`: once so much of it is spent."""


class RiskFile(Section):
    """`risk.yaml`: sizing, limits, approval and alerts, outside of any model's reach."""

    sizing_policy: SizingPolicy
    conviction_table: tuple[ConvictionRow, ...]
    linear_share_per_unit: Share
    volatility_target: Annotated[Decimal, Field(gt=0, le=1)] = Decimal("0.10")
    """Annualised, as a fraction: what `volatility_target` aims at with full conviction."""
    limits: RiskLimits = Field(default_factory=RiskLimits)
    checkpoint: CheckpointRules = Field(default_factory=CheckpointRules)
    approval: ApprovalConfig
    alerts: AlertRules = Field(default_factory=AlertRules)


class Config(Section):
    """All five files, cross-checked; `content_hash` is the sha-256 of what they say."""

    accounts: tuple[AccountConfig, ...]
    assets: AssetsFile
    models: ModelsFile
    schedule: ScheduleFile
    risk: RiskFile
    content_hash: str

    @property
    def managers(self) -> tuple[AccountConfig, ...]:
        """Return the portfolio managers in the order of the file."""
        return tuple(a for a in self.accounts if a.role is Role.PORTFOLIO_MANAGER)

    @property
    def chairman(self) -> AccountConfig:
        """Return the one account that trades the council's decision."""
        return next(a for a in self.accounts if a.role is Role.CHAIRMAN)

    @property
    def universe(self) -> tuple[str, ...]:
        """Return the symbols that may be traded, in the order of the file."""
        return tuple(i.symbol for i in self.assets.instruments if i.enabled)
