"""Rewrites the text of an env file: the settings named change, every other line stays as it is."""

import re
from collections.abc import Mapping
from io import StringIO

from dotenv.parser import parse_stream

_PLAIN = re.compile(r"[A-Za-z0-9_./:@%+,~=?&-]+")
_HEAD = """\
# Settings of the LLM trading council; secrets among them. Keep this file to yourself.
# The environment wins over it. `council setup` changes it and keeps lines that it does not know.
"""


def settings_in(text: str) -> dict[str, str]:
    """Return what the text sets to something, by name; the last one of a name counts."""
    found = {binding.key: binding.value for binding in parse_stream(StringIO(text))}
    return {name: value for name, value in found.items() if name and value}


def text_with(text: str, changes: Mapping[str, str | None]) -> str:
    """Return the text with `changes` made; None empties a setting, new ones come last."""
    lines, written = [], set()
    for binding in parse_stream(StringIO(text or _HEAD)):
        original = binding.original.string
        if binding.key is None or binding.key not in changes:
            lines.append(original)
            continue
        if binding.key not in written:
            lines.append(_margin(original) + _line(binding.key, changes[binding.key]))
        # A name that stands in it twice would go on with its other value: that line goes.
        written.add(binding.key)
    added = [_line(name, value) for name, value in changes.items() if name not in written and value]
    before = "".join(lines)
    if added and before and not before.endswith("\n"):
        before += "\n"
    return before + "".join(added)


def _margin(original: str) -> str:
    """Return the empty lines before a setting: the parser counts them as part of it."""
    return original[: len(original) - len(original.lstrip())]


def _line(name: str, value: str | None) -> str:
    return f"{name}={_quoted(value or '')}\n"


def _quoted(value: str) -> str:
    if not value or _PLAIN.fullmatch(value):
        return value
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
