"""The gate against authors that are asked in every slot, over any path of prices and fear."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID, uuid5

from hypothesis import given
from hypothesis import strategies as st

from council.model.checkpoint import Action, Checkpoint, IndicatorReading
from council.model.pitch import FrozenIndicator
from council.trading.readings import event_of, read_again, reference_of, staying_reason
from tests.builders import make_instrument, make_snapshot

TRADE = UUID(int=1)
NOBODY = UUID(int=0)
ENTRY = Decimal(100)
SNAPSHOT = make_snapshot(
    volatility_proxy=make_instrument("VIXY", last_close=Decimal(20), indicators={"atr_14": 1.0})
)
INDICATOR = FrozenIndicator(name="SPY.rsi_14", operator=">", threshold=70.0, current=60.0)
ENDING = FrozenIndicator(name="SPY.close", operator="<", threshold=99.5, current=100.0)


@dataclass(frozen=True)
class Slot:
    """What the market shows in one slot."""

    price: Decimal
    rsi: float | None
    fear: Decimal | None

    @property
    def numbers(self) -> dict[str, float]:
        known = {"SPY.close": float(self.price)}
        return known if self.rsi is None else {**known, "SPY.rsi_14": self.rsi}


slots = st.builds(
    Slot,
    price=st.decimals("98", "102", places=1),
    rsi=st.sampled_from([None, 55.0, 69.0, 71.0]),
    fear=st.sampled_from([None, *map(Decimal, (18, 20, 21, 22, 24))]),
)
"""Small moves, so that the gate often settles a slot, around values at which it must not."""
paths = st.lists(slots, min_size=1, max_size=24)


def is_demanded(indicators: Sequence[IndicatorReading], ending: Sequence[IndicatorReading]) -> bool:
    return any(reading.crossed for reading in indicators) or any(rule.met for rule in ending)


def exit_slot(path: Sequence[Slot], *, gated: bool, only_by_ending: bool = False) -> int | None:
    """Return in which slot the author leaves, None where it stays to the end."""
    looks: list[Checkpoint] = []
    for number, slot in enumerate(path):
        indicators = read_again([INDICATOR], slot.numbers)
        ending = read_again([ENDING], slot.numbers)
        asked = not gated or _is_asked(slot, indicators, ending, looks)
        crossed = () if only_by_ending else indicators
        if asked and is_demanded(crossed, ending):
            return number
        looks.append(_stay(number, slot, indicators, ending, asked=asked))
    return None


def _is_asked(
    slot: Slot,
    indicators: tuple[IndicatorReading, ...],
    ending: tuple[IndicatorReading, ...],
    looks: Sequence[Checkpoint],
) -> bool:
    reference = reference_of(ENTRY, looks, carried_out=NOBODY, proxy_price=Decimal(20))
    event = event_of(SNAPSHOT, reference, proxy_price=slot.fear, event_atr=Decimal(2))
    staying = staying_reason(
        indicators,
        reference,
        price=slot.price,
        atr_usd=2.0,
        quiet_atr=Decimal(1),
        invalidation=ending,
        event=event,
    )
    return staying is None


def _stay(
    number: int,
    slot: Slot,
    indicators: tuple[IndicatorReading, ...],
    ending: tuple[IndicatorReading, ...],
    *,
    asked: bool,
) -> Checkpoint:
    return Checkpoint(
        checkpoint_id=uuid5(TRADE, str(number)),
        week_id="2026-11-18",
        slot="12:00",
        taken_at=datetime(2026, 11, 18, 17, 0, tzinfo=UTC),
        account="ALPHA",
        trade_id=TRADE,
        action=Action.STAY,
        conviction_before=Decimal(1),
        conviction_after=Decimal(1),
        reason_delta="because",
        indicators=indicators,
        invalidation=ending,
        profit_usd="0",
        price_usd=str(slot.price),
        proxy_price_usd=None if slot.fear is None else str(slot.fear),
        decided_by="model" if asked else "rules",
        model="vendor/model" if asked else None,
    )


@given(paths)
def test_whoever_leaves_on_rules_leaves_in_the_same_slot_with_the_gate(path: list[Slot]) -> None:
    assert exit_slot(path, gated=True) == exit_slot(path, gated=False)


@given(paths)
def test_whoever_leaves_by_its_invalidation_alone_does_so_too(path: list[Slot]) -> None:
    with_gate = exit_slot(path, gated=True, only_by_ending=True)

    assert with_gate == exit_slot(path, gated=False, only_by_ending=True)


def test_a_week_in_which_nothing_happens_asks_nobody() -> None:
    quiet = [Slot(ENTRY + Decimal(step % 3) / 10, 60.0, Decimal(20)) for step in range(20)]

    looks = [read_again([INDICATOR], slot.numbers) for slot in quiet]

    assert not any(
        _is_asked(slot, seen, read_again([ENDING], slot.numbers), ())
        for slot, seen in zip(quiet, looks, strict=True)
    )
