"""The reference of every setting as Markdown: `python -m config.reference docs/configuration.md`.

What a key means stands once, beside its field in the schemas, and what a variable means stands
once, in `.env.template`. A test holds the page against both.
"""

import ast
import inspect
import sys
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from config import model_schema, schema
from config.model_schema import ModelsFile
from config.schema import AccountsFile, AssetsFile, RiskFile, ScheduleFile
from config.section import Section

FILES: Final[Mapping[str, type[Section]]] = {
    "accounts.yaml": AccountsFile,
    "assets.yaml": AssetsFile,
    "models.yaml": ModelsFile,
    "schedule.yaml": ScheduleFile,
    "risk.yaml": RiskFile,
}
TEMPLATE: Final = Path(__file__).parents[1] / ".env.template"
_HEAD: Final = """# Configuration reference

Made by `python -m config.reference docs/configuration.md`; do not edit it by hand.

Five YAML files say who plays, what is traded, which model answers, when, and within which limits.
The packaged ones lie in `config/`; `COUNCIL_CONFIG` names another folder with the same five. A key
that is unknown, missing or out of range is refused at the start, with its file and its name.
"""
_SECTIONS: Final = {
    name: found
    for module in (schema, model_schema)
    for name, found in vars(module).items()
    if isinstance(found, type) and issubclass(found, Section)
}
_KINDS: Final = {"string": "text", "null": "nothing", "integer": "whole number"}
_BOUNDS: Final = {
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
    "multipleOf": "in steps of {}",
    "minItems": "at least {} of them",
    "minLength": "{} characters or more",
}


def reference() -> str:
    """Return the whole page."""
    parts = [_HEAD, *(_file(name, model) for name, model in FILES.items()), _variables()]
    return "\n".join(parts)


def _file(name: str, model: type[Section]) -> str:
    """Return the tables of one file: its own keys, then those of each section in it."""
    whole = model.model_json_schema(mode="validation")
    sections = {model.__name__: whole, **whole.get("$defs", {})}
    tables = [_table(title, sections) for title, found in sections.items() if "properties" in found]
    return "\n".join([f"## {name}", "", *tables])


def _table(title: str, sections: Mapping[str, Any]) -> str:
    section = sections[title]
    needed = set(section.get("required", ()))
    words = _field_words(title)
    rows = [
        f"| `{key}` | {_kind(field, sections)} | {_default(key, field, needed)} | {words[key]} |"
        for key, field in section["properties"].items()
    ]
    about = _paragraph(section.get("description", ""))
    head = [f"### {title}", "", about, "", "| key | value | default | |", "|---|---|---|---|"]
    return "\n".join([*head, *rows, ""])


def _kind(field: Mapping[str, Any], sections: Mapping[str, Any]) -> str:
    """Return what may stand there, in words; `sections` are the file's by name."""
    if "$ref" in field:
        name = field["$ref"].rsplit("/", 1)[-1]
        found = sections[name]
        return _kind(found, sections) if "enum" in found else f"[{name}](#{name.lower()})"
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if "anyOf" in field:
        # A decimal may be written as a number or as text: the number says it all.
        choices = [choice for choice in field["anyOf"] if choice.get("type") != "string"]
        named = field["anyOf"] if {"type": "null"} in choices and len(choices) == 1 else choices
        return " or ".join(_kind(choice, sections) for choice in named)
    if field.get("type") == "array":
        return f"list of {_kind(field['items'], sections)}{_bounds(field)}"
    if field.get("type") == "object":
        (values,) = field.get("patternProperties", {"": field.get("additionalProperties")}).values()
        return f"for each name: {_kind(values, sections)}"
    kind = field.get("format") or _KINDS.get(field["type"], field["type"])
    return f"{kind}{_bounds(field)}"


def _bounds(field: Mapping[str, Any]) -> str:
    said = [words.format(_plain(field[key])) for key, words in _BOUNDS.items() if key in field]
    if "pattern" in field:
        said.append(f"like `{field['pattern']}`".replace("|", "\\|"))
    return f", {', '.join(said)}" if said else ""


def _default(key: str, field: Mapping[str, Any], needed: set[str]) -> str:
    if key in needed:
        return "needed"
    value = field.get("default")
    return "" if value in (None, {}, [], "") else f"`{_plain(value)}`"


def _plain(value: object) -> str:
    is_whole = isinstance(value, float) and value.is_integer()
    return str(int(value)) if is_whole and isinstance(value, float) else str(value)


def _field_words(section: str) -> dict[str, str]:
    """Return what stands below the fields of a section, inherited ones too, by their names."""
    words: dict[str, str] = {}
    for kind in reversed(_SECTIONS[section].__mro__[:-1]):
        if issubclass(kind, Section):
            words |= dict(_words_in(ast.parse(inspect.getsource(kind)).body[0]))
    return words


def _words_in(class_body: ast.AST) -> Iterator[tuple[str, str]]:
    lines = list(ast.iter_child_nodes(class_body))
    for field, below in pairwise(lines):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            yield field.target.id, _text_of(below)


def _text_of(node: ast.AST) -> str:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return _paragraph(str(node.value.value))
    return ""


def _paragraph(text: str) -> str:
    return " ".join(text.split())


def _variables() -> str:
    rows = [f"| `{name}` | {value} | {words} |" for name, value, words in _template_lines()]
    head = ["## Variables", "", "| variable | default | |", "|---|---|---|"]
    return "\n".join([*head, *rows, ""])


def _template_lines() -> Iterator[tuple[str, str, str]]:
    """Yield each variable of `.env.template` with its default and the comment above it."""
    comment: list[str] = []
    for line in TEMPLATE.read_text(encoding="utf-8").splitlines():
        if line.startswith("# ") and not line.startswith("# ---"):
            comment.append(line.removeprefix("# "))
        elif line and not line.startswith("#"):
            name, _, value = line.partition("=")
            yield name, f"`{value}`" if value else "", _paragraph(" ".join(comment))
            comment = [] if value or "SECRET" in name or "KEY_ID" not in name else comment
        else:
            comment = []


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(reference(), encoding="utf-8")
