"""The questions of `council setup`: all answers are gathered before anything is written."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from config.errors import UsageError
from mcp_server.passphrase import SHORTEST
from mcp_server.setting_up.asking import Asking
from mcp_server.setting_up.keys import (
    DATABASE,
    GATEWAY,
    GATEWAY_ADDRESS,
    MODEL_KEYS,
    Key,
    account_keys,
    key_names,
    masked,
    problem_with,
)

Source = Literal["file", "shell", "other"]
_TRIES = 3
_REMOVE = "-"
_EMBEDDED = "embedded"
_OPENROUTER = ("sk-or-", "https://openrouter.ai/api/v1")
_DEFAULT_GATEWAY = "https://router.requesty.ai/v1"


@dataclass(frozen=True, slots=True)
class Known:
    """A setting as it is now: in the env file, in this shell alone, or in another file."""

    value: str
    source: Source


@dataclass(frozen=True, slots=True)
class Before:
    """What setup begins with."""

    settings: Mapping[str, Known]
    nicknames: Sequence[str]
    trading_url: str
    has_secret: bool


@dataclass(frozen=True, slots=True)
class Answers:
    """What is to be written: None removes a setting; `secret` None leaves the secret as it is."""

    changes: Mapping[str, str | None]
    secret: str | None = None


def unasked(before: Before, *, keyless: bool) -> Answers:
    """Return what is written where nobody is asked: the keys of this shell, unless `keyless`."""
    names = () if keyless else (*key_names(before.nicknames), DATABASE)
    from_shell = {name: before.settings[name] for name in names if name in before.settings}
    changes = {name: at.value for name, at in from_shell.items() if at.source == "shell"}
    _check_all(changes, before)
    return Answers(changes)


def asked(asking: Asking, before: Before, *, keyless: bool) -> Answers:
    """Ask for everything that setup knows; Enter keeps what is there.

    Raises:
        UsageError: an answer was unusable three times; nothing was changed.
    """
    changes: dict[str, str | None] = {}
    if not keyless and asking.yes(
        "Enter keys now? Everything runs without, on rehearsal models and a simulated venue",
        default=any(name in before.settings for name in key_names(before.nicknames)),
    ):
        changes |= _keys(asking, before)
    changes |= _database(asking, before)
    return Answers(changes, _secret(asking, before))


def _keys(asking: Asking, before: Before) -> dict[str, str | None]:
    asking.tell("What you type stays hidden. Enter keeps what is there or skips; - removes it.")
    changes: dict[str, str | None] = {}
    for key in MODEL_KEYS:
        changes |= _one_key(asking, key, before)
        if key.name == GATEWAY and changes.get(GATEWAY):
            changes |= _gateway_address(asking, str(changes[GATEWAY]), before)
    if asking.yes(
        f"Enter keys of Alpaca paper accounts ({len(before.nicknames)} accounts)?",
        default=any(name.startswith("ALPACA_") for name in before.settings),
    ):
        for nickname in before.nicknames:
            changes |= _account(asking, nickname, before)
    return changes


def _one_key(asking: Asking, key: Key, before: Before) -> dict[str, str | None]:
    """Ask for one key until it looks like one; what it changes, nothing for Enter."""
    known = before.settings.get(key.name)
    question = f"{key.title}, so that {key.brings} [{_now(key.name, known)}]"
    for _ in range(_TRIES):
        answer = asking.hidden(question).strip()
        if not answer:
            return {key.name: known.value} if known and known.source == "shell" else {}
        if answer == _REMOVE:
            return {key.name: None}
        problem = problem_with(key.name, answer, before.trading_url)
        if problem is None and _is_meant(asking, key, answer):
            return {key.name: answer}
        if problem:
            asking.tell(problem)
    raise UsageError(f"{key.name} could not be used {_TRIES} times; nothing was changed.")


def _is_meant(asking: Asking, key: Key, answer: str) -> bool:
    if answer.startswith(key.usual_start):
        return True
    question = f"It does not begin with {key.usual_start} as such keys do. Use it all the same?"
    return asking.yes(question, default=False)


def _now(name: str, known: Known | None) -> str:
    if known is None:
        return "none"
    where = {"file": "", "shell": " of this shell", "other": " of .env"}[known.source]
    return f"{masked(name, known.value)}{where}"


def _gateway_address(asking: Asking, key: str, before: Before) -> dict[str, str | None]:
    """Ask where the gateway is; a key of OpenRouter suggests OpenRouter."""
    start, openrouter = _OPENROUTER
    known = before.settings.get(GATEWAY_ADDRESS)
    now = known.value if known else _DEFAULT_GATEWAY
    suggested = openrouter if key.startswith(start) else now
    chosen = asking.text("Address of the gateway", default=suggested)
    return {} if chosen == now else {GATEWAY_ADDRESS: chosen}


def _account(asking: Asking, nickname: str, before: Before) -> dict[str, str | None]:
    """Ask for both halves of an account's key; the second only where the first is there."""
    key_id, secret = account_keys(nickname)
    changes = _one_key(asking, key_id, before)
    if key_id.name in changes and changes[key_id.name] is None:
        return {**changes, secret.name: None}
    if key_id.name in changes or key_id.name in before.settings:
        changes |= _one_key(asking, secret, before)
    return changes


def _database(asking: Asking, before: Before) -> dict[str, str | None]:
    known = before.settings.get(DATABASE)
    now = _EMBEDDED
    if known is not None:
        now = _now(DATABASE, known)
    elif "DATABASE_HOST" in before.settings:
        now = "of DATABASE_HOST"
    if not asking.yes(f"Database [{now}]: use another?", default=False):
        return {DATABASE: known.value} if known and known.source == "shell" else {}
    question = f"Address postgresql://user:password@host:5432/name, or {_EMBEDDED}"
    answer = asking.hidden(question).strip()
    if not answer:
        return {}
    return {DATABASE: None if answer in {_EMBEDDED, _REMOVE} else answer}


def _secret(asking: Asking, before: Before) -> str | None:
    """Ask twice for the secret that approving in a terminal will need."""
    if before.has_secret:
        asking.tell("The approval secret is set and stays; `council passphrase` changes it.")
        return None
    asking.tell("A passphrase proves that it is you who approves, here or on the web page.")
    for _ in range(_TRIES):
        first = asking.hidden("Approval passphrase (Enter for none)")
        if not first:
            return None
        if len(first) < SHORTEST:
            asking.tell(f"Take at least {SHORTEST} characters.")
        elif asking.hidden("The same again") == first:
            return first
        else:
            asking.tell("The two differ.")
    raise UsageError(f"The passphrase could not be used {_TRIES} times; nothing was changed.")


def _check_all(changes: Mapping[str, str], before: Before) -> None:
    for problem in _problems(changes, before):
        raise UsageError(f"{problem} Nothing was changed.")


def _problems(changes: Mapping[str, str], before: Before) -> Iterator[str]:
    for name, value in changes.items():
        if name not in {GATEWAY_ADDRESS, DATABASE}:
            problem = problem_with(name, value, before.trading_url)
            yield from [problem] if problem else []
