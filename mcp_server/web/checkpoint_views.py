"""The checkpoints of a week as its page shows them, by New York day and slot: pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from config.clock import NEW_YORK
from council.analytics.charts import Look, conviction_path
from council.context import WeekContext
from council.events import CheckpointAbstained
from council.model.checkpoint import Action, Checkpoint
from council.untrusted import clean_text
from mcp_server.views import checkpoint_shape
from mcp_server.web.week_views import Cleaned, cleaned
from store.events import StoredEvent


@dataclass(frozen=True, slots=True)
class MissedLook:
    """An account whose model gave no valid answer at a checkpoint: nothing was done."""

    account: str
    model: str
    reason: str


@dataclass(frozen=True, slots=True)
class SlotView:
    """All that was looked at in one slot of one day, in the order stored."""

    on: date
    slot: str
    looks: tuple[Cleaned, ...]
    missed: tuple[MissedLook, ...]


@dataclass(frozen=True, slots=True)
class DayView:
    """The slots of one New York day."""

    on: date
    slots: tuple[SlotView, ...]

    @property
    def has_news(self) -> bool:
        """Whether anything was asked for but to stay, or an answer lacks."""
        changes = (look["action"] != Action.STAY for slot in self.slots for look in slot.looks)
        return any(changes) or any(slot.missed for slot in self.slots)

    @property
    def words(self) -> str:
        """Return how often each action was chosen, such as "5 STAY, 1 EXIT"."""
        counts = Counter(str(look["action"]) for slot in self.slots for look in slot.looks)
        missed = sum(len(slot.missed) for slot in self.slots)
        said = [f"{counts[action]} {action}" for action in Action if counts[action]]
        return ", ".join([*said, *([f"{missed} without an answer"] if missed else [])])


def day_views(context: WeekContext, events: Iterable[StoredEvent]) -> tuple[DayView, ...]:
    """Return the week's checkpoints by day; `events` are those of the week's stream.

    Abstentions bear no date of their own, so that they are read with when they were stored.
    """
    asked = {proposal.source_id: str(proposal.trade_id) for proposal in context.proposals}
    taken = [fact.checkpoint for fact in context.checkpoints]
    missed = [
        ((_day(event.timestamp), event.payload["slot"]), _missed(event.payload))
        for event in events
        if event.event_type == CheckpointAbstained.__name__
    ]
    places = sorted({*map(_place, taken), *(place for place, _ in missed)})
    slots = [
        SlotView(
            on=on,
            slot=slot,
            looks=tuple(
                cleaned(checkpoint_shape(look, asked.get(look.checkpoint_id)))
                for look in taken
                if _place(look) == (on, slot)
            ),
            missed=tuple(own for place, own in missed if place == (on, slot)),
        )
        for on, slot in places
    ]
    days = dict.fromkeys(slot.on for slot in slots)
    return tuple(DayView(on, tuple(slot for slot in slots if slot.on == on)) for on in days)


def path_of(context: WeekContext) -> str | None:
    """Draw the convictions over the checkpoints, None where none was taken."""
    looks: dict[str, list[Look]] = {}
    for fact in context.checkpoints:
        look = fact.checkpoint
        seen = (look.taken_at, look.conviction_after, look.action.value)
        looks.setdefault(look.account, []).append(seen)
    return conviction_path(looks) if looks else None


def _missed(payload: Mapping[str, str]) -> MissedLook:
    return MissedLook(
        account=clean_text(payload["account"]),
        model=clean_text(payload["model"]),
        reason=clean_text(payload["reason"]),
    )


def _place(look: Checkpoint) -> tuple[date, str]:
    return _day(look.taken_at), look.slot


def _day(at: datetime) -> date:
    return at.astimezone(NEW_YORK).date()
