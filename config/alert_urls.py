"""The addresses of alerts, as one setting holds them: apart, and what in them opens anything.

Nearly every part of such an address may be a key: of a chat it is the host that is one.
"""

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote

from pydantic import SecretStr

_BETWEEN: Final = re.compile(r"[\s,]+(?=[A-Za-z][A-Za-z0-9+.-]*://)|[\r\n]+")
"""A comma stands within an address too, such as between the receivers of a mail."""
_PARTS: Final = re.compile(r"[/?&=:@,;#\s]+")
_SHORTEST_KEY: Final = 8
"""A shorter part may be an ordinary word, and hiding it would garble the log."""


def split_urls(setting: SecretStr | None) -> tuple[str, ...]:
    """Return each address of the setting once, in its order; none where it is not set."""
    text = setting.get_secret_value() if setting else ""
    found = (url.strip().strip(",").strip() for url in _BETWEEN.split(text))
    return tuple(dict.fromkeys(url for url in found if url))


def secrets_in(setting: SecretStr | None) -> tuple[str, ...]:
    """Return what of the addresses must stay out of every log: each as a whole and its parts."""
    return tuple(dict.fromkeys(part for url in split_urls(setting) for part in _secrets(url)))


def _secrets(url: str) -> Iterator[str]:
    yield url
    _, _, rest = url.partition("://")
    for part in _PARTS.split(rest):
        # What has a dot and no figures is the name of a server, and says nothing.
        is_server = "." in part and not re.search(r"\d", part)
        if len(part) >= _SHORTEST_KEY and not is_server:
            yield part
            yield unquote(part)
