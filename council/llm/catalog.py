"""What a gateway lists of its models: which it serves, at what price, and what they can be asked.

Two shapes are in use, prices beside the id or in an object `pricing`; both are USD per token. What
does not read as a price is unknown, and so is 0: gateways write it where they have no price.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from council.llm.numbers import amount_of, whole_of

DEAREST_PRICE = Decimal("0.01")
"""USD per token; a listed price above it is in another unit and is not believed."""


@dataclass(frozen=True, slots=True)
class CatalogModel:
    """One model as it is listed; prices are USD per token, and None is unknown."""

    input_price: Decimal | None = None
    output_price: Decimal | None = None
    cached_price: Decimal | None = None
    """Of an input token that the provider had in its cache."""
    supports_json_schema: bool | None = None
    context_window: int | None = None
    """Tokens."""


@dataclass(frozen=True, slots=True)
class GatewayCatalog:
    """The models that `gateway` (its host) lists, by the ids that `models.yaml` uses.

    Empty where nothing is known: before the listing was read, and where it does not read.
    """

    gateway: str = ""
    models: Mapping[str, CatalogModel] = field(default_factory=dict)

    def lists(self, model: str) -> bool:
        """Tell whether `model` is served; a policy of the gateway is none of the listed models."""
        return model.startswith("policy/") or model in self.models or _plain(model) in self.models

    def entry(self, model: str) -> CatalogModel:
        """Return what is known of `model`, which may be nothing."""
        nothing = self.models.get(_plain(model), CatalogModel())
        return self.models.get(model, nothing)


def read_catalog(body: bytes, *, gateway: str, ids: Mapping[str, str]) -> GatewayCatalog:
    """Read the body of `GET /models`; `ids` maps configured ids to the gateway's own."""
    listed = {str(row["id"]): _model(row) for row in _rows(body) if isinstance(row.get("id"), str)}
    named = {ours: listed[theirs] for ours, theirs in ids.items() if theirs in listed}
    return GatewayCatalog(gateway, MappingProxyType({**listed, **named}))


def _plain(model: str) -> str:
    """Return the id without its region and tier, as in `provider/name@region:flex`."""
    return model.partition("@")[0].partition(":")[0]


def _rows(body: bytes) -> list[dict[str, Any]]:
    try:
        listing = json.loads(body)
    except (ValueError, RecursionError):
        return []
    rows = listing.get("data") if isinstance(listing, dict) else listing
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _model(row: dict[str, Any]) -> CatalogModel:
    pricing = row.get("pricing")
    prices = pricing if isinstance(pricing, dict) else {}
    window = row.get("context_window", row.get("context_length"))
    return CatalogModel(
        input_price=_price(row.get("input_price", prices.get("prompt"))),
        output_price=_price(row.get("output_price", prices.get("completion"))),
        cached_price=_price(row.get("cached_price", prices.get("input_cache_read"))),
        supports_json_schema=_takes_schemas(row),
        context_window=whole_of(window),
    )


def _price(value: Any) -> Decimal | None:
    amount = amount_of(value)
    return amount if amount is not None and 0 < amount <= DEAREST_PRICE else None


def _takes_schemas(row: dict[str, Any]) -> bool | None:
    flag = row.get("supports_output_json_schema")
    if isinstance(flag, bool):
        return flag
    parameters = row.get("supported_parameters")
    return "structured_outputs" in parameters if isinstance(parameters, list) else None
