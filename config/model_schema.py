"""Frozen models of `models.yaml`: who answers, for how long and at what price."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from config.section import Nickname, Section

HostName = Annotated[str, Field(min_length=3, max_length=253, pattern=r"^[a-z0-9][a-z0-9.-]*$")]
ModelId = Annotated[str, Field(min_length=3, max_length=120, pattern=r"^[\w.:@/+-]+$")]


class ModelConfig(Section):
    """Which model answers for a role: the first of `model`, `fallbacks` that the gateway serves.

    `rehearsal` names the rule-based stand-in that answers without a gateway key.
    """

    model: ModelId
    """The id at the gateway."""
    fallbacks: tuple[ModelId, ...] = ()
    """Tried in this order where the gateway does not serve `model`."""
    rehearsal: Annotated[str, Field(pattern=r"^rehearsal/[a-z-]+$")]
    """The rule-based stand-in."""
    max_output_tokens: Annotated[int, Field(ge=256, le=64_000)] = 8_000
    """Reasoning counts as well."""
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high"] | None = None
    """Sent where it is set; a model that knows no effort needs none."""


class ResearchPackConfig(ModelConfig):
    """One research pack: its services in the order they are tried, then `model` by prompt alone."""

    pack: Literal["A", "B"]
    """Which of the two packs."""
    enabled: bool = True
    """A pack that is not is neither written nor missed."""
    services: tuple[Literal["perplexity", "gemini"], ...] = ()
    """Research services in the order they are tried."""


Price = Annotated[Decimal, Field(ge=0, le=1_000)]
"""US dollars for as much as the name of the key says."""


class ServiceConfig(Section):
    """Where a research service is, how often a job is looked at, and when it is given up."""

    address: str
    """Where the service's API is."""
    poll_seconds: Annotated[float, Field(gt=0, le=600)]
    """Between two looks at a job."""
    give_up_minutes: Annotated[float, Field(gt=0, le=240)]
    """From when the job was taken."""
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
    """The service's own id."""
    reasoning_effort: Literal["minimal", "low", "medium", "high"]
    """How long it may search and think."""
    asks_for_schema: bool = True
    """Otherwise it writes prose, and the pack's `model` makes the pack of it."""


class GeminiConfig(ServiceConfig):
    """Gemini's deep research; it names no cost, so its prices stand here."""

    agent: str
    """The service's own id."""
    input_usd_per_million: Price
    """Of tokens read."""
    output_usd_per_million: Price
    """Of tokens written."""
    search_usd: Price
    """Of one search."""


class ResearchServices(Section):
    """The research services; one that is absent cannot be named by a pack."""

    perplexity: PerplexityConfig | None = None
    """Used where `PERPLEXITY_API_KEY` is set."""
    gemini: GeminiConfig | None = None
    """Used where `GEMINI_API_KEY` is set."""


class GatewayConfig(Section):
    """What one gateway does otherwise than the default; `ids` maps our model ids to its own."""

    ids: dict[ModelId, ModelId] = Field(default_factory=dict)
    """Our id of a model to the gateway's."""
    require_parameters: bool = False
    """Whether it has to be told to pass requests only to providers that obey every option."""


class CallLimits(Section):
    """Bounds of a call to the gateway."""

    call_timeout_seconds: Annotated[float, Field(gt=0, le=600)]
    """Of one request; a model that is still silent then has failed this try."""
    stage_timeout_seconds: Annotated[float, Field(gt=0, le=3600)]
    """Of a whole stage; whoever has not answered by then abstains."""
    attempts: Annotated[int, Field(ge=1, le=6)]
    """Requests for one answer, repairs of a malformed one included."""
    quorum_pitches: Annotated[int, Field(ge=1)]
    """Fewer pitches than these leave no peer review."""
    quorum_reviews: Annotated[int, Field(ge=1)]
    """Fewer reviewers than these leave no decision."""


Dollars = Annotated[Decimal, Field(gt=0, le=10_000)]


class BudgetConfig(Section):
    """What calls to models may cost, in USD; None is no cap."""

    stage_usd: Dollars | None = None
    """Of one run of one stage; reports of research services do not count here."""
    week_usd: Dollars | None = None
    """Of one council week, with its reports."""
    month_usd: Dollars | None = None
    """Of one calendar month in New York."""


class PriceConfig(Section):
    """USD per million tokens of one model."""

    input: Dollars
    """For a million tokens read."""
    output: Dollars
    """For a million tokens written."""


class PriceTable(Section):
    """Prices by model id for where the gateway names none, as they were on `as_of`."""

    as_of: date | None = None
    """The day of the prices."""
    usd_per_million: dict[ModelId, PriceConfig] = Field(default_factory=dict)
    """By our ids; a model that is missing has an unknown price, never 0."""


class ModelsFile(Section):
    """`models.yaml`: a model for every account (by nickname) and for every research pack."""

    accounts: dict[Nickname, ModelConfig]
    """By nickname; every account of `accounts.yaml` needs one."""
    research: tuple[ResearchPackConfig, ...]
    """Pack A and pack B."""
    research_services: ResearchServices = Field(default_factory=ResearchServices)
    """Addresses, patience and prices of the services."""
    gateways: dict[HostName, GatewayConfig] = Field(default_factory=dict)
    """By the host of the gateway's address; one that is not listed takes the ids as they are."""
    limits: CallLimits
    """For how long and how often is asked."""
    budget: BudgetConfig = Field(default_factory=BudgetConfig)
    """Caps on what models may cost."""
    prices: PriceTable = Field(default_factory=PriceTable)
    """For where the gateway names no cost."""
    training_until: dict[ModelId, date] = Field(default_factory=dict)
    """By model, the last day that its training can have read about, as its vendor published it."""
