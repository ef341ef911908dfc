"""What a token costs: by the gateway's own list, else by the table of `models.yaml`, else unknown.

An unknown price is None and never 0. Where something has to be set aside all the same, the dearest
known price stands in for it.
"""

import json
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, Decimal

from config.model_schema import PriceTable
from council.llm.catalog import GatewayCatalog
from council.llm.gateway import ChatRequest
from council.llm.replies import Reply

TOKENS_A_CHARACTER = Decimal("0.4")
"""More than our prompts have: 0.30 counted with `cl100k_base`, and some vocabularies cut finer."""
_MILLION = Decimal(1_000_000)
_CENT_FRACTION = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class Price:
    """USD per token of one model; tokens out of a provider's cache are taken for full ones."""

    input: Decimal
    output: Decimal

    def cost(self, prompt_tokens: int, completion_tokens: int) -> Decimal:
        """Return what so many tokens cost, rounded up to a millionth of a dollar."""
        cost = self.input * prompt_tokens + self.output * completion_tokens
        return cost.quantize(_CENT_FRACTION, rounding=ROUND_CEILING)


DEAREST = Price(Decimal(5) / _MILLION, Decimal(25) / _MILLION)
"""Stands in for unknown prices where no table is configured."""


@dataclass(frozen=True, slots=True)
class PriceList:
    """The known prices, by our ids of models."""

    table: PriceTable = field(default_factory=PriceTable)
    catalog: GatewayCatalog = field(default_factory=GatewayCatalog)

    def of(self, model: str) -> Price | None:
        """Return the price of `model`, or None where nobody names it."""
        listed = self.catalog.entry(model)
        if listed.input_price is not None and listed.output_price is not None:
            return Price(listed.input_price, listed.output_price)
        row = self.table.usd_per_million.get(model)
        return Price(row.input / _MILLION, row.output / _MILLION) if row else None

    def dearest(self) -> Price:
        """Return the highest prices of the table."""
        rows = self.table.usd_per_million.values()
        if not rows:
            return DEAREST
        highest = max(row.input for row in rows), max(row.output for row in rows)
        return Price(highest[0] / _MILLION, highest[1] / _MILLION)

    def at_most(self, request: ChatRequest) -> Decimal:
        """Return what `request` can cost if its answer takes all the room it is given."""
        price = self.of(request.model) or self.dearest()
        room = request.options.get("max_tokens") or request.options.get("max_completion_tokens")
        return price.cost(estimated_tokens(request), int(room or 0))

    def estimate(self, request: ChatRequest, reply: Reply) -> Decimal | None:
        """Return the cost of `reply` by its tokens, or None where tokens or price are unknown."""
        price = self.of(reply.served_model or "") or self.of(request.model)
        if price is None or reply.prompt_tokens is None or reply.completion_tokens is None:
            return None
        return price.cost(reply.prompt_tokens, reply.completion_tokens)


def estimated_tokens(request: ChatRequest) -> int:
    """Return how many tokens the prompt has at most, the schema of the answer included."""
    schema = request.options.get("response_format")
    texts = [message["content"] for message in request.messages]
    characters = sum(map(len, texts)) + (len(json.dumps(schema)) if schema else 0)
    return int(characters * TOKENS_A_CHARACTER) + 1
