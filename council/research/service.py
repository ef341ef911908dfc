"""What a research service is to the council: a place that takes a job and has a report later."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, Protocol

from council.model.research import Report


@dataclass(frozen=True, slots=True)
class Order:
    """What a service is asked: the standing rules, the task, and the wire schema of a pack.

    `schema_text` tells the schema in words, for services that take none.
    """

    rules: str
    task: str
    schema: dict[str, Any]
    schema_text: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """The service works on the job."""

    job_id: str


@dataclass(frozen=True, slots=True)
class NotAccepted:
    """The service surely took no job; `transient` says that it may take it soon."""

    reason: str
    transient: bool


@dataclass(frozen=True, slots=True)
class Unclear:
    """Whether the service took the job is unknown."""

    reason: str


@dataclass(frozen=True, slots=True)
class Running:
    """The report is not there yet, or the service could not say."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """The job ended without a report."""

    reason: str


@dataclass(frozen=True, slots=True)
class KeyRefused:
    """The service does not answer to this key; the job may well go on."""

    reason: str


Submission = Accepted | NotAccepted | Unclear
Look = Running | Report | Failed | KeyRefused


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a job is looked at, and how long its report is waited for."""

    poll_every: timedelta
    give_up_after: timedelta


class ResearchService(Protocol):
    """One service. Nothing here raises for what the service does or does not do."""

    @property
    def name(self) -> str:
        """Return the service's short name, such as "perplexity"."""
        ...

    @property
    def model(self) -> str:
        """Return the model or agent that is asked for."""
        ...

    @property
    def patience(self) -> Patience:
        """Return how long it may take."""
        ...

    @property
    def report_usd(self) -> Decimal:
        """Return what a report can cost, in US dollars."""
        ...

    @property
    def knows_keys(self) -> bool:
        """Tell whether the same idempotency key gives the same job instead of a second one."""
        ...

    async def submit(self, order: Order, key: str) -> Submission:
        """Hand the job in, once."""
        ...

    async def look(self, job_id: str) -> Look:
        """Ask how the job stands, once."""
        ...
