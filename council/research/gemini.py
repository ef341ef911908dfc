"""Gemini's deep research by the Interactions API.

The API has neither idempotency keys nor a list of interactions: a job whose id was lost cannot be
found again, so it counts as lost. It names no cost either; that is estimated from its token counts
and the prices in `models.yaml`.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from config.model_schema import GeminiConfig
from council.llm.numbers import whole_of
from council.model.research import Report, Source
from council.research.answers import (
    no_look,
    one_line,
    report_text,
    source_of,
    sources_from,
)
from council.research.http_service import HttpService
from council.research.service import (
    Failed,
    Look,
    Order,
    Running,
    Submission,
)
from council.research.wire import Key, open_wire

if TYPE_CHECKING:
    import httpx2

HOST = "generativelanguage.googleapis.com"
_JOBS = "/v1beta/interactions"
_BAD_ENDS = frozenset({"failed", "cancelled", "incomplete", "budget_exceeded", "requires_action"})
"""The last asks for something that nobody is there to give."""
_REASON_CHARACTERS = 300
_MODEL_CHARACTERS = 120
_MILLION = 1_000_000


class Gemini(HttpService[GeminiConfig]):
    """A `ResearchService`."""

    name = "gemini"
    knows_keys = False

    @property
    def model(self) -> str:
        """Return the agent that is asked for."""
        return self._config.agent

    async def submit(self, order: Order, key: str) -> Submission:
        """Hand the job in; `key` stays here, the service has no use for it."""
        return await self._handed_in(_JOBS, _request(order, self._config))

    async def look(self, job_id: str) -> Look:
        """Ask how the job stands; a status that is not known means that it goes on."""
        answer = await self._wire.get(f"{_JOBS}/{job_id}")
        if answer.body is None:
            return no_look(answer)
        status = answer.body.get("status")
        if isinstance(status, str) and status in _BAD_ENDS:
            return Failed(_failure(answer.body, status))
        if status != "completed":
            return Running()
        report = _report(answer.body, self._config)
        return report or Failed("the service finished without a report")


def open_gemini(
    config: GeminiConfig, key: str, transport: "httpx2.AsyncBaseTransport | None" = None
) -> Gemini:
    """Build the service; nothing is sent yet.

    Raises:
        ConfigError: the key may not be sent to the configured address.
    """
    header = Key("x-goog-api-key", key)
    return Gemini(open_wire(config.address, header, host=HOST, transport=transport), config)


def _request(order: Order, config: GeminiConfig) -> dict[str, Any]:
    return {
        "agent": config.agent,
        "input": "\n\n".join((order.rules, order.task, order.schema_text)),
        "background": True,
        "store": True,
        "agent_config": {
            "type": "deep-research",
            "thinking_summaries": "auto",
            "visualization": "off",
            "collaborative_planning": False,
        },
    }


def _failure(body: dict[str, Any], status: str) -> str:
    error = body.get("error")
    told = error.get("message") if isinstance(error, dict) else error
    more = one_line(told, _REASON_CHARACTERS)
    return f"the service ended with {status}" + (f": {more}" if more else "")


def _report(body: dict[str, Any], config: GeminiConfig) -> Report | None:
    parts = list(_parts(body))
    texts = [part["text"] for part in parts if isinstance(part.get("text"), str)]
    text = report_text("\n\n".join(texts))
    if not text:
        return None
    usage = body.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    cost = _cost(usage, config)
    return Report(
        text=text,
        model=one_line(body.get("agent"), _MODEL_CHARACTERS) or config.agent,
        sources=_sources(parts),
        prompt_tokens=_sum(usage, "total_input_tokens", "total_tool_use_tokens"),
        completion_tokens=_sum(usage, "total_output_tokens", "total_thought_tokens"),
        searches=whole_of(usage.get("grounding_tool_count")),
        cost_usd=cost,
        cost_source="none" if cost is None else "estimate",
    )


def _parts(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield what the agent said, in order; its thoughts and searches are other steps."""
    for step in _objects(body.get("steps")):
        if step.get("type") == "model_output":
            yield from _objects(step.get("content"))


def _objects(listed: Any) -> list[dict[str, Any]]:
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []


def _sources(parts: list[dict[str, Any]]) -> tuple[Source, ...]:
    notes = [note for part in parts for note in _objects(part.get("annotations"))]
    cited = [note for note in notes if note.get("type") == "url_citation"]
    return sources_from(cited, lambda note: source_of(note.get("url"), note.get("title")))


def _sum(usage: dict[str, Any], needed: str, more: str) -> int | None:
    """Return the sum of two counts, None where the first is unknown."""
    first = whole_of(usage.get(needed))
    return None if first is None else first + (whole_of(usage.get(more)) or 0)


def _cost(usage: dict[str, Any], config: GeminiConfig) -> Decimal | None:
    """Estimate what the report cost; None where the tokens are unknown."""
    read = _sum(usage, "total_input_tokens", "total_tool_use_tokens")
    written = _sum(usage, "total_output_tokens", "total_thought_tokens")
    if read is None or written is None:
        return None
    searches = whole_of(usage.get("grounding_tool_count")) or 0
    tokens = (read * config.input_usd_per_million + written * config.output_usd_per_million) / (
        _MILLION
    )
    return tokens + searches * config.search_usd
