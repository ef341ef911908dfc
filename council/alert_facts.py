"""The facts about telling the owner: what was gathered into a message, and what became of it.

Stream: `alerts`. `AlertBegun` is stored before an attempt and its outcome after it, so that an
attempt which a crash cut short is known as one of unknown outcome, and never made again. Addresses
stand here by a name that says where they are, and nothing that opens them.
"""

from typing import ClassVar
from uuid import UUID

from council.fact import Fact
from council.model.base import Value

ALERTS_STREAM = "alerts"


class GatheredAlert(Value):
    """One thing that was told; the id is that of the event, or of the moment, it is about."""

    alert_id: UUID
    kind: str


class DeliveryName(Value):
    """One message on its way to one address."""

    number: int
    address: str


class AlertsBegan(Fact):
    """Telling began: what the log held up to `position` is history, which nobody is told."""

    STREAM: ClassVar[str] = ALERTS_STREAM
    MEANING: ClassVar[tuple[str, ...]] = ()

    position: int
    read_from: int
    """After it lies all that was not settled yet, such as a trade that waited."""


class AlertGathered(Fact):
    """The `number`th message was written, for `addresses`; `doubted` is what it says may be lost.

    Whoever tells on from here reads the log after `read_from`: before it everything is settled.
    """

    STREAM: ClassVar[str] = ALERTS_STREAM
    MEANING: ClassVar[tuple[str, ...]] = ("number",)

    number: int
    title: str
    text: str
    alerts: tuple[GatheredAlert, ...]
    addresses: tuple[str, ...]
    doubted: tuple[DeliveryName, ...] = ()
    read_from: int


class DeliveryFact(Fact):
    """Something about the `attempt`th time that a message was sent to an address."""

    STREAM: ClassVar[str] = ALERTS_STREAM
    MEANING: ClassVar[tuple[str, ...]] = ("number", "address", "attempt")

    number: int
    address: str
    attempt: int


class AlertBegun(DeliveryFact):
    """The message is about to be sent."""


class AlertSent(DeliveryFact):
    """The address took the message."""


class AlertFailed(DeliveryFact):
    """The address surely did not take the message; `is_final` where it is not tried again."""

    reason: str
    is_final: bool


class AlertDoubted(DeliveryFact):
    """Nobody knows whether the message arrived; it is not sent again, but named in the next one."""

    reason: str


ALERT_FACTS: tuple[type[Fact], ...] = (
    AlertsBegan,
    AlertGathered,
    AlertBegun,
    AlertSent,
    AlertFailed,
    AlertDoubted,
)
