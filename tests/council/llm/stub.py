"""A scripted gateway behind OpenAI's wire, and small questions to ask it."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2

from config.clock import Clock, VirtualClock
from config.schema import Config
from council.llm.budget import Budget
from council.llm.calls import Line
from council.llm.gateway import open_gateway
from council.llm.journal import Journal
from council.llm.models import GatewayModels
from council.llm.prices import PriceList
from council.model.base import Direction
from council.model.checkpoint import CheckpointAnswer, checkpoint_problems
from council.ports import Question
from store.memory import MemoryEventStore
from tests.builders import NOW, WEEK_ID, make_config

STAY = {"action": "STAY", "conviction_after": 1.5, "reason_delta": "Nothing crossed."}
Step = httpx2.Response | Exception | Callable[[], Awaitable[httpx2.Response]]


def completion(
    text: str | None = None, *, finish: str = "stop", usage: Any = "usual", **message: Any
) -> httpx2.Response:
    """Return a well-formed answer of the gateway; without text and message it is a valid STAY."""
    content = json.dumps(STAY) if text is None and not message else text
    body = {
        "id": "c1",
        "object": "chat.completion",
        "created": 0,
        "model": "vendor/served",
        "choices": [
            {
                "index": 0,
                "finish_reason": finish,
                "message": {"role": "assistant", "content": content, **message},
            }
        ],
        "usage": (
            {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18, "cost": 0.0125}
            if usage == "usual"
            else usage
        ),
    }
    return httpx2.Response(200, text=json.dumps(body))


def failure(status: int, message: str, **headers: str) -> httpx2.Response:
    """Return an error in the router's shape."""
    error = {"error": {"origin": "router", "message": message}}
    return httpx2.Response(status, json=error, headers=headers)


class ScriptedGateway:
    """Answers each request with the next step of its script; the last step goes on for ever."""

    def __init__(self, *steps: Step) -> None:
        self.steps = steps
        self.requests: list[dict[str, Any]] = []
        self.headers: list[httpx2.Headers] = []

    @property
    def transport(self) -> httpx2.MockTransport:
        """Return the wire."""
        return httpx2.MockTransport(self._answer)

    async def _answer(self, request: httpx2.Request) -> httpx2.Response:
        step = self.steps[min(len(self.requests), len(self.steps) - 1)]
        self.requests.append(json.loads(request.content or "{}"))
        self.headers.append(request.headers)
        if isinstance(step, Exception):
            raise step
        return step if isinstance(step, httpx2.Response) else await step()


def make_models(
    script: ScriptedGateway,
    *,
    store: MemoryEventStore | None = None,
    clock: Clock | None = None,
    base_url: str = "https://gateway.invalid/v1",
    random: float = 0.5,
    config: Config | None = None,
    **limits: Any,
) -> GatewayModels:
    """Return live models over `script`, on a virtual clock and a store in memory."""
    config = config or make_config(**limits)
    time = clock or VirtualClock(NOW)
    gateway = open_gateway(
        base_url,
        "secret-key",
        call_timeout_seconds=config.models.limits.call_timeout_seconds,
        transport=script.transport,
    )
    journal = Journal(store if store is not None else make_store(), time)
    line = Line(
        gateway,
        journal,
        time,
        config.models.limits,
        lambda: random,
        prices=PriceList(config.models.prices),
        budget=Budget(journal, time, config.models.budget),
    )
    return GatewayModels(config, mode="live", line=line)


def config_with_fallback() -> Config:
    """Return a configuration in which ALPHA's model gives way to "vendor/next"."""
    config = make_config()
    settings = config.models.accounts["ALPHA"].model_copy(update={"fallbacks": ("vendor/next",)})
    accounts = {**config.models.accounts, "ALPHA": settings}
    return config.model_copy(
        update={"models": config.models.model_copy(update={"accounts": accounts})}
    )


def make_store() -> MemoryEventStore:
    """Return an empty store without read tables."""
    return MemoryEventStore(lambda event: ())


def question(asked_by: str = "ALPHA", own: str = "STAY or EXIT?") -> Question[CheckpointAnswer]:
    """Return a small question: what to do with a LONG."""
    return Question(
        week_id=WEEK_ID,
        stage="checkpoint",
        asked_by=asked_by,
        system="the rules",
        shared="the table",
        own=own,
        answer_type=CheckpointAnswer,
        problems=lambda answer: checkpoint_problems(answer, held=Direction.LONG),
    )


def with_conviction(literal: str) -> str:
    """Return a STAY whose conviction is written as `literal`."""
    return f'{{"action": "STAY", "conviction_after": {literal}, "reason_delta": "x"}}'
