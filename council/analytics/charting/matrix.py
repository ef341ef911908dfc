"""Who scored whom: a cell for each reviewer and author, its figure written on its shade."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import cos, fsum, pi, sin
from typing import Final

from council.analytics.charting.svg import WIDTH, Box, element, number, shortened, text, text_width
from council.analytics.charting.theme import paint

Scores = Mapping[tuple[str, str], float]

LOWEST: Final = 1.0
HIGHEST: Final = 10.0
STRONGEST_SHADE: Final = 0.45
"""Of the blue on the ground: any more, and the figure on it would be hard to read."""
MEAN_ROW: Final = "mean"
_EDGE: Final = 6.0
_ROW: Final = 34.0
_MOST_NAME: Final = 130.0
_CAPTION: Final = 28.0
SLANT: Final = 40.0
"""Degrees by which names lean that are wider than their columns."""
_WIDEST_CELL: Final = 90.0


@dataclass(frozen=True, slots=True)
class Cell:
    """One score; None where nobody gave one."""

    box: Box
    score: float | None


@dataclass(frozen=True, slots=True)
class MatrixLayout:
    """Where all of the matrix goes; the last row of cells holds each author's mean."""

    height: float
    rows: tuple[tuple[str, float], ...]
    """Name and the y of its middle."""
    columns: tuple[tuple[str, float], ...]
    """Name and the x of its middle."""
    header_bottom: float
    name_right: float
    is_slanted: bool
    cells: tuple[Cell, ...]


def matrix_layout(reviewers: Sequence[str], authors: Sequence[str], scores: Scores) -> MatrixLayout:
    """Return where the table of `reviewers` by `authors` goes; neither is empty."""
    rows = [shortened(name, _MOST_NAME) for name in (*reviewers, MEAN_ROW)]
    left = 2 * _EDGE + max(map(text_width, rows))
    heads = [shortened(name, _MOST_NAME) for name in authors]
    wide = max(map(text_width, heads))
    slant_room = wide * cos(SLANT * pi / 180)
    cell = min((WIDTH - left - _EDGE) / len(authors), _WIDEST_CELL)
    is_slanted = wide + _EDGE > cell
    if is_slanted:  # The last slanted name leans out over the right edge of the table.
        cell = min((WIDTH - left - slant_room) / max(len(authors) - 0.5, 1), _WIDEST_CELL)
    top = _CAPTION + (wide * sin(SLANT * pi / 180) + 22 if is_slanted else 26)
    return MatrixLayout(
        height=top + _ROW * len(rows) + _EDGE * 2,
        rows=tuple((name, _row_top(top, n, rows) + _ROW / 2) for n, name in enumerate(rows)),
        columns=tuple((name, left + cell * (n + 0.5)) for n, name in enumerate(heads)),
        header_bottom=top,
        name_right=left - _EDGE,
        is_slanted=is_slanted,
        cells=_cells(
            _figures(reviewers, authors, scores),
            tops=[_row_top(top, n, rows) for n in range(len(rows))],
            lefts=[left + cell * n for n in range(len(authors))],
            width=cell,
        ),
    )


def matrix_parts(layout: MatrixLayout, *, caption: str) -> list[str]:
    """Return the markup: caption, names, cells with their figures."""
    parts = [text(caption, _EDGE, 14, class_="strong")]
    parts += [text(n, layout.name_right, y, text_anchor="end") for n, y in layout.rows]
    parts += [_head(layout, name, x) for name, x in layout.columns]
    for cell in layout.cells:
        parts += _cell(cell)
    return parts


def shade_of(score: float) -> float:
    """Return how much of the blue stands for a score of 1 to 10."""
    share = (min(max(score, LOWEST), HIGHEST) - LOWEST) / (HIGHEST - LOWEST)
    return STRONGEST_SHADE * share


def _row_top(top: float, index: int, rows: Sequence[str]) -> float:
    """The row of means stands a little apart."""
    return top + _ROW * index + (_EDGE if index == len(rows) - 1 else 0.0)


def _figures(
    reviewers: Sequence[str], authors: Sequence[str], scores: Scores
) -> list[list[float | None]]:
    table = [[scores.get((reviewer, author)) for author in authors] for reviewer in reviewers]
    return [*table, [_mean(column) for column in zip(*table, strict=True)]]


def _mean(column: Sequence[float | None]) -> float | None:
    given = [score for score in column if score is not None]
    return fsum(given) / len(given) if given else None


def _cells(
    figures: Sequence[Sequence[float | None]],
    *,
    tops: Sequence[float],
    lefts: Sequence[float],
    width: float,
) -> tuple[Cell, ...]:
    return tuple(
        Cell(Box(left + 1, top + 1, left + width - 1, top + _ROW - 1), score)
        for row, top in zip(figures, tops, strict=True)
        for score, left in zip(row, lefts, strict=True)
    )


def _head(layout: MatrixLayout, name: str, x: float) -> str:
    if not layout.is_slanted:
        return text(name, x, layout.header_bottom - 12, text_anchor="middle")
    place = f"translate({number(x)} {number(layout.header_bottom - 10)})"
    return element("g", text(name, 0, 0), transform=f"{place} rotate({number(-SLANT)})")


def _cell(cell: Cell) -> list[str]:
    box, score = cell.box, cell.score
    place = {"x": box.left, "y": box.top, "width": box.width, "height": box.height}
    middle = ((box.left + box.right) / 2, (box.top + box.bottom) / 2)
    if score is None:
        frame = element("rect", fill="none", stroke=paint("grid"), stroke_dasharray="2 3", **place)
        return [frame, text("\N{EN DASH}", *middle, class_="quiet", text_anchor="middle")]
    shade = element("rect", fill=paint("line0"), fill_opacity=shade_of(score), **place)
    frame = element("rect", fill="none", stroke=paint("grid"), **place)
    return [shade, frame, text(f"{score:.1f}", *middle, text_anchor="middle")]
