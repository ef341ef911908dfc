"""Replaces secrets in whatever is about to be logged: known values, and what looks like one."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

MASK = "***"

_SHORTEST_SECRET = 4
"""A shorter value would mask ordinary words."""

_KEY_SHAPES = re.compile(
    r"""(?x)
    \b(?:rqsty-sk-|rqy_|pplx-|sk-)[A-Za-z0-9_.\-/+=]{6,}   # Requesty, Perplexity, OpenAI
    | \b[PA]K[A-Z0-9]{14,}\b                               # Alpaca key ids
    | \bAIza[A-Za-z0-9_\-]{20,}                            # Google
    """
)
_HEADER = re.compile(
    r"""(?xi)
    ( \b(?:authorization|apca-api-key-id|apca-api-secret-key|x-api-key|x-goog-api-key)\b
      ['"]? \s*[:=,]\s* (?:b?['"])? (?:(?:bearer|basic)\s+)? )
    [^\s'",;}\])]+
    """
)
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9_.\-/+=]{8,}")
_URL_PASSWORD = re.compile(r"(?i)\b([a-z][a-z0-9+.\-]*://[^\s/:@]*):[^\s/@]+@")
_SECRET_FIELD = re.compile(
    r"(?i)authorization|api[-_]?key|secret|password|passwd|apca-api-key-id|\bkey_id\b"
)


class Mask:
    """Knows the secrets of this process and hides them, and key-like text besides."""

    def __init__(self, secrets: Sequence[str]) -> None:
        forms = {form for secret in secrets for form in _forms(secret)}
        known = sorted((f for f in forms if len(f) >= _SHORTEST_SECRET), key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def text(self, text: str) -> str:
        """Return `text` with every secret replaced by `***`."""
        if self._known is not None:
            text = self._known.sub(MASK, text)
        text = _HEADER.sub(rf"\1{MASK}", text)
        text = _BEARER.sub(rf"\1 {MASK}", text)
        text = _URL_PASSWORD.sub(rf"\1:{MASK}@", text)
        return _KEY_SHAPES.sub(MASK, text)

    def field(self, name: str, value: Any) -> Any:
        """Return the value of a field called `name`, hidden as a whole where the name says so."""
        return MASK if _SECRET_FIELD.search(name) and value else self.value(value)

    def value(self, value: Any) -> Any:
        """Return `value` with its nested texts masked; anything else becomes its masked text."""
        if value is None or isinstance(value, bool | int | float):
            shown = str(value)
            return value if self.text(shown) == shown else MASK
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.field(str(key), item) for key, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.value(item) for item in value]
        if isinstance(value, bytes):
            return self.text(value.decode(errors="replace"))
        return self.text(str(value))


def _forms(secret: str) -> tuple[str, ...]:
    """Return how a secret may stand in a text: itself, in a URL, in JSON, in a repr."""
    return secret, quote(secret, safe=""), json.dumps(secret)[1:-1], repr(secret)[1:-1]
