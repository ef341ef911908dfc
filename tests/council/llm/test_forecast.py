"""What the coming week is reckoned to take and to cost."""

from decimal import Decimal

import pytest

from config.loader import load_config
from config.model_schema import PriceConfig, PriceTable
from council.llm.forecast import coming_week, questions_of_a_week
from council.llm.prices import PriceList
from tests.council.fact_examples import make_call

CONFIG = load_config()
PRICES = PriceList(CONFIG.models.prices)


def test_a_week_without_its_checkpoints_takes_fourteen_questions() -> None:
    asked = questions_of_a_week(CONFIG)

    assert sum(own.questions for own in asked if own.stage != "checkpoint") == 14
    assert sum(own.questions for own in asked if own.stage == "checkpoint") == 120


def test_the_shipped_models_cost_about_what_was_reckoned_by_hand() -> None:
    forecast = coming_week(CONFIG, PRICES, ())

    assert (forecast.questions, forecast.unpriced, forecast.measured) == (134, (), 0)
    assert Decimal("1.4") < forecast.usd < Decimal("1.8")


def test_tokens_that_were_counted_take_the_place_of_the_usual_ones() -> None:
    model = CONFIG.models.accounts[CONFIG.chairman.nickname].model
    call = make_call(
        stage="chairman", requested_model=model, prompt_tokens=1_014_000, completion_tokens=2_000
    )

    forecast = coming_week(CONFIG, PRICES, (call,))
    before = coming_week(CONFIG, PRICES, ())

    assert forecast.measured == 1
    assert forecast.prompt_tokens - before.prompt_tokens == 1_000_000
    assert forecast.usd - before.usd == pytest.approx(Decimal(5))


def test_a_model_without_a_price_is_named_and_adds_nothing() -> None:
    one = {"openai/gpt-5.2": PriceConfig(input=Decimal(1), output=Decimal(1))}

    forecast = coming_week(CONFIG, PriceList(PriceTable(usd_per_million=one)), ())

    assert "anthropic/claude-opus-4-5" in forecast.unpriced
    assert "openai/gpt-5.2" not in forecast.unpriced
    assert forecast.usd == Decimal("0.068")  # 8+1.5, 8+2.5 and 20 times 2+.4 thousand tokens
