"""The facts about scheduled work: what became of each slot of a job.

Stream: `slots-{week_id}`. A slot ends with one SlotDone or one SlotSkipped and never with both;
each start of it that failed is a SlotFailed before that.
"""

from typing import ClassVar, Literal

from pydantic import AwareDatetime

from council.fact import Fact

JobName = Literal["weekly", "checkpoint", "postmortem", "daily"]

SLOTS_STREAM = "slots-{week_id}"


class SlotFact(Fact):
    """Something about one slot; `slot` names it among those of its job, `due_at` is its time."""

    job: JobName
    slot: str
    due_at: AwareDatetime

    STREAM: ClassVar[str] = SLOTS_STREAM
    MEANING: ClassVar[tuple[str, ...]] = ("job", "slot")


class SlotDone(SlotFact):
    """The work of the slot was done; `outcome` says what came of it, in a sentence.

    `problems` are the parts of it that failed while the others were done, a sentence each.
    """

    started_at: AwareDatetime
    finished_at: AwareDatetime
    outcome: str
    problems: tuple[str, ...] = ()


class SlotSkipped(SlotFact):
    """The slot's time went by without its work, which is not done any more."""

    reason: str


class SlotFailed(SlotFact):
    """A start of the slot's work failed, the `number`th one; it is tried again while of use."""

    number: int
    failed_at: AwareDatetime
    reason: str

    MEANING: ClassVar[tuple[str, ...]] = ("job", "slot", "number")


SLOT_FACTS: tuple[type[Fact], ...] = (SlotDone, SlotSkipped, SlotFailed)
