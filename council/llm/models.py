"""The models behind one gateway, as stages see them: who answers for whom, and what they said."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from random import random as jitter
from typing import TYPE_CHECKING, TypeVar

from config.clock import Clock, SystemClock
from config.errors import UsageError
from config.model_schema import ModelConfig
from config.schema import Config
from council.events import AnswerMode
from council.events import Mode as CouncilMode
from council.llm.answer_cache import AnswerCache
from council.llm.budget import Budget
from council.llm.calls import Calls, Line
from council.llm.catalog import GatewayCatalog
from council.llm.gateway import open_gateway
from council.llm.journal import Journal
from council.llm.ladder import Climb, NotServed
from council.llm.mode_memory import ModeMemory
from council.llm.preflight import Preflight, asked_of, preflight
from council.llm.prices import PriceList
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
    """Implements `council.ports.Models`; any number of questions may be under way at once."""

    def __init__(self, config: Config, *, mode: CouncilMode, line: Line) -> None:
        self._config = config
        self._mode = mode
        self._line = line
        self._preflight = Preflight()
        self._memory = ModeMemory(line.journal, line.gateway.name)

    @property
    def catalog(self) -> GatewayCatalog:
        """Return what the gateway lists; empty before `look`, in rehearsal and where it failed."""
        return self._preflight.catalog

    @property
    def notices(self) -> tuple[str, ...]:
        """Return one sentence for each departure from the configured models."""
        return self._preflight.notices

    @property
    def budget(self) -> Budget | None:
        """Return what keeps the calls within the caps; None in rehearsal, which costs nothing."""
        return self._line.budget

    async def look(self) -> None:
        """Ask the gateway what it serves, and from then on pass over what it lacks."""
        if self._mode == "live":
            self._preflight = await preflight(self._line.gateway, self._config)
            prices = replace(self._line.prices, catalog=self.catalog)
            self._line = replace(self._line, prices=prices)

    async def ask(self, question: Question[_AnswerType]) -> Answered[_AnswerType] | Abstained:
        """Ask the model of `question.asked_by`, and its fallbacks where the gateway lacks it.

        Where the question may fall back, they are asked as well if no valid answer came.

        Raises:
            StoreUnavailable: an answer could not be recorded; the question may be asked again.
        """
        settings = self._settings_of(question.asked_by)
        await self._memory.load()
        recorded = await self._line.journal.calls(question.week_id)
        calls = Calls(question, hash_of(question), recorded, line=self._line)
        asked_before = calls.first_modes
        missing, failed = NotServed("no model is configured"), None
        # Whoever was asked before the process ended comes first: the answer may be recorded.
        for model in dict.fromkeys((*asked_before, *self._candidates(question.asked_by))):
            climb = Climb(question, model, settings, partial(self._memory.note, model))
            result = await climb.run(calls, self._first_mode(model, asked_before))
            if isinstance(result, NotServed):
                missing = result
                continue
            await self._memory.keep(model, question.week_id)
            if isinstance(result, Answered) or not question.may_fall_back:
                return result
            failed = result
        return failed or Abstained(self.model_for(question.asked_by), missing.reason, "unreachable")

    def model_for(self, asked_by: str) -> str:
        """Return the id of the model that would be asked first.

        Raises:
            UsageError: nobody of that name is configured.
        """
        return self._candidates(asked_by)[0]

    async def aclose(self) -> None:
        """Close the gateway's connections."""
        await self._line.gateway.aclose()

    def _first_mode(self, model: str, asked_before: dict[str, AnswerMode | None]) -> Mode:
        """Return where to begin: a replay begins where the first run began."""
        if model in asked_before:
            return Mode[(asked_before[model] or Mode.STRICT.word).upper()]
        return self._memory.usual(model, self.catalog)

    def _candidates(self, asked_by: str) -> tuple[str, ...]:
        settings = self._settings_of(asked_by)
        if self._mode == "rehearsal":
            return (settings.rehearsal,)
        configured = (settings.model, *settings.fallbacks)
        return self._preflight.candidates.get(asked_by, configured)

    def _settings_of(self, asked_by: str) -> ModelConfig:
        settings = asked_of(self._config).get(asked_by)
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
    answers: Path | None = None,
) -> GatewayModels:
    """Build the models; close them with `aclose`. In rehearsal, address and key are not used.

    `transport` replaces the network in live mode, for stand-ins. `answers` is given in simulations:
    the folder where answers are kept by prompt and found again; together they have the budget of
    one month, however long the simulated time, and a gateway is waited for on the machine's clock.
    A rehearsal is free and keeps none.

    Raises:
        ConfigError: the gateway's address or key cannot be used.
    """
    rehearsing = mode == "rehearsal"
    gateway = open_gateway(
        REHEARSAL_URL if rehearsing else base_url,
        "no-key-needed" if rehearsing else api_key,
        call_timeout_seconds=config.models.limits.call_timeout_seconds,
        dialects=config.models.gateways,
        transport=rehearsal_transport() if rehearsing else transport,
    )
    budget = Budget(journal, clock, config.models.budget, simulated=answers is not None)
    line = Line(
        gateway,
        journal,
        SystemClock() if answers and not rehearsing else clock,
        config.models.limits,
        jitter,
        prices=PriceList(config.models.prices),
        budget=None if rehearsing else budget,
        answers=AnswerCache(answers, gateway.name) if answers and not rehearsing else None,
    )
    return GatewayModels(config, mode=mode, line=line)
