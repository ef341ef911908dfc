"""The prompts as text: Jinja2 files under `prompts/`, rendered strictly and known by their hash.

A name that a template misses is an error, never an empty place in a prompt. Values go in as they
are: text that others wrote must come through `council.untrusted.fenced`.
"""

import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment

_PROMPTS = Path(__file__).resolve().parents[1] / "prompts"


def render(name: str, **values: object) -> str:
    """Return the template `name` (such as "pitch") filled with `values`, ending in one newline.

    Raises:
        jinja2.UndefinedError: the template uses a name that `values` lacks.
        jinja2.TemplateNotFound: there is no such template.
    """
    text = _environment().get_template(f"{name}.md.j2").render(**values)
    return text.strip() + "\n"


def load_templates(*names: str) -> None:
    """Load Jinja2 and the templates `names`, so that none of their renderings waits for it.

    Raises:
        jinja2.TemplateNotFound: there is no such template.
    """
    for name in names:
        _environment().get_template(f"{name}.md.j2")


def prompt_hash(*texts: str) -> str:
    """Return the sha-256, in hex, of `texts` in their order, each kept apart from the next."""
    digest = hashlib.sha256()
    for text in texts:
        encoded = text.encode()
        digest.update(len(encoded).to_bytes(8, "big") + encoded)
    return digest.hexdigest()


@cache
def templates_hash(*names: str) -> str:
    """Return the sha-256, in hex, of the templates' own texts: it changes only where they do."""
    return prompt_hash(*((_PROMPTS / f"{name}.md.j2").read_text("utf-8") for name in names))


@cache
def _environment() -> "Environment":
    # Only who renders a prompt loads Jinja2.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415

    return Environment(
        loader=FileSystemLoader(_PROMPTS),
        undefined=StrictUndefined,
        auto_reload=False,  # no file is looked at again for each prompt
        autoescape=False,  # noqa: S701 - prompts are plain text; HTML escapes would garble them
        trim_blocks=True,
        lstrip_blocks=True,
    )
