"""What the council needs from outside, as interfaces, and `Deps`, which carries them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Generic, Literal, Protocol, TypeVar

from broker.ports import MarketData, Venue
from config.clock import Clock
from config.market_calendar import MarketCalendar
from config.schema import AccountConfig, Config
from council.events import Mode, Silence
from council.model.base import Value
from council.model.market import MarketSnapshot
from council.model.research import PackName, ResearchAnswer, Source
from council.remembered import Remembered
from store.ports import EventStore, Locks

AnswerType = TypeVar("AnswerType", bound=Value)


@dataclass(frozen=True, slots=True)
class Question(Generic[AnswerType]):
    """What one model is asked: the same question gets the same recorded answer after a crash.

    `shared` opens the prompt and is constant over a stage (kind to provider caches), `own` follows.
    `problems` returns the rules that a well-formed answer breaks; empty means valid.
    """

    week_id: str
    stage: str
    asked_by: str
    system: str
    shared: str
    own: str
    answer_type: type[AnswerType]
    problems: Callable[[AnswerType], tuple[str, ...]]
    may_fall_back: bool = False
    """Whether a fallback answers where the first model gives no valid answer: the chair must be
    filled, but a manager's opinion is its own model's."""


@dataclass(frozen=True, slots=True)
class Answered(Generic[AnswerType]):
    """A valid answer and the model that really gave it."""

    answer: AnswerType
    model: str
    outcome: Literal["valid", "repaired"]


@dataclass(frozen=True, slots=True)
class Abstained:
    """No valid answer; `reason` is one clause for a person."""

    model: str
    reason: str
    outcome: Silence


class Models(Protocol):
    """The models behind one gateway. A failure comes back as Abstained and is never raised."""

    async def ask(self, question: Question[AnswerType]) -> Answered[AnswerType] | Abstained:
        """Ask the model of `question.asked_by` (an account's nickname, or "research-A")."""
        ...

    def model_for(self, asked_by: str) -> str:
        """Return the id of the model that would be asked first."""
        ...


def _hear_nothing(message: str) -> None:
    """Drop the message."""


@dataclass(frozen=True, slots=True)
class ResearchTask:
    """What a research provider is given; `tell` takes news of what lasts, one clause each."""

    week_id: str
    pack: PackName
    snapshot: MarketSnapshot
    universe: tuple[str, ...]
    query: str | None
    tell: Callable[[str], None] = _hear_nothing


@dataclass(frozen=True, slots=True)
class ResearchResult:
    """What a research provider brought back."""

    answer: ResearchAnswer
    research_source: str
    model: str
    sources: tuple[Source, ...]


class ResearchProvider(Protocol):
    """Someone who writes a pack."""

    @property
    def name(self) -> str:
        """Return the provider's name as the pack will show it."""
        ...

    async def research(self, task: ResearchTask) -> ResearchResult | Abstained:
        """Write the pack; a failure comes back as Abstained."""
        ...


@dataclass(frozen=True, slots=True)
class Desk:
    """One account with the venue that it trades at and that venue's prices."""

    account: AccountConfig
    venue: Venue
    market_data: MarketData


@dataclass(frozen=True, slots=True)
class Progress:
    """A step that is worth telling: `stage`, what happened, and how far (`done` of `total`)."""

    stage: str
    message: str
    done: int
    total: int


def _tell_nobody(progress: Progress) -> None:
    """Drop the news."""


def _nobody_halts() -> str | None:
    """Say that nothing outside asks for a halt."""
    return None


async def _always_wanted() -> bool:
    """Say that nobody took the run back."""
    return True


def _no_failpoint(name: str) -> None:
    """Let the moment called `name` pass."""


@dataclass(frozen=True, slots=True)
class Deps:
    """What stages, approvals and the executor need, built once by the composition root."""

    config: Config
    clock: Clock
    calendar: MarketCalendar
    store: EventStore
    locks: Locks
    models: Models
    research: dict[PackName, tuple[ResearchProvider, ...]]
    """For each pack that is on, its providers in the order they are tried."""
    desks: dict[str, Desk]
    """By nickname; accounts without a usable venue are absent and stand in `refused_accounts`."""
    market_data: MarketData
    mode: Mode
    degraded: tuple[str, ...] = ()
    refused_accounts: dict[str, str] = field(default_factory=dict)
    """By nickname, why its venue refused it."""
    always_open: bool = False
    """Whether the simulated exchange ignores market hours."""
    halt_wanted: Callable[[], str | None] = _nobody_halts
    """Says why trading is to be halted, where something outside asks for it: the halt file."""
    still_wanted: Callable[[], Awaitable[bool]] = _always_wanted
    """Says, between two stages of a run, whether it is to go on."""
    tell: Callable[[Progress], None] = _tell_nobody
    failpoint: Callable[[str], None] = _no_failpoint
    remembered: Remembered = field(default_factory=Remembered)
    """What this process has read before, of the store and the prices above."""


def whole_shares(quantity: Decimal) -> int:
    """Return `quantity` as a whole number of shares, cut towards zero."""
    return int(quantity)
