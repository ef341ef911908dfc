"""What a token costs, who says so, and what is said where nobody does."""

from decimal import Decimal
from typing import Any

import pytest

from config.loader import load_config
from config.model_schema import PriceConfig, PriceTable
from council.llm.catalog import CatalogModel, GatewayCatalog
from council.llm.gateway import ChatRequest
from council.llm.prices import DEAREST, Price, PriceList, estimated_tokens
from council.llm.replies import Reply

TABLE = PriceTable(
    usd_per_million={
        "vendor/cheap": PriceConfig(input=Decimal("0.5"), output=Decimal(2)),
        "vendor/dear": PriceConfig(input=Decimal(3), output=Decimal(15)),
    }
)


def request(model: str = "vendor/cheap", **options: Any) -> ChatRequest:
    told = ({"role": "system", "content": "x" * 300}, {"role": "user", "content": "y" * 600})
    return ChatRequest(model, told, options or {"max_tokens": 1_000})


def answered(**known: Any) -> Reply:
    return Reply("answered", text="{}", **known)


def test_the_gateways_own_price_goes_before_the_table() -> None:
    listed = CatalogModel(input_price=Decimal("0.000001"), output_price=Decimal("0.000004"))
    prices = PriceList(TABLE, GatewayCatalog("gateway", {"vendor/cheap": listed}))

    assert prices.of("vendor/cheap") == Price(Decimal("0.000001"), Decimal("0.000004"))


def test_half_a_price_of_the_gateway_is_none() -> None:
    listed = CatalogModel(input_price=Decimal("0.000001"))
    prices = PriceList(TABLE, GatewayCatalog("gateway", {"vendor/cheap": listed}))

    assert prices.of("vendor/cheap") == Price(Decimal("0.0000005"), Decimal("0.000002"))


def test_a_model_that_nobody_prices_has_no_price_and_is_set_aside_for_as_the_dearest() -> None:
    prices = PriceList(TABLE)

    assert prices.of("vendor/unknown") is None
    assert prices.estimate(request("vendor/unknown"), answered(prompt_tokens=9)) is None
    assert prices.at_most(request("vendor/unknown")) == prices.at_most(request("vendor/dear"))
    assert PriceList().at_most(request()) == DEAREST.cost(361, 1_000)


@pytest.mark.parametrize("option", ["max_tokens", "max_completion_tokens"])
def test_a_call_can_cost_its_prompt_and_all_the_room_of_its_answer(option: str) -> None:
    options: dict[str, Any] = {option: 1_000}

    usd = PriceList(TABLE).at_most(request(**options))

    assert usd == Decimal("0.002181")  # 361 tokens in at 0.5 and 1,000 out at 2 a million, up


def test_the_schema_of_the_answer_is_part_of_the_prompt() -> None:
    schema = {"type": "json_schema", "json_schema": {"schema": {"title": "z" * 3_000}}}

    assert estimated_tokens(request(response_format=schema)) > 1_500


def test_an_estimate_is_of_who_served_where_its_price_is_known() -> None:
    prices, tokens = PriceList(TABLE), {"prompt_tokens": 1_000, "completion_tokens": 100}

    assert prices.estimate(request(), answered(**tokens)) == Decimal("0.0007")
    served = answered(**tokens, served_model="vendor/dear")
    assert prices.estimate(request(), served) == Decimal("0.0045")


@pytest.mark.parametrize("missing", ["prompt_tokens", "completion_tokens"])
def test_without_its_tokens_no_answer_is_estimated(missing: str) -> None:
    tokens = {"prompt_tokens": 1_000, "completion_tokens": 100, missing: None}

    assert PriceList(TABLE).estimate(request(), answered(**tokens)) is None


def test_every_model_that_we_ship_first_has_a_price() -> None:
    models = load_config().models
    shipped = [own.model for own in (*models.accounts.values(), *models.research)]

    assert [name for name in shipped if PriceList(models.prices).of(name) is None] == []
