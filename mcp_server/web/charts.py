"""Charts on our pages: the SVG of `council.analytics.charts`, whose style is a file of ours.

A page loads styles from files alone, so a drawing leaves its own behind; a template that shows one
loads "chart.css", which holds the same rules.
"""

from typing import TYPE_CHECKING, Final

from council.analytics.charting.svg import element
from council.analytics.charting.theme import style_sheet

if TYPE_CHECKING:
    from markupsafe import Markup

STYLE: Final = "chart.css"
"""The file, such as `asset("chart.css")` gives its address, that every such page loads."""


def chart(svg: str) -> "Markup":
    """Return a drawing of `council.analytics.charts` as markup for a page that loads "chart.css".

    Nothing else may be given to it: what it returns is not escaped again.
    """
    from markupsafe import Markup  # noqa: PLC0415 - for pages only

    return Markup(svg.replace(element("style", style_sheet()), ""))  # noqa: S704 - drawn by us
