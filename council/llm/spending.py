"""What calls to models cost, added up: known, unknown and how much of it was estimated. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from council.events import ModelCalled
from council.llm.replies import BROKEN_OFF, ONCE_BEGUN

_STATUS_LENGTH = len("HTTP 502: ")


@dataclass(frozen=True, slots=True)
class Spending:
    """The sum over some calls; the cost of the `unknown` ones is in no sum."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    known_usd: Decimal = Decimal(0)
    estimated_usd: Decimal = Decimal(0)
    """That part of `known_usd` which comes from a price table and not from who was paid."""
    unknown: int = 0
    """Calls that may have been billed, nobody says how much."""

    @property
    def cost_usd(self) -> Decimal | None:
        """Return the whole cost; None where there is no call or the cost of one is unknown."""
        return self.known_usd if self.calls and not self.unknown else None

    def plus(self, call: ModelCalled) -> "Spending":
        """Return the sum with `call` in it."""
        cost = call.cost_usd or Decimal(0)
        estimated = cost if call.cost_source == "estimate" else Decimal(0)
        return Spending(
            calls=self.calls + 1,
            prompt_tokens=self.prompt_tokens + (call.prompt_tokens or 0),
            completion_tokens=self.completion_tokens + (call.completion_tokens or 0),
            known_usd=self.known_usd + cost,
            estimated_usd=self.estimated_usd + estimated,
            unknown=self.unknown + (call.cost_usd is None and may_be_billed(call)),
        )


def spending_of(calls: Iterable[ModelCalled]) -> Spending:
    """Add up `calls`."""
    total = Spending()
    for call in calls:
        total = total.plus(call)
    return total


def may_be_billed(call: ModelCalled) -> bool:
    """Tell whether a call without a cost may have been billed.

    Nobody bills an error status, nor what never arrived; what broke off had arrived, and an error
    inside a success came after the answer had begun.
    """
    reason = call.reason or ""
    if reason.startswith("HTTP"):
        return ONCE_BEGUN in reason[: _STATUS_LENGTH + len(ONCE_BEGUN)]
    return call.outcome != "unreachable" or reason.startswith(BROKEN_OFF)


def charge_of(call: ModelCalled) -> Decimal:
    """Return what `call` counts against the caps: its cost, else what was set aside for it.

    An answer that was kept counts with what it once cost: a simulation that is stopped and gone on
    with, or repeated, does not get past a cap that it would not have passed at once.
    """
    if call.cost_source == "cache":
        return call.reserved_usd or Decimal(0)
    if call.cost_usd is not None:
        return call.cost_usd
    return (call.reserved_usd or Decimal(0)) if may_be_billed(call) else Decimal(0)
