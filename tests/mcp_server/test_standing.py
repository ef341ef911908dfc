from pathlib import Path

import pytest

from broker.models import VenueName
from config.errors import CredentialsError
from config.loader import load_config
from config.settings import Settings, load_settings
from mcp_server.standing import standing_of


def settings_of(home: Path, **variables: str) -> Settings:
    return load_settings({"COUNCIL_HOME": str(home), **variables}, directory=home)


def test_without_keys_models_and_venue_are_said_to_be_stand_ins(tmp_path: Path) -> None:
    standing = standing_of(settings_of(tmp_path), load_config())

    assert (standing.mode, standing.venue) == ("rehearsal", "simulated")
    assert standing.degraded == (
        "No REQUESTY_API_KEY: rule-based rehearsal models answer, not language models.",
        "Every account trades on the simulated exchange with synthetic prices: no Alpaca key.",
    )


def test_a_gateway_key_does_not_hide_that_rehearsal_was_asked_for(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, REQUESTY_API_KEY="key", COUNCIL_MODE="rehearsal")

    standing = standing_of(settings, load_config())

    assert standing.mode == "rehearsal"
    assert standing.degraded[0].startswith("COUNCIL_MODE=rehearsal: rule-based")


def test_with_one_alpaca_key_both_venues_are_named(tmp_path: Path) -> None:
    keys = {"ALPACA_GROQ_KEY_ID": "PK1", "ALPACA_GROQ_SECRET_KEY": "s"}

    standing = standing_of(settings_of(tmp_path, REQUESTY_API_KEY="key", **keys), load_config())

    assert standing.mode == "live"
    assert standing.venue == "alpaca-paper and simulated"
    assert "GROQ" not in standing.degraded[0]
    assert "CHATGPT, GEMINI, CLAUDE, DEEPSEEK, COUNCIL trade" in standing.degraded[0]


def test_an_exchange_on_this_machine_is_never_called_alpaca(tmp_path: Path) -> None:
    keys = {"ALPACA_GROQ_KEY_ID": "PK1", "ALPACA_GROQ_SECRET_KEY": "s"}
    settings = settings_of(tmp_path, ALPACA_TRADING_URL="http://127.0.0.1:8787", **keys)

    standing = standing_of(settings, load_config())

    assert standing.venue == "simulated"
    assert standing.venue_of("GROQ") is VenueName.SIMULATED
    assert any("GROQ trade on the exchange at http://127" in line for line in standing.degraded)


def test_ignored_market_hours_are_said(tmp_path: Path) -> None:
    standing = standing_of(settings_of(tmp_path, COUNCIL_EXCHANGE_HOURS="always"), load_config())

    assert standing.always_open
    assert "ignores market hours" in standing.degraded[-1]


def test_a_key_of_an_account_that_nobody_knows_is_said(tmp_path: Path) -> None:
    keys = {"ALPACA_CHATGTP_KEY_ID": "PK1", "ALPACA_CHATGTP_SECRET_KEY": "s"}

    standing = standing_of(settings_of(tmp_path, **keys), load_config())

    assert standing.degraded[-1].startswith(
        "ALPACA_CHATGTP_KEY_ID and ALPACA_CHATGTP_SECRET_KEY belong to no account of accounts.yaml"
    )


def test_half_a_key_stops_before_anything_is_opened(tmp_path: Path) -> None:
    with pytest.raises(CredentialsError, match="ALPACA_GROQ_SECRET_KEY is missing"):
        standing_of(settings_of(tmp_path, ALPACA_GROQ_KEY_ID="PK1"), load_config())
