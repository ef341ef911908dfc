"""A report as one HTML file that needs nothing else: no script, no font, no picture from outside.

Its policy forbids to load or run anything; text is escaped by the template, drawings are our own.
"""

import base64
import hashlib
import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from council.analytics.charting.theme import style_sheet
from mcp_server.reporting.document import Block, Report
from mcp_server.reporting.material import LeaderboardMaterial, PostmortemMaterial
from mcp_server.reporting.reports import leaderboard_report, postmortem_report
from mcp_server.templating import templates_of

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

_FOLDER: Final = "templates"
_LONG_CELL: Final = 18
"""Letters of a cell and its column that need a line of their own on a telephone."""
_AMOUNT: Final = re.compile("[+\N{MINUS SIGN}]\\$?[\\d,.]*\\d%?|\\$[\\d,.]*\\d")


def postmortem_html(material: PostmortemMaterial) -> str:
    """Return a week's postmortem as a whole HTML document."""
    return as_html(postmortem_report(material))


def leaderboard_html(material: LeaderboardMaterial) -> str:
    """Return the leaderboard as a whole HTML document."""
    return as_html(leaderboard_report(material))


def as_html(report: Report) -> str:
    """Return `report` as a whole HTML document."""
    template = _templates().get_template("report.html.j2")
    return template.render(report=report, short_ids=report.short_ids)


@cache
def content_policy() -> str:
    """Return the content security policy that every page carries in its head."""
    styles = " ".join(f"'sha256-{_digest(style)}'" for style in (_style(), style_sheet()))
    return f"default-src 'none'; style-src {styles}; base-uri 'none'; form-action 'none'"


@cache
def _style() -> str:
    return files(__package__).joinpath(_FOLDER, "report.css").read_text("utf-8")


def _digest(style: str) -> str:
    return base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()


def _unbroken(words: str) -> "Markup":
    """Return `words` escaped, their amounts marked so that no line ends between sign and digits."""
    from markupsafe import Markup, escape  # noqa: PLC0415 - for pages only

    marked = Markup('<span class="amount">{}</span>')
    parts, end = [], 0
    for found in _AMOUNT.finditer(words):
        parts += [escape(words[end : found.start()]), marked.format(found[0])]
        end = found.end()
    return Markup("").join([*parts, escape(words[end:])])


def _is_long(cell: str, column: str) -> bool:
    return len(cell) + len(column) > _LONG_CELL


def _kind(block: Block) -> str:
    return type(block).__name__


@cache
def _templates() -> "Environment":
    templates = templates_of(__package__, _FOLDER)
    templates.globals |= {"style": _style(), "policy": content_policy()}
    templates.filters |= {"kind": _kind, "is_long": _is_long, "unbroken": _unbroken}
    return templates
