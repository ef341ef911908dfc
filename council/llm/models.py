"""The models behind one gateway, as stages see them: who answers for whom, and what they said."""

from functools import partial
from random import random as jitter
from typing import TYPE_CHECKING, TypeVar

from config.clock import Clock
from config.errors import UsageError
from config.schema import Config, ModelConfig
from council.events import Mode as CouncilMode
from council.llm.calls import Calls, Line
from council.llm.gateway import open_gateway
from council.llm.journal import Journal
from council.llm.ladder import Climb, NotServed
from council.llm.rehearsal import rehearsal_transport
from council.llm.turns import Mode, hash_of
from council.model.base import Value
from council.ports import Abstained, Answered, Question

if TYPE_CHECKING:
    import httpx2

_AnswerType = TypeVar("_AnswerType", bound=Value)

REHEARSAL_URL = "https://rehearsal.invalid/v1"
"""Never resolved: rehearsal models answer inside the process."""


class GatewayModels:
    """Implements `council.ports.Models`; any number of questions may be under way at once.

    The mode in which a model last answered is remembered: a step down is paid once a process.
    """

    def __init__(self, config: Config, *, mode: CouncilMode, line: Line) -> None:
        self._config = config
        self._mode = mode
        self._line = line
        self._answering_modes: dict[str, Mode] = {}

    async def ask(self, question: Question[_AnswerType]) -> Answered[_AnswerType] | Abstained:
        """Ask the model of `question.asked_by`, and its fallbacks where the gateway lacks it.

        Raises:
            StoreUnavailable: an answer could not be recorded; the question may be asked again.
        """
        settings = self._settings_of(question.asked_by)
        recorded = await self._line.journal.calls(question.week_id)
        calls = Calls(question, hash_of(question), recorded, line=self._line)
        missing = NotServed("no model is configured")
        for model in self._candidates(settings):
            climb = Climb(
                question, model, settings, partial(self._answering_modes.__setitem__, model)
            )
            result = await climb.run(calls, self._first_mode(model, calls))
            if not isinstance(result, NotServed):
                return result
            missing = result
        return Abstained(self.model_for(question.asked_by), missing.reason, "unreachable")

    def model_for(self, asked_by: str) -> str:
        """Return the id of the model that would be asked first.

        Raises:
            UsageError: nobody of that name is configured.
        """
        return self._candidates(self._settings_of(asked_by))[0]

    async def aclose(self) -> None:
        """Close the gateway's connections."""
        await self._line.gateway.aclose()

    def _first_mode(self, model: str, calls: Calls) -> Mode:
        """Return where to begin: a replay goes the whole way again, as its records may need it."""
        remembered = self._answering_modes.get(model, Mode.STRICT)
        return Mode.STRICT if calls.has_records else remembered

    def _candidates(self, settings: ModelConfig) -> tuple[str, ...]:
        if self._mode == "rehearsal":
            return (settings.rehearsal,)
        return (settings.model, *settings.fallbacks)

    def _settings_of(self, asked_by: str) -> ModelConfig:
        models = self._config.models
        packs = {f"research-{pack.pack}": pack for pack in models.research}
        settings = models.accounts.get(asked_by) or packs.get(asked_by)
        if settings is None:
            raise UsageError(f"models.yaml names no model for {asked_by}: add one.")
        return settings


def open_models(
    config: Config,
    *,
    mode: CouncilMode,
    journal: Journal,
    clock: Clock,
    base_url: str = "",
    api_key: str = "",
    transport: "httpx2.AsyncBaseTransport | None" = None,
) -> GatewayModels:
    """Build the models; close them with `aclose`. In rehearsal, address and key are not used.

    `transport` replaces the network in live mode, for stand-ins.

    Raises:
        ConfigError: the gateway's address or key cannot be used.
    """
    rehearsing = mode == "rehearsal"
    gateway = open_gateway(
        REHEARSAL_URL if rehearsing else base_url,
        "rehearsal" if rehearsing else api_key,
        call_timeout_seconds=config.models.limits.call_timeout_seconds,
        transport=rehearsal_transport() if rehearsing else transport,
    )
    line = Line(gateway, journal, clock, config.models.limits, jitter)
    return GatewayModels(config, mode=mode, line=line)
