"""What gateways list of their models, in both shapes that are in use."""

import json
from decimal import Decimal
from typing import Any

import pytest

from council.llm.catalog import CatalogModel, GatewayCatalog, read_catalog


def catalog_of(*rows: Any, **ids: str) -> GatewayCatalog:
    body = json.dumps({"object": "list", "data": rows}).encode()
    return read_catalog(body, gateway="router.invalid", ids=ids)


def test_prices_beside_the_id_are_read_as_dollars_per_token() -> None:
    catalog = catalog_of(
        {
            "id": "openai/gpt-5.2",
            "input_price": 0.00000175,
            "output_price": 0.000014,
            "cached_price": 1.75e-7,
            "context_window": 400_000,
            "supports_output_json_schema": True,
        }
    )

    assert catalog.entry("openai/gpt-5.2") == CatalogModel(
        input_price=Decimal("0.00000175"),
        output_price=Decimal("0.000014"),
        cached_price=Decimal("1.75E-7"),
        context_window=400_000,
        supports_json_schema=True,
    )


def test_an_object_of_prices_is_read_like_prices_beside_the_id() -> None:
    catalog = catalog_of(
        {
            "id": "x-ai/grok-4.3",
            "context_length": 256_000,
            "pricing": {"prompt": "0.00000125", "completion": "0.0000025"},
            "supported_parameters": ["max_tokens", "response_format"],
        }
    )

    entry = catalog.entry("x-ai/grok-4.3")

    assert (entry.input_price, entry.output_price) == (Decimal("0.00000125"), Decimal("0.0000025"))
    assert (entry.context_window, entry.supports_json_schema) == (256_000, False)


def test_a_model_is_known_by_our_id_as_well_as_by_the_gateways() -> None:
    catalog = catalog_of({"id": "x-ai/grok-4.3"}, **{"xai/grok-4.3": "x-ai/grok-4.3"})

    assert catalog.lists("xai/grok-4.3")
    assert catalog.lists("x-ai/grok-4.3")
    assert not catalog.lists("xai/grok-4")


@pytest.mark.parametrize("model", ["vendor/m@eu-1", "vendor/m:flex", "vendor/m@eu-1:flex"])
def test_a_region_or_a_tier_does_not_make_another_model(model: str) -> None:
    catalog = catalog_of({"id": "vendor/m", "input_price": 0.001})

    assert catalog.lists(model)
    assert catalog.entry(model).input_price == Decimal("0.001")


def test_a_policy_of_the_gateway_needs_no_listing() -> None:
    assert catalog_of({"id": "vendor/m"}).lists("policy/mine")


@pytest.mark.parametrize("price", [0, "0", -1, "-1", 1.75, True, "free", "NaN", None, {}, "1" * 99])
def test_what_is_no_price_per_token_is_unknown_and_never_zero(price: object) -> None:
    assert (
        catalog_of({"id": "vendor/m", "input_price": price}).entry("vendor/m").input_price is None
    )


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[1]", b"{}", b'{"data": {}}', b'{"data": [{"id": 1}]}', b"[" * 9999]
)
def test_a_listing_that_does_not_read_lists_nothing(body: bytes) -> None:
    assert read_catalog(body, gateway="router.invalid", ids={}).models == {}
