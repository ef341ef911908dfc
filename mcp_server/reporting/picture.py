"""A report as one PNG picture, for hosts that show no HTML: the curves, and the table in short.

Drawn as SVG and rendered by resvg with a font that comes along, so that it needs no browser and
looks the same on a machine without fonts. Both packages are the extra `charts`.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from config.errors import UsageError
from council.analytics.charting.svg import element, number, shortened, text, text_width
from council.analytics.charting.theme import LIGHT, NARROW_FONT_PX, in_fixed_colours
from mcp_server.reporting.document import Picture, Report, Row, Table
from mcp_server.reporting.material import PostmortemMaterial
from mcp_server.reporting.reports import postmortem_report

_WIDTH: Final = 1120.0
_EDGE: Final = 32.0
_CHART: Final = 520.0
_ROW: Final = 30.0
_SCALE: Final = 2
_MOST_LINES: Final = 4
_NARROWER: Final = 0.88
"""The font of the pictures against the widest one that charts leave room for."""
_HEIGHT: Final = re.compile(r'viewBox="0 0 [\d.]+ ([\d.]+)"')
_INSTALL: Final = (
    "A picture needs two more packages: install them with `uv sync --extra charts`, or "
    "`pip install resvg-py font-roboto`; the Markdown and HTML reports need neither."
)


def postmortem_png(material: PostmortemMaterial) -> bytes:
    """Return a week's postmortem in one picture: equity, drawdown and the week by account.

    Raises:
        UsageError: the extra `charts` is not installed.
    """
    report = postmortem_report(material)
    return as_png(report, _week_table(report))


def as_png(report: Report, table: Table) -> bytes:
    """Return the head of `report`, its curves and `table` as PNG."""
    try:
        import resvg_py  # noqa: PLC0415 - an extra, and only pictures need it
        from font_roboto import font_files  # noqa: PLC0415 - as above
    except ImportError as error:
        raise UsageError(_INSTALL) from error
    rendered: bytes = resvg_py.svg_to_bytes(
        svg_string=as_svg(report, table),
        zoom=_SCALE,
        font_files=list(font_files.values()),
        font_family="Roboto",
    )
    return bytes(rendered)


def as_svg(report: Report, table: Table) -> str:
    """Return the picture as SVG in fixed colours."""
    head, top = _head(report)
    charts, top = _charts(_curves(report), top)
    lines, top = _table(table, top)
    ground = element("rect", width=_WIDTH, height=top, fill=LIGHT["surface"])
    return element(
        "svg",
        "".join([ground, *head, *charts, *lines]),
        xmlns="http://www.w3.org/2000/svg",
        width=_WIDTH,
        height=top,
        viewBox=f"0 0 {number(_WIDTH)} {number(top)}",
    )


def _week_table(report: Report) -> Table:
    blocks = (b for s in report.sections if s.anchor == "week" for b in s.blocks)
    return next(block for block in blocks if isinstance(block, Table))


def _curves(report: Report) -> tuple[str, ...]:
    blocks = (b for s in report.sections if s.anchor == "to-date" for b in s.blocks)
    return tuple(block.svg for block in blocks if isinstance(block, Picture))


def _head(report: Report) -> tuple[list[str], float]:
    top, parts = 44.0, []
    parts.append(_words(report.title, _EDGE, top, size=26, weight=700))
    badges = " · ".join(report.badges)
    parts.append(_words(badges, _WIDTH - _EDGE, top, size=14, anchor="end", fill=LIGHT["quiet"]))
    top += 34
    for line in (part for one in report.shortfalls for part in _wrapped(f"! {one}", 14)):
        parts.append(_words(line, _EDGE, top, size=14, fill="#92400e"))
        top += 21
    top += 8
    for line in _wrapped(report.answer, 19):
        parts.append(_words(line, _EDGE, top, size=19, weight=500))
        top += 27
    return parts, top + 4


def _charts(drawings: Sequence[str], top: float) -> tuple[list[str], float]:
    parts, lowest = [], top
    for place, svg in enumerate(drawings):
        fixed = in_fixed_colours(svg)
        found = _HEIGHT.search(fixed)
        height = float(found[1]) if found else 0.0
        left = _EDGE + place * (_CHART + _WIDTH - 2 * _EDGE - 2 * _CHART)
        frame = f'x="{number(left)}" y="{number(top)}" width="{number(_CHART)}" '
        frame += f'height="{number(height)}"'
        parts.append(fixed.replace('class="council-chart"', frame, 1))
        lowest = max(lowest, top + height)
    return parts, lowest + 20


def _table(table: Table, top: float) -> tuple[list[str], float]:
    rights = _rights(len(table.columns))
    parts = [_words(table.columns[0], _EDGE + 8, top, size=13, fill=LIGHT["quiet"])]
    parts += [
        _words(name, right, top, size=13, anchor="end", fill=LIGHT["quiet"])
        for name, right in zip(table.columns[1:], rights, strict=True)
    ]
    top += _ROW / 2 + 2
    for row in table.rows:
        parts += _row(row, rights, top)
        top += _ROW
    return parts, top + 20


def _rights(columns: int) -> list[float]:
    """Return where the numbers of each column end; the name takes the room of two."""
    step = (_WIDTH - 2 * _EDGE) / (columns + 0.6)
    last = _WIDTH - _EDGE - 8
    return [last - step * left for left in reversed(range(columns - 1))]


def _row(row: Row, rights: Sequence[float], top: float) -> Iterable[str]:
    weight, fill = (700 if row.is_strong else 400), LIGHT["quiet" if row.is_apart else "ink"]
    middle, wide = top + _ROW / 2, _WIDTH - 2 * _EDGE
    if row.is_strong:
        yield element("rect", x=_EDGE, y=top, width=wide, height=_ROW, fill="#f1f5f9")
    yield element("rect", x=_EDGE, y=top, width=wide, height=1.0, fill=LIGHT["grid"])
    name = shortened(row.cells[0], rights[0] - _EDGE - 80)
    yield _words(name, _EDGE + 8, middle, size=15, weight=weight, fill=fill)
    for cell, right in zip(row.cells[1:], rights, strict=True):
        yield _words(cell, right, middle, size=15, weight=weight, fill=fill, anchor="end")


def _words(
    words: str,
    x: float,
    y: float,
    *,
    size: int,
    weight: int = 400,
    fill: str = LIGHT["ink"],
    anchor: str = "start",
) -> str:
    # Inline, because the rules of a chart inside hold for the whole picture.
    style = f"font-family:Roboto;font-size:{size}px;font-weight:{weight};fill:{fill}"
    return text(words, x, y, style=style, text_anchor=anchor)


def _wrapped(words: str, size: int) -> list[str]:
    """Return `words` in lines that fit, the last one cut where they are too many."""
    room = (_WIDTH - 2 * _EDGE) * NARROW_FONT_PX / size / _NARROWER
    lines, line = [], ""
    for word in words.split():
        longer = f"{line} {word}".strip()
        if line and text_width(longer) > room:
            lines.append(line)
            longer = word
        line = longer
    lines.append(line)
    kept = lines[:_MOST_LINES]
    if len(lines) > _MOST_LINES:
        kept[-1] = f"{kept[-1]} …"
    return [shortened(one, room) for one in kept]
