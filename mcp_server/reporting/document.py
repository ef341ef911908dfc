"""A report before it has a form: titles, tables, pictures and lists as values, all text plain.

Markdown, HTML and the picture are made from the same document, so that no two can differ in a
number. Nothing in here is markup but the SVG of a picture, which escapes its own words.
"""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Paragraph:
    """One paragraph; a quiet one explains what stands beside it."""

    words: str
    is_quiet: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """Points, one sentence or two each."""

    points: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """The cells of a row, its name first; `is_apart` for what the others are measured against."""

    cells: tuple[str, ...]
    is_apart: bool = False
    is_strong: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under column names; all columns but the first hold numbers."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """An SVG drawing, and what tells the same where no drawing can be shown."""

    svg: str
    instead: Table | Listing | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence that a model wrote, and the events that it rests on."""

    words: str
    evidence: tuple[UUID, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Statements:
    """What a model claims, each claim with its evidence."""

    statements: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """An event that is named above: its id, the short form that stands there, and what it is."""

    event_id: UUID
    short: str
    words: str


@dataclass(frozen=True, slots=True)
class EvidenceList:
    """Every event that the statements name, once."""

    events: tuple[Evidence, ...]


Block = Paragraph | Listing | Table | Picture | Statements | EvidenceList


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a report; `anchor` names it in an address."""

    anchor: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """One of the few numbers that stand large at the top."""

    name: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """A whole report: what falls short first, then the answer, then what it rests on."""

    title: str
    badges: tuple[str, ...]
    shortfalls: tuple[str, ...]
    answer: str
    figures: tuple[Figure, ...]
    sections: tuple[Section, ...]
    foot: tuple[str, ...]

    @property
    def short_ids(self) -> dict[UUID, str]:
        """Return the short form of every event that the report lists."""
        lists = [b for s in self.sections for b in s.blocks if isinstance(b, EvidenceList)]
        return {event.event_id: event.short for found in lists for event in found.events}
