"""How every chart looks: the Okabe-Ito colours on a light and a dark ground, dashes and markers.

On white three of the eight colours are too pale to read, so the light palette holds the same hues
darkened until each keeps a contrast of 4:1. No line is told by its colour alone.
"""

from typing import Final

LIGHT: Final = {
    "surface": "#ffffff",
    "ink": "#1c1917",
    "quiet": "#57534e",
    "grid": "#e2ded8",
    "line0": "#0072b2",
    "line1": "#c75400",
    "line2": "#008f68",
    "line3": "#1b1f24",
    "line4": "#b8558b",
    "line5": "#9a6b00",
}
DARK: Final = {
    "surface": "#1c1917",
    "ink": "#f5f5f4",
    "quiet": "#b8b2ac",
    "grid": "#44403c",
    "line0": "#56b4e9",
    "line1": "#d55e00",
    "line2": "#009e73",
    "line3": "#f0e442",
    "line4": "#cc79a7",
    "line5": "#e69f00",
}
COLOURS: Final = 6
DASHES: Final = ("none", "7 3", "2 3", "10 3 2 3", "4 4", "12 4", "1 5")
"""One more than there are colours, so that a twelfth line shares no pair with the first six."""
MARKERS: Final = ("circle", "square", "triangle", "diamond", "cross", "fall")

FONT_PX: Final = 12
NARROW_FONT_PX: Final = 16
"""In units of the drawing, for a picture scaled down to a telephone; layouts leave room for it."""
_NARROW_AT: Final = 520

_RULES: Final = (
    ".council-chart{{display:block;width:100%;max-width:640px;height:auto;"
    "font-family:system-ui,'Segoe UI',Helvetica,Arial,sans-serif;{light}}}"
    "@media screen and (prefers-color-scheme:dark){{.council-chart{{{dark}}}}}"
    "[data-theme=light] .council-chart,.council-chart[data-theme=light]{{{light}}}"
    "[data-theme=dark] .council-chart,.council-chart[data-theme=dark]{{{dark}}}"
    ".council-chart text{{font-size:{font}px;fill:var(--chart-ink)}}"
    ".council-chart .quiet{{fill:var(--chart-quiet)}}"
    ".council-chart .strong{{font-weight:600}}"
    "@media (max-width:{narrow_at}px){{.council-chart text{{font-size:{narrow}px}}}}"
)
_FIXED_RULES: Final = (
    "text{{font-family:Roboto,Helvetica,Arial,'DejaVu Sans',sans-serif;font-size:{font}px;"
    "fill:var(--chart-ink)}}"
    ".quiet{{fill:var(--chart-quiet)}}.strong{{font-weight:600}}"
)


def style_sheet() -> str:
    """Return the CSS of all charts; the same in each, so that many may share one page."""
    return _RULES.format(
        light=_variables(LIGHT),
        dark=_variables(DARK),
        font=FONT_PX,
        narrow=NARROW_FONT_PX,
        narrow_at=_NARROW_AT,
    )


def in_fixed_colours(picture: str, *, is_dark: bool = False) -> str:
    """Return a chart without variables and media rules, for renderers that know neither."""
    colours = DARK if is_dark else LIGHT
    fixed = picture.replace(style_sheet(), _FIXED_RULES.format(font=FONT_PX))
    for name, value in colours.items():
        fixed = fixed.replace(paint(name), value)
    return fixed


def paint(name: str) -> str:
    """Return the CSS value of the theme's colour `name`."""
    return f"var(--chart-{name})"


def line_paint(index: int) -> str:
    """Return the colour of the line `index`, counted from zero."""
    return paint(f"line{index % COLOURS}")


def line_dash(index: int) -> str:
    """Return the dash pattern of the line `index`, in units of the drawing."""
    return DASHES[index % len(DASHES)]


def _variables(colours: dict[str, str]) -> str:
    return "".join(f"--chart-{name}:{value};" for name, value in colours.items())
