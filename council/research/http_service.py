"""What the services over HTTP share: a wire, their configuration, and how a job is handed in."""

from decimal import Decimal
from typing import Any, Generic, TypeVar

from config.model_schema import ServiceConfig
from council.research.answers import job_id_of, refused_or_unclear
from council.research.service import Accepted, Patience, Submission, Unclear
from council.research.wire import ServiceWire

ConfigT = TypeVar("ConfigT", bound=ServiceConfig)


class HttpService(Generic[ConfigT]):
    """The part of a `ResearchService` that does not depend on whose it is."""

    def __init__(self, wire: ServiceWire, config: ConfigT) -> None:
        self._wire = wire
        self._config = config

    @property
    def patience(self) -> Patience:
        """Return how long a report may take."""
        return Patience(self._config.poll_every, self._config.give_up_after)

    @property
    def report_usd(self) -> Decimal:
        """Return what a report can cost."""
        return self._config.report_usd

    async def aclose(self) -> None:
        """Close the connections."""
        await self._wire.aclose()

    async def _handed_in(self, path: str, body: dict[str, Any]) -> Submission:
        answer = await self._wire.post(path, body)
        if answer.body is None:
            return refused_or_unclear(answer)
        job_id = job_id_of(answer.body)
        return Accepted(job_id) if job_id else Unclear("the service gave the job no id")
