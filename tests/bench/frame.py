"""What a benchmark is: a coroutine that measures something and its reference in one run.

Seconds tell of the machine and of who else is busy on it; a ratio to something simple, measured in
the same minutes, tells of the program. So every bound is on a ratio, and a figure without one only
informs.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any, Literal

Sense = Literal[">=", "<="]


@dataclass(frozen=True, slots=True)
class Measurement:
    """One row: `value` and `reference_value` are in `unit`; the bound is on value / reference."""

    name: str
    """Which row of which benchmark: `append/insert`."""
    what: str
    value: float
    unit: str
    reference: str = ""
    reference_value: float | None = None
    sense: Sense = "<="
    bound: float | None = None
    """None is no bound: the row only informs."""
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Return the value in units of its reference, None where there is none."""
        return self.value / self.reference_value if self.reference_value else None

    @property
    def is_ok(self) -> bool:
        """Whether the bound holds; without a reference measured a bound is missed."""
        if self.bound is None:
            return True
        if self.ratio is None:
            return False
        return self.ratio >= self.bound if self.sense == ">=" else self.ratio <= self.bound

    def as_json(self) -> dict[str, Any]:
        """Return the row as a JSON object of stable shape."""
        return {
            "name": self.name,
            "what": self.what,
            "value": self.value,
            "unit": self.unit,
            "reference": self.reference,
            "reference_value": self.reference_value,
            "ratio": self.ratio,
            "sense": self.sense,
            "bound": self.bound,
            "ok": self.is_ok,
            "note": self.note,
        }


@dataclass(frozen=True, slots=True)
class Options:
    """What a benchmark is told: `is_quick` asks for small sizes, to see that it works at all."""

    is_quick: bool = False


Benchmark = Callable[[Options], Awaitable[Sequence[Measurement]]]
"""Measures one thing; several rows where it has several references."""


def benchmark(path: str) -> Benchmark:
    """Return the benchmark at `path`, `module:function`; imported only when it is to be run."""
    module, _, function = path.partition(":")
    found: Benchmark = getattr(import_module(module), function)
    return found


def failed(name: str, error: Exception) -> Measurement:
    """Return the row of a benchmark that could not be measured: a bound that nothing meets."""
    why = f"{type(error).__name__}: {error}"
    return Measurement(name, "could not be measured", 0, "", bound=0, note=why)


def with_bounds(rows: Sequence[Measurement], bounds: dict[str, float]) -> tuple[Measurement, ...]:
    """Return `rows` with other bounds, by their names."""
    return tuple(replace(row, bound=bounds.get(row.name, row.bound)) for row in rows)
