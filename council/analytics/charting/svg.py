"""SVG as text: elements, escaping, marker shapes and the frame that every chart stands in.

Names come from outside, so whatever is not printable is dropped before anything is escaped.
"""

from dataclasses import dataclass
from hashlib import sha256
from html import escape
from typing import Final
from unicodedata import combining, east_asian_width

from council.analytics.charting.theme import NARROW_FONT_PX, paint, style_sheet

WIDTH: Final = 520.0
"""Of every drawing, in its own units; the page scales it."""
_MARKER_RADIUS: Final = 4.0


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of the drawing; y grows downwards."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """Return the distance from left to right."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Return the distance from top to bottom."""
        return self.bottom - self.top

    def meets(self, other: "Box") -> bool:
        """Whether the two share more than an edge."""
        across = self.left < other.right and other.left < self.right
        return across and self.top < other.bottom and other.top < self.bottom


def element(tag: str, content: str = "", /, **attributes: str | float) -> str:
    """Return one element; `_` in an attribute stands for `-`, `content` is markup already."""
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{_attribute(value)}"'
        for name, value in attributes.items()
    )
    return f"<{tag}{written}>{content}</{tag}>" if content else f"<{tag}{written}/>"


def text(words: str, x: float, y: float, **attributes: str | float) -> str:
    """Return `words` at a point, escaped; `y` is the middle of the letters.

    Shifted by hand, because not every renderer knows `dominant-baseline`.
    """
    return element("text", plain(words), x=x, y=y, dy="0.35em", **attributes)


def haloed(words: str) -> str:
    """Return the markup of `words` so that no line of the grid runs through its letters."""
    return element("g", words, stroke=paint("surface"), stroke_width=4, paint_order="stroke")


def plain(words: str) -> str:
    """Return `words` safe inside markup: printable characters only, escaped."""
    return escape(_printable(words))


def number(value: float) -> str:
    """Return a coordinate to a hundredth, without a trailing or a negative zero."""
    return f"{round(value, 2) + 0.0:.2f}".rstrip("0").rstrip(".")


def shortened(words: str, room: float) -> str:
    """Return `words`, cut with an ellipsis where they would be wider than `room`."""
    kept = _printable(words)
    if text_width(kept) <= room:
        return kept
    while kept and text_width(kept + "…") > room:
        kept = kept[:-1]
    return kept.rstrip() + "…"


def text_width(words: str) -> float:
    """Return a generous guess of the width of `words` in the largest font of the charts."""
    return NARROW_FONT_PX * sum(_letter_width(letter) for letter in words)


def marker(shape: str, x: float, y: float, **attributes: str | float) -> str:
    """Return one of the theme's marker shapes around a point."""
    radius = _MARKER_RADIUS
    if shape == "circle":
        return element("circle", cx=x, cy=y, r=radius, **attributes)
    corners = [(x + radius * dx, y + radius * dy) for dx, dy in _OUTLINES[shape]]
    path = "L".join(f"{number(across)} {number(down)}" for across, down in corners)
    return element("path", d=f"M{path}Z", **attributes)


def drawing(parts: list[str], *, height: float, title: str, description: str) -> str:
    """Return the whole picture: `parts` on the theme's ground, named for screen readers."""
    body = "".join(parts)
    key = sha256(f"{title}{description}{body}".encode()).hexdigest()[:10]
    head = (
        element("title", plain(title), id=f"title-{key}")
        + element("desc", plain(description), id=f"desc-{key}")
        + element("style", style_sheet())
        + element("rect", width=WIDTH, height=height, fill=paint("surface"))
    )
    return element(
        "svg",
        head + body,
        xmlns="http://www.w3.org/2000/svg",
        class_="council-chart",
        viewBox=f"0 0 {number(WIDTH)} {number(height)}",
        role="img",
        aria_labelledby=f"title-{key} desc-{key}",
    )


def _attribute(value: str | float) -> str:
    return plain(value) if isinstance(value, str) else number(value)


def _printable(words: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in words).split())


def _letter_width(letter: str) -> float:
    if combining(letter):
        return 0.0
    if east_asian_width(letter) in "WF":
        return 1.05
    if letter in "MW@%—mw":
        return 0.95
    return 0.72 if letter.isupper() else 0.62


_OUTLINES: Final[dict[str, tuple[tuple[float, float], ...]]] = {
    "square": ((-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)),
    "triangle": ((0, -1.2), (1.1, 0.8), (-1.1, 0.8)),
    "fall": ((0, 1.2), (1.1, -0.8), (-1.1, -0.8)),
    "diamond": ((0, -1.3), (1.3, 0), (0, 1.3), (-1.3, 0)),
    "cross": (
        *((0, -0.45), (0.8, -1.25), (1.25, -0.8), (0.45, 0), (1.25, 0.8), (0.8, 1.25)),
        *((0, 0.45), (-0.8, 1.25), (-1.25, 0.8), (-0.45, 0), (-1.25, -0.8), (-0.8, -1.25)),
    ),
}
