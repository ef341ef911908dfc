"""Panic exits: positions that a model left although no frozen rule had called for it. Pure.

A price that has moved is why a model was asked, and no reason by itself: that is what frozen
indicators and invalidation rules are for. Only exits that were carried out count.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from council.analytics.inputs import AccountWeek, CheckpointOutcome, Trade, Week
from council.analytics.outcomes import gain_since
from council.model.checkpoint import Action

_LEAVING: Final = frozenset({Action.EXIT, Action.FLIP})


@dataclass(frozen=True, slots=True)
class PanicExit:
    """One panic exit; the cost is what staying until the end of the week would have gained more.

    It is below zero where leaving saved money, None where the price at the end is not known.
    """

    week_id: str
    account: str
    checkpoint: CheckpointOutcome
    cost_usd: Decimal | None


def panic_exits(week: Week, account: AccountWeek) -> tuple[PanicExit, ...]:
    """Return the week's panic exits of one account, in the order of its trades."""
    looks = {look.checkpoint_id: look for look in account.checkpoints}
    found = ((looks.get(t.checkpoint_id), t) for t in account.trades if t.checkpoint_id)
    return tuple(
        PanicExit(week.week_id, account.account, look, _cost(week, trade))
        for look, trade in found
        if look is not None and is_panic(look) and _closed(trade)
    )


def is_panic(seen: CheckpointOutcome) -> bool:
    """Whether a model wanted out while all frozen indicators stood, and no invalidation was met."""
    return seen.action in _LEAVING and seen.by_model and not seen.is_warned


def _closed(trade: Trade) -> bool:
    return any(fill.leg == "close" for fill in trade.fills)


def _cost(week: Week, trade: Trade) -> Decimal | None:
    """Return what the closing fills forwent; what a FLIP then opened is another matter."""
    gained = gain_since(week, (fill for fill in trade.fills if fill.leg == "close"))
    return None if gained is None else -gained
