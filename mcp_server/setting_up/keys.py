"""The settings that setup asks for, and what can be said of a value without using it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from broker.accounts import checked_key_id, venue_at
from broker.errors import NotPaperKey

GATEWAY = "REQUESTY_API_KEY"
GATEWAY_ADDRESS = "REQUESTY_BASE_URL"
DATABASE = "DATABASE_URL"

_SHOWN = 4
_SHORTEST = 8
_UNUSABLE = re.compile(r"[\s\"'`\x00-\x1f]")
_PLACEHOLDER = re.compile(r"(?i)your|example|changeme|<|\.\.\.|xxxx")
_URL_PASSWORD = re.compile(r"(?i)^([a-z][a-z0-9+.-]*://[^\s/:@]*):[^\s/]+@")
_ACCOUNT_KEY_ID = re.compile(r"ALPACA_(?P<nickname>.+)_KEY_ID")


@dataclass(frozen=True, slots=True)
class Key:
    """One key that may be given; `brings` says what it is for."""

    name: str
    title: str
    brings: str
    usual_start: str = ""
    """How such keys begin: another beginning is asked about, not refused."""


MODEL_KEYS = (
    Key(GATEWAY, "Model gateway (Requesty, OpenRouter)", "language models answer"),
    Key("PERPLEXITY_API_KEY", "Perplexity", "its deep research writes pack A", "pplx-"),
    Key("GEMINI_API_KEY", "Gemini", "its deep research writes pack B", "AIza"),
)


def account_keys(nickname: str) -> tuple[Key, Key]:
    """Return the two halves of an account's Alpaca key."""
    brings = "it trades at Alpaca's paper venue"
    return (
        Key(f"ALPACA_{nickname}_KEY_ID", f"{nickname} key id", brings, "PK"),
        Key(f"ALPACA_{nickname}_SECRET_KEY", f"{nickname} secret", brings),
    )


def key_names(nicknames: Sequence[str]) -> Iterator[str]:
    """Yield the variable of every key that setup knows."""
    yield from (key.name for key in MODEL_KEYS)
    yield GATEWAY_ADDRESS
    for nickname in nicknames:
        yield from (key.name for key in account_keys(nickname))


def problem_with(name: str, value: str, trading_url: str) -> str | None:
    """Return why `value` cannot be the key `name`, in words that do not repeat it."""
    if _UNUSABLE.search(value):
        return f"{name} holds a space or a quotation mark: copy the key alone."
    if len(value) < _SHORTEST:
        return f"{name} is shorter than any key: copy the whole of it."
    if _PLACEHOLDER.search(value):
        return f"{name} looks like a placeholder of a manual, not like a key."
    if match := _ACCOUNT_KEY_ID.fullmatch(name):
        try:
            checked_key_id(value, match["nickname"], venue_at(trading_url))
        except NotPaperKey as error:
            return str(error)
    return None


def masked(name: str, value: str) -> str:
    """Return as much of a value as may be shown: a key's first characters, no password."""
    if name == GATEWAY_ADDRESS:
        return value
    if name == DATABASE:
        return _URL_PASSWORD.sub(r"\1:***@", value)
    return f"{value[:_SHOWN]}..." if len(value) >= _SHORTEST else "***"
