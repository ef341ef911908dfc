"""The keys that seal what clients carry for us between calls: a form's state, a card's nonces.

They come from COUNCIL_STATE_KEY, or from a file in COUNCIL_HOME that the first server makes once;
servers with the same keys finish each other's forms. Nothing is read before the first sealing.
"""

import secrets
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Final

from mcp.server.request_state import AESGCMRequestStateCodec, RequestStateSecurity

from config import settings as environment
from config.errors import ConfigError
from mcp_server.private_files import alone_with, write_privately

StateKeys = Callable[[], tuple[bytes, ...]]

KEY_FILE: Final = "state-key"
FORM_LIFETIME: Final = timedelta(minutes=30)
"""How long a person may take over a form; the ticket must still be the same at its end."""
_KEY_BYTES: Final = 32


def state_keys(settings: "environment.Settings") -> tuple[bytes, ...]:
    """Return the keys, the first of which seals and any of which opens; make the file if need be.

    Raises:
        ConfigError: the file cannot be made or read, or holds no key.
    """
    if settings.council_state_key is not None:
        return (settings.council_state_key.get_secret_value().encode(),)
    path = settings.council_home / KEY_FILE
    try:
        return (_key_in(path),)
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be read ({error.strerror}): mend its permissions, or set "
            "COUNCIL_STATE_KEY to 32 characters or more."
        ) from error


def own_state_keys() -> tuple[bytes, ...]:
    """Return the keys by this process's own settings."""
    return state_keys(environment.load_settings())


def form_security(keys: StateKeys) -> RequestStateSecurity:
    """Return what seals the state of forms; it asks for `keys` at the first form, not before."""
    return RequestStateSecurity(codec=_LazyCodec(keys), ttl=FORM_LIFETIME.total_seconds())


class _LazyCodec:
    """The SDK's own sealing, with keys that are fetched at first use."""

    def __init__(self, keys: StateKeys) -> None:
        self._keys = keys
        self._codec: AESGCMRequestStateCodec | None = None

    def seal(self, payload: bytes) -> str:
        return self._ready.seal(payload)

    def unseal(self, token: str) -> bytes:
        return self._ready.unseal(token)

    @property
    def _ready(self) -> AESGCMRequestStateCodec:
        if self._codec is None:
            self._codec = AESGCMRequestStateCodec(self._keys())
        return self._codec


def _key_in(path: Path) -> bytes:
    """Return the key in the file; of two processes that find none, one makes it for both."""
    if not path.exists():
        with alone_with(path):
            if not path.exists():
                write_privately(path, secrets.token_hex(_KEY_BYTES) + "\n")
    key = path.read_bytes().strip()
    if len(key) < _KEY_BYTES:
        raise ConfigError(f"{path} holds no key: remove it, and the next server makes a new one.")
    return key
