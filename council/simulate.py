"""The plan of a simulation: which moments of which weeks, in which order, and who says no. Pure.

A simulation is known by its name; the hash of its plan tells whether a run goes on with it.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import PurePath
from typing import Any, Final, Literal
from uuid import UUID

from config.clock import NEW_YORK
from config.errors import UsageError
from config.market_calendar import MarketCalendar, Session
from config.schema import Config, ScheduleFile
from config.weeks import council_week, parse_week_id

SYNTHETIC: Final = "synthetic"
ALPACA: Final = "alpaca"

JUST_AFTER_OPEN: Final = timedelta(minutes=1)
"""When a session's first orders leave."""

MOST_WEEKS: Final = 1_000

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
"""A part of the names of a database and of a folder, with room for theirs."""

Deed = Literal["deliberate", "open", "checkpoint", "close", "postmortem"]
_TWO_TO_64: Final = 1 << 64


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationPlan:
    """What a simulation plays: `weeks` weeks from `first_week` (a Wednesday) on.

    `prices` is "synthetic", "alpaca", or the path of a file of bars, whose content `prices_hash`
    tells; `seed` is that of synthetic prices and of the owner's rejections. `reject_share` is the
    share of trades that the scripted owner turns down, 0 to 1. With `keep_halts` nobody resumes an
    account that its limits halted. `live` asks the configured models in place of the rehearsal's.
    `config_hash` is `hash_of(config)`.
    """

    name: str
    first_week: date
    weeks: int
    seed: int = 7
    prices: str = SYNTHETIC
    reject_share: Decimal = Decimal(0)
    keep_halts: bool = False
    live: bool = False
    config_hash: str = ""
    prices_hash: str = ""

    @property
    def parameters(self) -> dict[str, str]:
        """Return all that decides what happens, as text; a file counts by name and content."""
        asked = {name: str(value) for name, value in asdict(self).items() if name != "name"}
        return asked | {"prices": PurePath(self.prices).name}

    @property
    def hash(self) -> str:
        """Return the SHA-256 of `parameters`: equal plans leave equal facts."""
        return hashlib.sha256(json.dumps(self.parameters, sort_keys=True).encode()).hexdigest()

    @property
    def week_ids(self) -> tuple[str, ...]:
        """Return the weeks' ids, oldest first."""
        weeks = (self.first_week + timedelta(weeks=number) for number in range(self.weeks))
        return tuple(week.isoformat() for week in weeks)

    def turns_down(self, trade_id: UUID) -> bool:
        """Whether the owner rejects the trade: drawn by its id and the seed alone."""
        drawn = hashlib.sha256(f"{self.seed} {trade_id}".encode()).digest()[:8]
        return int.from_bytes(drawn, "big") < self.reject_share * _TWO_TO_64


def hash_of(config: Config) -> str:
    """Return the SHA-256 of all that the configuration says, but for what models may cost.

    Unlike a week's, it counts the rules of checkpoints and the yearly rates, which show in facts.
    """
    unseen: dict[str, Any] = {
        "content_hash": True,
        "models": {"budget", "prices", "training_until"},
    }
    content = config.model_dump(mode="json", exclude=unseen)
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def check_weeks(weeks: int) -> None:
    """Refuse a number of weeks that nobody can play.

    Raises:
        UsageError: it is out of bounds.
    """
    if not 1 <= weeks <= MOST_WEEKS:
        raise UsageError(f"{weeks} weeks cannot be simulated: give 1 to {MOST_WEEKS:,}.")


def check_plan(plan: SimulationPlan) -> None:
    """Refuse a plan that cannot be played.

    Raises:
        UsageError: the name, the weeks or the share of rejections is out of bounds.
    """
    if not _NAME.fullmatch(plan.name):
        raise UsageError(
            f'"{plan.name}" names no simulation: use up to 40 letters, digits, "_" and "-".'
        )
    check_weeks(plan.weeks)
    if not 0 <= plan.reject_share <= 1:
        raise UsageError(f"{plan.reject_share} is no share of trades: give 0 to 1.")
    parse_week_id(plan.week_ids[0])
    _check_end(plan)


def _check_end(plan: SimulationPlan) -> None:
    """Refuse weeks that go further than the calendar of sessions."""
    try:
        parse_week_id(plan.week_ids[-1])
    except UsageError as error:
        raise UsageError(
            f"{plan.weeks} weeks from {plan.first_week} on go beyond the calendar: give fewer."
        ) from error


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that is done at an instant (aware); `slot` is a checkpoint's HH:MM."""

    at: datetime
    deed: Deed
    slot: str = ""


def moments_of(
    week_id: str, calendar: MarketCalendar, schedule: ScheduleFile
) -> tuple[Moment, ...]:
    """Return all that is done in the week, in order: at its end the postmortem.

    A half day has no slot after its close.
    """
    week = council_week(week_id, calendar, schedule)
    first, last = (at.astimezone(NEW_YORK).date() for at in (week.starts_at, week.ends_at))
    begun = Moment(week.starts_at, "deliberate")
    told = [
        moment
        for session in calendar.between(first, last)
        for moment in sorted(_of_session(session, schedule), key=lambda moment: moment.at)
        if moment.at > week.starts_at
    ]
    return (begun, *told, Moment(week.ends_at, "postmortem"))


def _of_session(session: Session, schedule: ScheduleFile) -> Iterator[Moment]:
    yield Moment(session.open_at + JUST_AFTER_OPEN, "open")
    for slot in schedule.checkpoints:
        at = datetime.combine(session.session_on, slot, tzinfo=NEW_YORK)
        if at < session.close_at:
            yield Moment(at, "checkpoint", f"{slot:%H:%M}")
    yield Moment(session.close_at, "close")
