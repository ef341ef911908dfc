"""Frozen models of the five YAML files, which are the single source of truth for what they say."""

import re
from datetime import date, time
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from config.model_schema import ModelsFile
from config.section import Nickname, Section


def _clock_text(value: object) -> object:
    # A bare number would be taken for seconds since midnight.
    if isinstance(value, time) or (isinstance(value, str) and re.fullmatch(r"\d\d:\d\d", value)):
        return value
    raise ValueError('write a time of day as "HH:MM"')


Symbol = Annotated[str, Field(pattern=r"^[A-Z]{1,5}$")]
TimeOfDay = Annotated[time, BeforeValidator(_clock_text)]
"""New York wall time, written "HH:MM" in quotes."""
Share = Annotated[Decimal, Field(ge=0, le=1)]
"""A fraction of an account's equity."""


YearlyRate = Annotated[Decimal, Field(ge=0, le=1)]
"""A fraction of a price, for a year."""


class Role(StrEnum):
    """What an account's model does in the week."""

    PORTFOLIO_MANAGER = "portfolio_manager"
    CHAIRMAN = "chairman"


class AccountConfig(Section):
    """One paper account and the part that its model plays (`accounts.yaml`)."""

    nickname: Nickname
    """What the account is called everywhere, and in the names of its two variables."""
    account_number: Annotated[str, Field(pattern=r"^PA[A-Z0-9]{6,20}$")]
    """The number of the paper account: a key that answers with another one is refused."""
    role: Role
    """Managers pitch and review; the one chairman decides and trades the decision."""


class AccountsFile(Section):
    """`accounts.yaml`: any number of portfolio managers and one chairman."""

    accounts: Annotated[tuple[AccountConfig, ...], Field(min_length=2)]
    """In the order in which they are shown."""


class InstrumentConfig(Section):
    """One tradable instrument and the class that it stands for."""

    symbol: Symbol
    """The ticker at the venue."""
    asset_class: str
    """What it stands for; instruments of one class count as one bet."""
    name: str
    """What people read beside the ticker."""
    enabled: bool = True
    """Only what is enabled may be pitched and traded."""
    alternate_for: Symbol | None = None
    """The instrument of the same class in whose place it may be enabled."""
    duration_years: Annotated[Decimal, Field(gt=0, le=40)] | None = None
    """Effective duration: by how many percent it falls where yields rise by one point."""
    duration_as_of: date | None = None
    """The day of `duration_years`."""
    dividend_yield: YearlyRate | None = None
    """What it pays out in a year, as a fraction of its price."""
    borrow_rate: YearlyRate | None = None
    """What a year's loan of it for a short sale costs, as a fraction of its price."""
    rates_as_of: date | None = None
    """The day of `dividend_yield` and `borrow_rate`."""


class AssetsFile(Section):
    """`assets.yaml`: the universe, and the tradable proxy for volatility (never traded itself)."""

    instruments: Annotated[tuple[InstrumentConfig, ...], Field(min_length=1)]
    """The universe; managers rank exactly those that are enabled."""
    volatility_proxy: Symbol
    """Shown to the models in the market table, and never traded."""


class SlotWindows(Section):
    """For how long after its time scheduled work that was missed is still done, in hours.

    None of it is done once it is of no use any more, whatever stands here.
    """

    weekly_hours: Annotated[int, Field(ge=1, le=168)] = 120
    """From the week's start, at most to its last entry: a later one leaves little to trade in."""
    checkpoint_hours: Annotated[int, Field(ge=1, le=168)] = 168
    """From a checkpoint's time, at most to the next one's."""
    postmortem_hours: Annotated[int, Field(ge=1, le=168)] = 168
    """From the week's last close, at most to the start of the next week."""
    daily_hours: Annotated[int, Field(ge=1, le=24)] = 24
    """From the time of `upkeep`, at most to midnight in New York."""


class ScheduleFile(Section):
    """`schedule.yaml`: times of day in America/New_York."""

    week_starts: TimeOfDay
    """On Wednesday, or the first session after it."""
    checkpoints: tuple[TimeOfDay, ...]
    """On every session of the week."""
    last_entry: TimeOfDay
    """No entry later on the week's last session; half days: as long before the close."""
    upkeep: TimeOfDay = time(17, 30)
    """On every day of the year: the chain of the log, old answers and the backup."""
    windows: SlotWindows = Field(default_factory=SlotWindows)
    """How late work that was missed is still done."""


class SizingPolicy(StrEnum):
    """How conviction becomes a share of equity."""

    CONVICTION_TABLE = "conviction_table"
    LINEAR = "linear"
    VOLATILITY_TARGET = "volatility_target"


class ConvictionRow(Section):
    """One column of the owner's table: the share of equity at this conviction."""

    conviction: Annotated[Decimal, Field(ge=-2, le=2, multiple_of=Decimal("0.5"))]
    """From -2 to 2, in steps of a half; its sign is the direction."""
    share: Share
    """Of the account's equity."""


class ApprovalConfig(Section):
    """How a trade is approved and how far the price may move before the approval is void."""

    mode: Literal["conversational", "strict"] = "conversational"
    """`strict`: only page and terminal approve, with the passphrase."""
    price_band: Annotated[Decimal, Field(gt=0, le=Decimal("0.2"))]
    """As a fraction of the price on the ticket, either way."""
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
    """Of one order that opens or enlarges a position."""
    shares_a_day: Annotated[int, Field(ge=1, le=10_000_000)] = 50_000
    """Shares bought and sold, added up over a New York day."""
    quote_age_seconds: Annotated[float, Field(gt=0, le=3600)] = 120.0
    """An order waits while the newest quote is older."""
    daily_loss: Annotated[Decimal, Field(gt=0, le=1)] = Decimal("0.05")
    """A fraction of the equity at the last close; beyond it the account halts."""
    short_minimum_equity_usd: Annotated[Decimal, Field(ge=0, le=10_000_000)] = Decimal(2_000)
    """A short is opened with this equity at least."""
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


class Retention(Section):
    """How long is kept what the record does not need; the log of events is kept for ever."""

    raw_answers_days: Annotated[int, Field(ge=1, le=36_500)] | None = None
    """Raw answers of models, kept beside the log then; nothing: in its events, for ever."""


class RiskFile(Section):
    """`risk.yaml`: sizing, limits, approval and alerts, outside of any model's reach."""

    sizing_policy: SizingPolicy
    """Which of the three rules below makes shares of conviction."""
    conviction_table: tuple[ConvictionRow, ...]
    """For `conviction_table`: a row for every conviction."""
    linear_share_per_unit: Share
    """For `linear`: the share of equity at conviction 1."""
    volatility_target: Annotated[Decimal, Field(gt=0, le=1)] = Decimal("0.10")
    """Annualised, as a fraction: what `volatility_target` aims at with full conviction."""
    limits: RiskLimits = Field(default_factory=RiskLimits)
    """Asked before each order."""
    checkpoint: CheckpointRules = Field(default_factory=CheckpointRules)
    """When a look at a trade needs no model."""
    approval: ApprovalConfig
    """How a person approves."""
    alerts: AlertRules = Field(default_factory=AlertRules)
    """When to tell of time and money running out."""
    retention: Retention = Field(default_factory=Retention)
    """What is thrown away, and when."""


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
