import pytest

from config.errors import ConfigError
from council.research.wire import Key, checked_address, open_wire

HOST = "api.perplexity.ai"


@pytest.mark.parametrize(
    "address",
    [
        "https://api.perplexity.ai",
        "https://api.perplexity.ai/",
        "http://127.0.0.1:8123",
        "http://localhost:8123",
        "http://[::1]:8123",
    ],
)
def test_a_key_may_go_to_its_own_host_and_to_this_machine(address: str) -> None:
    assert checked_address(address, HOST) == address.rstrip("/")


@pytest.mark.parametrize(
    "address",
    [
        "http://api.perplexity.ai",
        "https://api.perplexity.ai.thief.example",
        "https://thief.example/api.perplexity.ai",
        "https://user@api.perplexity.ai",
        "https://api.perplexity.ai:8443",
        "https://api.perplexity.ai?x=1",
        "http://10.0.0.1",
        "https://[broken",
        "https://api.perplexity.ai:port",
        "",
    ],
)
def test_a_key_goes_nowhere_else(address: str) -> None:
    with pytest.raises(ConfigError, match="sends the key"):
        checked_address(address, HOST)


@pytest.mark.parametrize("key", ["", "  ", "pplx\n-1", "schl\u00fcssel"])
def test_a_damaged_key_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(ConfigError, match="empty or damaged"):
        open_wire(f"https://{HOST}", Key("authorization", key, "Bearer"), host=HOST)
