"""Reports as pages show them: the same titles, tables and drawings, each block with its kind."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mcp_server.reporting.document import (
    Block,
    Figure,
    Listing,
    Paragraph,
    Picture,
    Report,
    Section,
    Table,
)
from mcp_server.web.charts import chart

if TYPE_CHECKING:
    from markupsafe import Markup

Kind = Literal["paragraph", "listing", "table", "picture"]


@dataclass(frozen=True, slots=True)
class ShownBlock:
    """One block; a template looks at its kind. A picture's `content` is its markup."""

    kind: Kind
    content: "Paragraph | Listing | Table | Markup"


@dataclass(frozen=True, slots=True)
class ShownSection:
    """A part of a page; `anchor` names it in an address, `short` in a list of all."""

    anchor: str
    title: str
    blocks: tuple[ShownBlock, ...]

    @property
    def short(self) -> str:
        """Return the title without what explains it."""
        return self.title.split(":")[0]


@dataclass(frozen=True, slots=True)
class ShownReport:
    """A report: the answer and its figures first."""

    answer: str
    figures: tuple[Figure, ...]
    sections: tuple[ShownSection, ...]
    foot: tuple[str, ...]


def shown_report(report: Report) -> ShownReport:
    """Return `report` as a page shows it."""
    return ShownReport(
        answer=report.answer,
        figures=report.figures,
        sections=shown_sections(report.sections),
        foot=report.foot,
    )


def shown_sections(sections: Iterable[Section]) -> tuple[ShownSection, ...]:
    """Return `sections` as a page shows them."""
    return tuple(
        ShownSection(one.anchor, one.title, tuple(map(_shown, one.blocks))) for one in sections
    )


def _shown(block: Block) -> ShownBlock:
    match block:
        case Picture(svg=svg):
            return ShownBlock("picture", chart(svg))
        case Paragraph():
            return ShownBlock("paragraph", block)
        case Listing():
            return ShownBlock("listing", block)
        case Table():
            return ShownBlock("table", block)
    raise TypeError(f"No page shows a {type(block).__name__}: postmortems have pages of their own.")
