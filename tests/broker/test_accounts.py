import re
from pathlib import Path

import pytest

from broker.accounts import checked_data_url, checked_key_id, checked_trading_url, checked_venue_url
from broker.errors import NotPaperHost, NotPaperKey
from broker.models import VenueName

ROOT = Path(__file__).parents[2]
PACKAGES = ("broker", "config", "council", "mcp_server", "prompts", "store")
PAPER, DATA = "https://paper-api.alpaca.markets", "https://data.alpaca.markets"
LOOPBACK = ("http://127.0.0.1:8000", "http://localhost:1", "http://[::1]:65535")
LIVE = "https://api.alpaca.markets"

JUNK = (
    "",
    "http://127.0.0.1",
    "http://127.0.0.1:0",
    "http://127.0.0.1:65536",
    "http://127.0.0.1:8000/",
    "http://127.0.0.1:8000/v2",
    "http://127.0.0.1:8000?x",
    "http://127.0.0.1:8000#x",
    "http://127.0.0.1:8000\n",
    "http://127.0.0.1:٨٠",
    "http://127.0.0.1:8000@evil.example",
    "http://me@127.0.0.1:8000",
    "https://127.0.0.1:8000",
    "http://127.0.0.2:8000",
    "http://0.0.0.0:8000",
    "http://localhost.evil.example:80",
    "http://[::ffff:127.0.0.1]:80",
    "http://[::1",
    "ftp://localhost:80",
)


@pytest.mark.parametrize("url", [PAPER, *LOOPBACK])
def test_orders_may_go_to_the_paper_host_and_to_loopback(url: str) -> None:
    assert checked_trading_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        LIVE,
        f"{PAPER}/",
        f"{PAPER}/v2",
        f"{PAPER}:443",
        f"{PAPER}\n",
        f"{PAPER}.evil.example",
        f"{PAPER}@evil.example",
        f"https://evil.example/{PAPER}",
        "http://paper-api.alpaca.markets",
        "HTTPS://PAPER-API.ALPACA.MARKETS",
        "https://broker-api.alpaca.markets",
        DATA,
        *JUNK,
    ],
)
def test_orders_may_go_nowhere_else(url: str) -> None:
    with pytest.raises(NotPaperHost, match="set ALPACA_TRADING_URL to") as caught:
        checked_trading_url(url)

    assert caught.value.exit_code == 5


@pytest.mark.parametrize("url", [DATA, *LOOPBACK])
def test_prices_may_come_from_the_data_host_and_from_loopback(url: str) -> None:
    assert checked_data_url(url) == url


@pytest.mark.parametrize("url", [LIVE, PAPER, "https://data.sandbox.alpaca.markets", *JUNK])
def test_prices_may_come_from_nowhere_else(url: str) -> None:
    with pytest.raises(NotPaperHost, match="set ALPACA_DATA_URL to"):
        checked_data_url(url)


def test_the_sentence_names_the_host_and_no_password() -> None:
    with pytest.raises(NotPaperHost) as caught:
        checked_trading_url("https://me:hunter2@api.alpaca.markets/v2")

    assert '"api.alpaca.markets"' in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_the_simulated_exchange_is_on_loopback_only() -> None:
    assert checked_venue_url(LOOPBACK[0], VenueName.SIMULATED) == LOOPBACK[0]
    assert checked_venue_url(PAPER, VenueName.ALPACA_PAPER) == PAPER
    with pytest.raises(NotPaperHost, match="loopback port only"):
        checked_venue_url(PAPER, VenueName.SIMULATED)


@pytest.mark.parametrize(
    ("key_id", "venue"),
    [
        ("PKABC", VenueName.ALPACA_PAPER),
        ("SIM-A", VenueName.SIMULATED),
        ("PKABC", VenueName.SIMULATED),
    ],
)
def test_a_key_with_its_venues_prefix_may_be_used(key_id: str, venue: VenueName) -> None:
    assert checked_key_id(key_id, "CLAUDE", venue) == key_id


@pytest.mark.parametrize(
    ("key_id", "venue"),
    [
        ("AKABC", VenueName.ALPACA_PAPER),
        ("SIMABC", VenueName.ALPACA_PAPER),
        ("PK", VenueName.ALPACA_PAPER),
        ("pkabc", VenueName.ALPACA_PAPER),
        ("", VenueName.ALPACA_PAPER),
        ("AKABC", VenueName.SIMULATED),
        ("SIM", VenueName.SIMULATED),
    ],
)
def test_another_key_is_refused_by_its_variable_and_not_shown(
    key_id: str, venue: VenueName
) -> None:
    with pytest.raises(NotPaperKey) as caught:
        checked_key_id(key_id, "CLAUDE", venue)

    assert "ALPACA_CLAUDE_KEY_ID" in str(caught.value)
    assert "ABC" not in str(caught.value)
    assert caught.value.exit_code == 3


def test_no_file_of_the_program_names_the_live_host() -> None:
    live = re.compile(rb"(?<!paper-)api\.alpaca\.markets", re.IGNORECASE)
    files = [path for package in PACKAGES for path in (ROOT / package).rglob("*")]
    shipped = [path for path in files if path.is_file() and "__pycache__" not in path.parts]

    named = [path for path in (*shipped, ROOT / ".env.template") if live.search(path.read_bytes())]

    assert len(shipped) > 20
    assert named == []
