"""What a batch of events leaves in the read tables: of each row only its last state."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from operator import itemgetter
from typing import Any

from store.copying import ONE_TEXT, column_texts, lines
from store.events import RowChange
from store.rows import Table

Row = dict[str, Any]
_Rows = dict[Any, Row]


@dataclass(frozen=True, slots=True)
class Shape:
    """What rows share that are written alike."""

    table: str
    key: tuple[str, ...]
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TextRows:
    """Whole rows as COPY reads them, a line each, with the texts of their keys."""

    shape: Shape
    keys: list[str] = field(repr=False)
    text: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class PlainRows:
    """Rows that cannot be copied, or perhaps not."""

    shape: Shape
    rows: list[Row]


Leavings = TextRows | PlainRows


class RowBatch:
    """Rows by their keys, as far as the changes so far tell: a later one overrides an earlier."""

    def __init__(self) -> None:
        self._tables: defaultdict[tuple[str, tuple[str, ...]], _Rows] = defaultdict(dict)
        self._found: dict[tuple[str, ...], tuple[_Rows, Callable[[Row], Any]]] = {}

    def add(self, changes: Iterable[RowChange]) -> None:
        """Fold further changes, in their order."""
        for table, key, values in changes:
            found = self._found.get((table, *key)) or self._find(table, tuple(key))
            rows, place_of = found
            place = place_of(key)
            known = rows.get(place)
            if known is None:
                rows[place] = key | values
            else:
                known.update(values)

    def _find(self, table: str, names: tuple[str, ...]) -> tuple[_Rows, Callable[[Row], Any]]:
        """Return the rows of `table` with keys of these names, and how such a key is told apart."""
        ordered = _in_order(names)
        found = self._tables[table, ordered], itemgetter(*ordered)
        self._found[table, *names] = found
        return found

    def leavings(self, tables: Mapping[str, Table]) -> Iterator[Leavings]:
        """Yield the rows of each shape; as text where they fit into one of `tables` as a whole."""
        for shape, rows in self._by_shape().items():
            text = _text_rows(shape, rows, tables.get(shape.table))
            yield text or PlainRows(shape, rows)

    def _by_shape(self) -> dict[Shape, list[Row]]:
        found: dict[Shape, list[Row]] = {}
        for (table, key), rows in self._tables.items():
            by_columns: defaultdict[tuple[str, ...], list[Row]] = defaultdict(list)
            for row in rows.values():
                by_columns[tuple(row)].append(row)
            for columns, alike in by_columns.items():
                found.setdefault(Shape(table, key, _in_order(columns)), []).extend(alike)
        return found


def _text_rows(shape: Shape, rows: Sequence[Row], table: Table | None) -> TextRows | None:
    if table is None or not _fits(shape, table):
        return None
    texts: dict[str, list[str]] = {}
    for column in shape.columns:
        written = column_texts(list(map(itemgetter(column), rows)), table.types[column])
        if written is None:
            return None
        texts[column] = written
    copied = "\n".join([*lines(list(texts.values())), ""])
    return TextRows(shape, lines([texts[name] for name in shape.key]), copied.encode())


def _fits(shape: Shape, table: Table) -> bool:
    """Whether new rows of `shape` can stand in `table`, known by the texts of their keys."""
    columns = set(shape.columns)
    return (
        table.needed <= columns <= table.types.keys()
        and {table.types[name] for name in shape.key} <= ONE_TEXT
    )


@lru_cache(maxsize=1024)
def _in_order(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(names))
