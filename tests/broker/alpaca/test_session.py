"""What the session leaves out of requests' way of sending does not make it less careful."""

import inspect
import socket
from collections.abc import Iterator

import pytest
import requests
import requests.utils
import urllib3
import urllib3.exceptions

from broker.alpaca.session import GuardedSession, _as_requests_would

TIMEOUT = (1.0, 1.0)


def lower_errors() -> Iterator[type[urllib3.exceptions.HTTPError]]:
    for _, member in inspect.getmembers(urllib3.exceptions, inspect.isclass):
        if issubclass(member, urllib3.exceptions.HTTPError):
            yield member


def test_the_server_has_to_prove_who_it_is() -> None:
    session = GuardedSession("https://paper-api.alpaca.markets", TIMEOUT)

    connections = session._connections()

    assert isinstance(connections, urllib3.HTTPSConnectionPool)
    assert (connections.host, connections.proxy) == ("paper-api.alpaca.markets", None)
    assert connections.cert_reqs == "CERT_REQUIRED"
    assert connections.ca_certs == requests.utils.DEFAULT_CA_BUNDLE_PATH


@pytest.mark.parametrize("error", tuple(lower_errors()), ids=lambda error: error.__name__)
def test_every_error_below_is_one_that_requests_would_raise(
    error: type[urllib3.exceptions.HTTPError],
) -> None:
    raised = error.__new__(error, "text")

    assert isinstance(_as_requests_would(raised), requests.RequestException)


def test_nobody_at_the_address_is_a_connection_error() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        origin = f"http://127.0.0.1:{listener.getsockname()[1]}"

    with pytest.raises(requests.ConnectionError):
        GuardedSession(origin, TIMEOUT).request("GET", f"{origin}/v2/account")


def test_a_server_that_says_nothing_is_a_read_timeout() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        origin = f"http://127.0.0.1:{listener.getsockname()[1]}"

        with pytest.raises(requests.ReadTimeout):
            GuardedSession(origin, (1.0, 0.01)).request("POST", f"{origin}/v2/orders", json={})
