"""Perplexity's deep research by its asynchronous API.

The idempotency key names the job: who asks again with it gets the job that is under way, so a lost
answer or a killed process costs nothing.
"""

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from config.model_schema import PerplexityConfig
from council.llm.numbers import amount_of, whole_of
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

HOST = "api.perplexity.ai"
_JOBS = "/async/chat/completions"
_REASON_CHARACTERS = 300
_MODEL_CHARACTERS = 120


class Perplexity(HttpService[PerplexityConfig]):
    """A `ResearchService`."""

    name = "perplexity"
    knows_keys = True

    @property
    def model(self) -> str:
        """Return the model that is asked for."""
        return self._config.model

    async def submit(self, order: Order, key: str) -> Submission:
        """Hand the job in; with the key of a known job, that job answers."""
        body = {"request": _request(order, self._config), "idempotency_key": key}
        return await self._handed_in(_JOBS, body)

    async def look(self, job_id: str) -> Look:
        """Ask how the job stands; a status that is not known means that it goes on."""
        answer = await self._wire.get(f"{_JOBS}/{job_id}")
        if answer.body is None:
            return no_look(answer)
        status, completion = answer.body.get("status"), answer.body.get("response")
        if status == "FAILED":
            told = one_line(answer.body.get("error_message"), _REASON_CHARACTERS)
            return Failed(f"the service failed: {told or 'it gave no reason'}")
        if status != "COMPLETED":
            return Running()
        report = _report(completion, self.model) if isinstance(completion, dict) else None
        return report or Failed("the service finished without a report")


def open_perplexity(
    config: PerplexityConfig, key: str, transport: "httpx2.AsyncBaseTransport | None" = None
) -> Perplexity:
    """Build the service; nothing is sent yet.

    Raises:
        ConfigError: the key may not be sent to the configured address.
    """
    header = Key("authorization", key, "Bearer")
    return Perplexity(open_wire(config.address, header, host=HOST, transport=transport), config)


def _request(order: Order, config: PerplexityConfig) -> dict[str, Any]:
    told = order.task if config.asks_for_schema else f"{order.task}\n\n{order.schema_text}"
    request: dict[str, Any] = {
        "model": config.model,
        "messages": [
            {"role": "system", "content": order.rules},
            {"role": "user", "content": told},
        ],
        "reasoning_effort": config.reasoning_effort,
    }
    if config.asks_for_schema:
        schema = {"name": "research", "schema": order.schema}
        request["response_format"] = {"type": "json_schema", "json_schema": schema}
    return request


def _report(completion: dict[str, Any], model: str) -> Report | None:
    text = report_text(_content(completion))
    if not text:
        return None
    usage = completion.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    cost = _cost(usage)
    return Report(
        text=text,
        model=one_line(completion.get("model"), _MODEL_CHARACTERS) or model,
        sources=_sources(completion),
        prompt_tokens=whole_of(usage.get("prompt_tokens")),
        completion_tokens=whole_of(usage.get("completion_tokens")),
        searches=whole_of(usage.get("num_search_queries")),
        cost_usd=cost,
        cost_source="none" if cost is None else "provider",
    )


def _content(completion: dict[str, Any]) -> str:
    choices = completion.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    message = first.get("message") if isinstance(first, dict) else None
    content = message.get("content") if isinstance(message, dict) else None
    return content if isinstance(content, str) else ""


def _cost(usage: dict[str, Any]) -> Decimal | None:
    cost = usage.get("cost")
    return amount_of(cost.get("total_cost")) if isinstance(cost, dict) else None


def _sources(completion: dict[str, Any]) -> tuple[Source, ...]:
    """Return the search results, or the bare citations where there are none."""
    results = completion.get("search_results")
    found = sources_from(
        results, lambda row: source_of(row.get("url"), row.get("title"), row.get("date"))
    )
    if found:
        return found
    cited = completion.get("citations")
    rows = [{"url": url} for url in cited] if isinstance(cited, list) else []
    return sources_from(rows, lambda row: source_of(row["url"], None))
