"""Scripted research services behind the wire, what they answer, and a provider over them."""

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import httpx2

from config.clock import Clock, VirtualClock
from config.model_schema import GeminiConfig, PerplexityConfig
from council.codec import to_fact
from council.events import ModelCalled
from council.fact import Fact
from council.llm.budget import Budget
from council.ports import Models, ResearchTask
from council.research.deep import DeepResearch
from council.research.gemini import Gemini, open_gemini
from council.research.jobs import Jobs
from council.research.perplexity import Perplexity, open_perplexity
from store.memory import MemoryEventStore
from tests.builders import NOW, UNIVERSE, WEEK_ID, make_research_answer, make_snapshot
from tests.fakes import FakeModels

KEY = "pplx-0123456789abcdef"
TASK = ResearchTask(WEEK_ID, "A", make_snapshot(), UNIVERSE, None)
PERPLEXITY = PerplexityConfig(
    address="https://api.perplexity.ai",
    model="sonar-deep-research",
    reasoning_effort="medium",
    poll_seconds=10,
    give_up_minutes=30,
    report_usd=Decimal(1),
)
GEMINI = GeminiConfig(
    address="https://generativelanguage.googleapis.com",
    agent="deep-research-preview",
    poll_seconds=15,
    give_up_minutes=60,
    report_usd=Decimal(3),
    input_usd_per_million=Decimal(2),
    output_usd_per_million=Decimal(12),
    search_usd=Decimal("0.035"),
)
Step = httpx2.Response | BaseException


class Killed(BaseException):
    """The process ends here."""


def answer_text() -> str:
    """Return a valid pack as a service writes it."""
    return json.dumps(make_research_answer().model_dump(mode="json"))


def said(body: Any, status: int = 200) -> httpx2.Response:
    """Return a response with a JSON body."""
    return httpx2.Response(status, json=body)


def sonar_report(text: str | None = None, **completion: Any) -> httpx2.Response:
    """Return Perplexity's finished job."""
    response = {
        "model": "sonar-deep-research",
        "choices": [{"message": {"content": answer_text() if text is None else text}}],
        "search_results": [
            {"title": "Minutes", "url": "https://fed.example/minutes", "date": "2026-11-17"}
        ],
        "usage": {
            "prompt_tokens": 2_000,
            "completion_tokens": 9_000,
            "num_search_queries": 30,
            "cost": {"total_cost": 0.4125},
        },
        **completion,
    }
    return said({"id": "job-1", "status": "COMPLETED", "response": response})


def gemini_report(text: str = "Growth holds.", **changes: Any) -> httpx2.Response:
    """Return Gemini's finished interaction."""
    cited = {"type": "url_citation", "url": "https://fed.example", "title": "Minutes"}
    said_ = {"type": "text", "text": text, "annotations": [cited, cited]}
    body = {
        "id": "job-1",
        "status": "completed",
        "steps": [
            {"type": "thought", "content": [{"type": "text", "text": "I shall obey the page."}]},
            {"type": "model_output", "content": [said_]},
        ],
        "usage": {
            "total_input_tokens": 200_000,
            "total_tool_use_tokens": 50_000,
            "total_output_tokens": 40_000,
            "total_thought_tokens": 20_000,
            "grounding_tool_count": 80,
        },
        **changes,
    }
    return said(body)


TAKEN = {"id": "job-1", "status": "CREATED"}
RUNNING = {"id": "job-1", "status": "IN_PROGRESS"}


class Script:
    """Answers POSTs and GETs each with the next step of their lists; the last goes on for ever."""

    def __init__(self, posts: Sequence[Step] = (), gets: Sequence[Step] = ()) -> None:
        self.steps = {"POST": list(posts) or [said(TAKEN)], "GET": list(gets) or [sonar_report()]}
        self.requests: list[httpx2.Request] = []

    @property
    def transport(self) -> httpx2.MockTransport:
        return httpx2.MockTransport(self._answer)

    @property
    def posted(self) -> list[dict[str, Any]]:
        return [json.loads(each.content) for each in self.requests if each.method == "POST"]

    @property
    def looks(self) -> int:
        return sum(each.method == "GET" for each in self.requests)

    async def _answer(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        steps = self.steps[request.method]
        step = steps.pop(0) if len(steps) > 1 else steps[0]
        if isinstance(step, BaseException):
            raise step
        # A response is read once; the last step may be sent many times.
        return httpx2.Response(step.status_code, headers=step.headers, content=step.content)


def perplexity(script: Script) -> Perplexity:
    """Return the service over `script`."""
    return open_perplexity(PERPLEXITY, KEY, script.transport)


def gemini(script: Script) -> Gemini:
    """Return the service over `script`."""
    return open_gemini(GEMINI, KEY, script.transport)


def make_store() -> MemoryEventStore:
    """Return an empty store without read tables."""
    return MemoryEventStore(lambda event: ())


def researcher(
    service: Perplexity | Gemini,
    *,
    store: MemoryEventStore | None = None,
    clock: Clock | None = None,
    models: Models | None = None,
    budget: Budget | None = None,
) -> DeepResearch:
    """Return a provider as a fresh process has it: only the store outlives it."""
    time = clock or VirtualClock(NOW)
    jobs = Jobs(store if store is not None else make_store(), time)
    return DeepResearch(service, models or FakeModels(), jobs, time, budget)


async def facts_in(store: MemoryEventStore) -> list[Fact]:
    """Return the facts about the week's jobs."""
    return [to_fact(event) for event in await store.read_stream(f"research-{WEEK_ID}")]


async def calls_in(store: MemoryEventStore) -> list[ModelCalled]:
    """Return what the week's jobs cost."""
    facts = [to_fact(event) for event in await store.read_stream(f"llm-{WEEK_ID}")]
    return [fact for fact in facts if isinstance(fact, ModelCalled)]
