"""How text that others wrote enters a prompt: cleaned, as JSON, in a block that it cannot close.

What nobody sees is taken out twice, as it stands and as it stands behind escapes.
Inside a block `<`, `>` and `&` are JSON escapes, so whatever a pack, a pitch or a person wrote, the
next `</tag>` is ours. JSON readers undo the escapes; nothing is lost.
"""

import html
import json
import re
import sys
import unicodedata
from typing import Any
from urllib.parse import unquote_to_bytes

from pydantic import BaseModel

HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cn", "Co", "Cs"})
"""Control, format (bidi, zero width, tags), unassigned, private and surrogate characters."""

QUOTED_CHARACTERS = 160
"""At most so much of what others said stands inside a sentence of ours."""
_OTHER_QUOTES = str.maketrans(dict.fromkeys("“”„‟", "'"))

_KEPT_CONTROLS = frozenset("\n\t")
_HIDDEN_LETTERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_LINE_ENDS = re.compile("\r\n?|[\u0085\u2028\u2029]")
_VARIATION_SELECTORS = re.compile("[\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_LINK = re.compile(
    r"\[([^\]\n]{0,200})\]\((?:https?|ftp)://[^)\s]*\)|(?:https?|ftp)://\S+|www\.\S+", re.I
)
_ENTITY = re.compile(r"&(?:#\d{1,8}|#x[0-9a-f]{1,7}|[a-z][a-z0-9]{1,31});", re.I)
_PERCENT = re.compile(r"%[0-9a-f]{2}(?:%[0-9a-f]{2})*", re.I)
_ONE = r"\\(?:x[\da-fA-F]{2}|u[\da-fA-F]{4}|u\{[\da-fA-F]{1,6}\}|U[\da-fA-F]{8})"
_BACKSLASH = re.compile(f"{_ONE}(?:{_ONE})*", re.ASCII)
"""Both begin with a plain character, which is found faster than a group that repeats."""
_ONE_BACKSLASH = re.compile(r"\\[xuU]\{?([\da-fA-F]+)", re.ASCII)
_JSON_ESCAPE = re.compile(r"""\\[^"nt]""")
"""Any but those of quotation marks, newlines and tabs, which stay as they are."""
_LAYERS = 8
"""How often an escape may be escaped itself; nobody reads deeper."""
_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}


def clean_text(text: str) -> str:
    """Return `text` without characters that a reader cannot see; line ends become newlines.

    Escapes (`&#8203;`, `%E2%80%8B`, `\\u200b`) stay as they are written, unless one hides such a
    character: then the whole text comes back decoded, and without it.
    """
    if text.isascii() and text.isprintable() and not _has_escape(text):
        return text
    visible = decoded = _visible(text)
    hides = False
    for _ in range(_LAYERS):
        layer = _decoded(decoded)
        if layer == decoded:
            break
        decoded = _visible(layer)
        hides = hides or decoded != _LINE_ENDS.sub("\n", layer)
    return decoded if hides else visible


def quoted(text: str) -> str:
    """Return `text` cleaned, on one line, cut short and in quotation marks that it cannot close.

    So a sentence of ours can say what a model or a gateway said without saying it itself.
    """
    line = " ".join(clean_text(text[: 4 * QUOTED_CHARACTERS]).split())
    inside = line.translate(_OTHER_QUOTES).rstrip(".")
    cut = f"{inside[:QUOTED_CHARACTERS]}…" if len(inside) > QUOTED_CHARACTERS else inside
    return f"“{cut}”"


def clean_value(value: Any) -> Any:
    """Return the JSON value `value` with every string in it, keys included, cleaned."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, dict):
        return {clean_text(str(key)): clean_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [clean_value(item) for item in value]
    return value


def without_links(value: Any) -> Any:
    """Return the JSON value `value` with web addresses cut from its strings; link texts stay.

    The number of a footnote stays in brackets: bare, it would read as part of the sentence.
    """
    if isinstance(value, str):
        has_link = "://" in value or "www." in value.lower()
        return _LINK.sub(_without_address, value) if has_link else value
    if isinstance(value, dict):
        return {key: without_links(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_links(item) for item in value]
    return value


def canonical_json(value: Any) -> str:
    """Return `value` as JSON with sorted keys and without spaces: equal values, equal bytes."""
    return json.dumps(
        value,
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
        allow_nan=False,
        default=_as_stored,
    )


def fenced(tag: str, value: Any, **attributes: str) -> str:
    """Return `<tag attribute="…">{canonical JSON of value}</tag>`, which `value` cannot close.

    `value` is a JSON value, a Pydantic model, or tuples, lists and dicts of these.
    """
    opening = "".join(
        f' {name}="{html.escape(clean_text(text))}"' for name, text in attributes.items()
    )
    body = canonical_json(value)
    if not _is_clean(body):
        body = canonical_json(clean_value(json.loads(body)))
    for character, escape in _ESCAPES.items():
        body = body.replace(character, escape)
    return f"<{tag}{opening}>{body}</{tag}>"


def _is_clean(body: str) -> bool:
    """Whether no string in the JSON `body` has anything to clean: most have none."""
    is_plain = body.isascii() and body.isprintable() and not _has_escape(body)
    return is_plain and not _JSON_ESCAPE.search(body)


def _without_address(link: re.Match[str]) -> str:
    words = link[1]
    return f"[{words}]" if words and words.isdigit() else words or "[link]"


def _has_escape(text: str) -> bool:
    """Whether anything in `text` would decode; most texts lack even the first character."""
    found = "&" in text and _ENTITY.search(text)
    found = found or ("%" in text and _PERCENT.search(text))
    return bool(found or ("\\" in text and _BACKSLASH.search(text)))


def _visible(text: str) -> str:
    plain = _VARIATION_SELECTORS.sub("", _LINE_ENDS.sub("\n", text))
    return "".join(character for character in plain if not _is_hidden(character))


def _decoded(text: str) -> str:
    """Undo one layer of HTML entities, percent signs and backslashes."""
    text = _ENTITY.sub(lambda match: html.unescape(match[0]), text)
    text = _PERCENT.sub(lambda match: unquote_to_bytes(match[0]).decode("utf-8", "replace"), text)
    return _BACKSLASH.sub(lambda match: _from_backslashes(match[0]), text)


def _from_backslashes(escapes: str) -> str:
    """Return what a run of escapes stands for; two surrogates together are one character."""
    points = (int(digits, 16) for digits in _ONE_BACKSLASH.findall(escapes))
    units = "".join(chr(point) if point <= sys.maxunicode else "\ufffd" for point in points)
    return units.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def _is_hidden(character: str) -> bool:
    if character in _KEPT_CONTROLS:
        return False
    return character in _HIDDEN_LETTERS or unicodedata.category(character) in HIDDEN_CATEGORIES


def _as_stored(value: Any) -> Any:
    """Return a model as JSON, and decimals, dates and ids as they are stored."""
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else str(value)
