"""`council prompts`: what a decision asks, as it was sent, and how many tokens that is."""

import json
import sys
from typing import Any

import pytest

from mcp_server import cli
from mcp_server.tokens import token_counter

pytestmark = pytest.mark.usefixtures("environment")


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Any:
    """Return a function that runs a command and gives its one JSON document."""

    def run(*arguments: str) -> Any:
        assert cli.run([*arguments, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    return run


def test_a_decision_over_ten_instruments_stays_within_its_calls_and_tokens(said: Any) -> None:
    week = said("run-weekly")

    counted = said("prompts", "--count")
    shown = said("prompts", "--week", week["week_id"])

    assert (counted["instruments"], counted["calls"], counted["within_limits"]) == (10, 13, True)
    assert 50_000 < counted["tokens"] < 150_000
    # Every prompt that was rendered again has the hash of one that was sent.
    assert [prompt["calls"] for prompt in counted["prompts"]] == [1] * 13
    assert all(prompt["texts"] == [] for prompt in counted["prompts"])
    count = token_counter()
    assert sum(map(count, shown["prompts"][0]["texts"])) == counted["prompts"][0]["tokens"]
    assert (shown["tokens"], shown["within_limits"]) == (None, None)


def test_without_a_week_there_are_no_prompts(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["prompts"]) == 2
    assert "run `council run-weekly` first" in capsys.readouterr().err


def test_a_missing_tokenizer_is_named_with_its_mend(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "tiktoken", None)

    assert cli.run(["prompts", "--count"]) == 2
    assert "uv sync --extra count" in " ".join(capsys.readouterr().err.split())


def test_a_texts_tokens_are_those_of_the_vocabulary_even_where_it_names_a_special_one() -> None:
    count = token_counter()

    assert count("hello world") == 2
    assert count("<|endoftext|>") > 1
