"""A report as Markdown: readable as it stands, and inert where it is rendered.

All text is escaped, so that what a model wrote can neither format, link nor run.
"""

import re
from collections.abc import Iterable
from functools import singledispatch
from typing import Final
from uuid import UUID

from mcp_server.reporting.document import (
    Block,
    EvidenceList,
    Listing,
    Paragraph,
    Picture,
    Report,
    Row,
    Section,
    Statement,
    Statements,
    Table,
)
from mcp_server.reporting.material import PostmortemMaterial
from mcp_server.reporting.reports import postmortem_report

_ACTIVE: Final = re.compile(
    r"[\\`*<>|~]|&(?=#?\w)|(?<![^\W_])_|_(?![^\W_])|!(?=\[)|\](?=[(\[:])|\[(?=[ xX]\]|\^)|\$(?!\d)"
)
"""What formats, links, quotes or opens markup; brackets and underscores only where they do."""
_LINK: Final = re.compile(r"(?<=\w):(?=//)|(?<=\bwww)\.|(?<=\w)@(?=\w)|(?<=\bmailto):", re.I)
_AT_A_START: Final = re.compile(r"^(?:[#+=-](?=[\s#+=-]|$)|\d+(?=[.)](?:\s|$)))")
_EMPTY: Final = ""


def postmortem_markdown(material: PostmortemMaterial) -> str:
    """Return a week's postmortem as Markdown (GitHub's tables), without pictures."""
    return as_markdown(postmortem_report(material))


def as_markdown(report: Report) -> str:
    """Return `report` as Markdown that ends with a newline."""
    shortfalls = "\n>\n".join(f"> **!** {escaped(words)}" for words in report.shortfalls)
    parts = [
        f"# {escaped(report.title)}",
        " · ".join(escaped(badge) for badge in report.badges),
        shortfalls,
        f"**{escaped(report.answer)}**",
        *(part for section in report.sections for part in _section(section, report.short_ids)),
        "---",
        *(escaped(words) for words in report.foot),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def escaped(words: str) -> str:
    """Return `words` so that Markdown shows every character and does nothing with any."""
    inert = _ACTIVE.sub(lambda found: "\\" + found[0], words)
    inert = _LINK.sub(lambda found: "\\" + found[0], inert)
    return _AT_A_START.sub(_behind_backslash, inert)


def _behind_backslash(found: re.Match[str]) -> str:
    start = found[0]
    return f"{start}\\" if start[0].isdigit() else f"\\{start}"


def _section(section: Section, short_ids: dict[UUID, str]) -> Iterable[str]:
    yield f"## {escaped(section.title)}"
    for block in section.blocks:
        yield (
            _lines_of_statements(block, short_ids)
            if isinstance(block, Statements)
            else _block(block)
        )


def _lines_of_statements(block: Statements, short_ids: dict[UUID, str]) -> str:
    return "\n".join(f"- {_statement(said, short_ids)}" for said in block.statements)


def _statement(said: Statement, short_ids: dict[UUID, str]) -> str:
    ids = ", ".join(f"`{short_ids[one]}`" for one in said.evidence if one in short_ids)
    note = f" ({escaped(said.note)})" if said.note else _EMPTY
    return f"{escaped(said.words)}{note}" + (f" [evidence: {ids}]" if ids else _EMPTY)


@singledispatch
def _block(block: Block) -> str:
    raise TypeError(f"no Markdown is known for {type(block).__name__}")


@_block.register
def _(block: Paragraph) -> str:
    return f"*{escaped(block.words)}*" if block.is_quiet else escaped(block.words)


@_block.register
def _(block: Listing) -> str:
    return "\n".join(f"- {escaped(point)}" for point in block.points)


@_block.register
def _(block: Table) -> str:
    if not block.rows:
        return f"{escaped(block.caption)}: nothing yet."
    rules = ["---", *("---:" for _ in block.columns[1:])]
    lines = [_line(block.columns), _line(rules), *(_row(row) for row in block.rows)]
    return f"**{escaped(block.caption)}**\n\n" + "\n".join(lines)


@_block.register
def _(block: Picture) -> str:
    return _EMPTY if block.instead is None else _block(block.instead)


@_block.register
def _(block: EvidenceList) -> str:
    events = (f"- `{one.short}` {escaped(one.words)} (`{one.event_id}`)" for one in block.events)
    return "\n".join(events)


def _row(row: Row) -> str:
    name, *cells = (escaped(cell) for cell in row.cells)
    if row.is_strong:
        name = f"**{name}**"
    if row.is_apart:
        name = f"*{name}*"
    return _line((name, *cells))


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
