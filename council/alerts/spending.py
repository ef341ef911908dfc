"""Which caps on what models cost are nearly used up, call by recorded call: pure.

Only what is on record counts. A cap of one run of a stage is told for each run, the others for each
week and month; another cap, such as one that was raised, is told of anew.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

from config.ids import meaning_id
from config.model_schema import BudgetConfig
from council.alerts.alert import Alert, AlertKind
from council.events import ModelCalled

_RUN = timedelta(hours=1)
"""A stage's calls within this time are one run of it, as the caps count."""


@dataclass(frozen=True, slots=True)
class Watermarks:
    """The caps, and the fraction of each from which on it is told."""

    caps: BudgetConfig
    share: Decimal

    @property
    def any_set(self) -> bool:
        """Whether there is any cap to watch."""
        return any((self.caps.stage_usd, self.caps.week_usd, self.caps.month_usd))


@dataclass(frozen=True, slots=True)
class Spent:
    """Sums in US dollars by what they count for."""

    sums: Mapping[str, Decimal] = field(default_factory=dict)
    runs: Mapping[tuple[str, str], datetime] = field(default_factory=dict)
    """By week and stage, when the newest run of it began."""


@dataclass(frozen=True, slots=True)
class _Scope:
    key: str
    words: str
    cap: Decimal | None


@dataclass(frozen=True, slots=True)
class Charge:
    """What a call counts against the caps, and when; `month` is New York's then, YYYY-MM."""

    call: ModelCalled
    usd: Decimal
    at: datetime
    month: str


def charged(spent: Spent, charge: Charge, marks: Watermarks) -> tuple[Spent, tuple[Alert, ...]]:
    """Return the sums with `charge` in them, and what it gives to tell."""
    call, usd, at = charge.call, charge.usd, charge.at
    spent = replace(spent, runs=_runs(spent, call, at))
    sums, told = dict(spent.sums), []
    for scope in _scopes(spent, call, charge.month, marks.caps):
        before = sums.get(scope.key, Decimal(0))
        sums[scope.key] = before + usd
        if scope.cap is not None and before < marks.share * scope.cap <= before + usd:
            told.append(_alert(scope, scope.cap, before + usd, at))
    return replace(spent, sums=sums), tuple(told)


def _runs(spent: Spent, call: ModelCalled, at: datetime) -> Mapping[tuple[str, str], datetime]:
    name = (call.week_id, call.stage)
    began_at = spent.runs.get(name)
    is_same = began_at is not None and at - began_at < _RUN
    return spent.runs if is_same else {**spent.runs, name: at}


def _scopes(spent: Spent, call: ModelCalled, month: str, caps: BudgetConfig) -> Iterator[_Scope]:
    if call.mode is not None:  # a report of a research service counts for no stage
        began_at = spent.runs[call.week_id, call.stage]
        name = call.stage.replace("_", " ")
        run = f"stage {call.week_id} {call.stage} {began_at.isoformat()}"
        yield _Scope(run, f"this run of {name}", caps.stage_usd)
    yield _Scope(f"week {call.week_id}", f"the week {call.week_id}", caps.week_usd)
    yield _Scope(f"month {month}", f"the month {month}", caps.month_usd)


def _alert(scope: _Scope, cap: Decimal, usd: Decimal, at: datetime) -> Alert:
    line = (
        f"{usd:.2f} of the {cap:.2f} USD that models may cost in {scope.words} are spent "
        f"({usd / cap:.0%})"
    )
    alert_id = meaning_id("alert", AlertKind.BUDGET, scope.key, cap.normalize())
    return Alert(alert_id, AlertKind.BUDGET, at, "", line, key=scope.key)
