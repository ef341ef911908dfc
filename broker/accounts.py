"""The paper guard: which addresses and keys may be used at all. Live trading has no way through.

An address is compared with what is allowed, never searched for what is forbidden.
"""

import re
from urllib.parse import urlsplit

from broker.errors import NotPaperHost, NotPaperKey
from broker.models import VenueName

PAPER_TRADING_URL = "https://paper-api.alpaca.markets"
"""The only place outside this machine that orders may go to."""

MARKET_DATA_URL = "https://data.alpaca.markets"
"""The only place outside this machine that prices come from."""

_LOOPBACK = re.compile(r"http://(?:127\.0\.0\.1|localhost|\[::1\]):([1-9][0-9]{0,4})")
_LAST_PORT = 65_535
_KEY_PREFIXES = {VenueName.ALPACA_PAPER: ("PK",), VenueName.SIMULATED: ("SIM", "PK")}
"""An exchange on this machine may be tried with paper keys too; the paper host takes no other."""


def checked_trading_url(url: str) -> str:
    """Return `url` where it is Alpaca's paper host or a loopback port, character for character.

    Raises:
        NotPaperHost: anything else, a path, a trailing slash or a user name included.
    """
    if url == PAPER_TRADING_URL or is_loopback(url):
        return url
    raise NotPaperHost(
        f'Orders may not go to "{_host(url)}": set ALPACA_TRADING_URL to {PAPER_TRADING_URL} '
        "or to a loopback address such as http://127.0.0.1:8000, with nothing after it."
    )


def checked_data_url(url: str) -> str:
    """Return `url` where it is Alpaca's market-data host or a loopback port.

    Raises:
        NotPaperHost: anything else.
    """
    if url == MARKET_DATA_URL or is_loopback(url):
        return url
    raise NotPaperHost(
        f'Prices may not come from "{_host(url)}": set ALPACA_DATA_URL to {MARKET_DATA_URL} '
        "or to a loopback address such as http://127.0.0.1:8000, with nothing after it."
    )


def checked_venue_url(url: str, venue: VenueName) -> str:
    """Return the checked trading `url`; the simulated exchange is on loopback and nowhere else.

    Raises:
        NotPaperHost: the address is not allowed for `venue`.
    """
    if venue is VenueName.SIMULATED and not is_loopback(url):
        raise NotPaperHost(
            f'The simulated exchange cannot be at "{_host(url)}": it is on a loopback port only.'
        )
    return checked_trading_url(url)


def checked_stream_url(trading_url: str) -> str:
    """Return where the trade updates of a trading address are, at the same host and port.

    Raises:
        NotPaperHost: the address is neither Alpaca's paper host nor loopback.
    """
    return f"ws{checked_trading_url(trading_url).removeprefix('http')}/stream"


def venue_at(trading_url: str) -> VenueName:
    """Return what stands behind a checked address: on loopback it is never Alpaca."""
    return VenueName.SIMULATED if is_loopback(trading_url) else VenueName.ALPACA_PAPER


def checked_key_id(key_id: str, nickname: str, venue: VenueName) -> str:
    """Return `key_id` where it has a prefix of `venue`'s keys: PK for paper, SIM if simulated.

    Raises:
        NotPaperKey: another prefix; the message names the variable, never the key.
    """
    prefixes = _KEY_PREFIXES[venue]
    if any(key_id.startswith(prefix) and len(key_id) > len(prefix) for prefix in prefixes):
        return key_id
    raise NotPaperKey(
        f"ALPACA_{nickname}_KEY_ID is not a key of a paper account ({venue} keys begin with "
        f"{' or '.join(prefixes)}): make one in the paper account and set that."
    )


def is_loopback(url: str) -> bool:
    """Whether `url` is plain HTTP to a port of this machine and nothing more."""
    match = _LOOPBACK.fullmatch(url)
    return match is not None and int(match[1]) <= _LAST_PORT


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or url
    except ValueError:
        return url
