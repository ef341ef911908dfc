"""The SDK's dangerous defaults stay off, and none of its errors gets past the edge."""

import inspect
import subprocess
import sys
from collections.abc import Iterator

import alpaca.common.exceptions
import pytest
import requests
import requests.exceptions

from broker.alpaca.client import open_data_client, open_trading_client
from broker.alpaca.failures import Failed, edge_errors, failed_from
from broker.alpaca.venue import AlpacaVenue
from broker.errors import NotPaperHost, NotPaperKey
from broker.models import VenueName
from config.settings import AlpacaCredentials
from tests.broker.alpaca.conftest import CREDENTIALS

PAPER = "https://paper-api.alpaca.markets"


def vendor_errors() -> Iterator[type[Exception]]:
    for module in (alpaca.common.exceptions, requests.exceptions):
        for _, member in inspect.getmembers(module, inspect.isclass):
            if issubclass(member, Exception) and not issubclass(member, Warning):
                yield member


@pytest.mark.parametrize("error", tuple(vendor_errors()), ids=lambda error: error.__name__)
def test_every_error_of_the_vendors_is_translated(error: type[Exception]) -> None:
    raised = error.__new__(error, "text")
    if isinstance(raised, alpaca.common.exceptions.APIError):
        raised.__init__("text")  # type: ignore[misc]  # the others take what __new__ took

    assert isinstance(raised, edge_errors())
    assert isinstance(failed_from(raised), Failed)


def test_nothing_is_ever_sent_twice() -> None:
    trading, prices = (
        open_trading_client(CREDENTIALS, PAPER),
        open_data_client(CREDENTIALS, "https://data.alpaca.markets"),
    )

    assert (trading._retry, prices._retry) == (0, 0)
    assert (trading._retry_codes, prices._retry_codes) == ([], [])


def test_a_client_cannot_be_turned_to_another_host() -> None:
    client = open_trading_client(CREDENTIALS, PAPER)
    client._base_url = "https://paper-api.alpaca.markets.evil.example"

    with pytest.raises(NotPaperHost):
        client.post("/orders", {})


def test_a_client_for_another_host_is_never_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APCA_API_BASE_URL", "https://evil.example")

    with pytest.raises(NotPaperHost):
        open_trading_client(CREDENTIALS, "https://evil.example")
    assert open_trading_client(CREDENTIALS, PAPER)._base_url == PAPER


def test_a_venue_refuses_a_live_key_and_a_foreign_address_when_it_is_made() -> None:
    live = AlpacaCredentials("AKLIVE", CREDENTIALS.secret_key)

    with pytest.raises(NotPaperKey):
        _venue(live, PAPER)
    with pytest.raises(NotPaperHost):
        _venue(CREDENTIALS, "https://evil.example")


def test_importing_the_venue_does_not_import_the_sdk() -> None:
    code = (
        "import sys, broker.alpaca.venue, broker.alpaca.market_data;"
        "sys.exit(any(name in sys.modules for name in ('alpaca', 'pandas', 'requests')))"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def _venue(credentials: AlpacaCredentials, url: str) -> AlpacaVenue:
    return AlpacaVenue(
        nickname="CLAUDE",
        account_number="PA3ABCDEFGHI",
        credentials=credentials,
        trading_url=url,
        name=VenueName.ALPACA_PAPER,
    )
