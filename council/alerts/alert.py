"""One thing to tell: what it is about, said in a clause that names nothing a model wrote freely."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from council.untrusted import quoted, without_links

_MENTION = re.compile(r"[<>@`]")
"""With these a chat would make a link, a call to everybody or code of what others said."""


class AlertKind(StrEnum):
    """What can be told, in the order in which a message says it."""

    DAMAGED = "damaged"
    HALTED = "halted"
    DRIFTED = "drifted"
    FAILED = "failed"
    UNCLEAR = "unclear"
    MISSED = "missed"
    EXPIRING = "expiring"
    CHECKPOINT = "checkpoint"
    WAITING = "waiting"
    RELAYED = "relayed"
    RESUMED = "resumed"
    BUDGET = "budget"
    SILENT = "silent"
    POSTMORTEM = "postmortem"
    HEAD = "head"


@dataclass(frozen=True, slots=True)
class Alert:
    """Told once by its id, which comes from the event or the moment that it is about.

    `about` is an account or a trade in words, "" where `line` stands alone. `key` is what it is
    about for the program (an account, a trade's id, a week). `source` ties a trade to the
    checkpoint that asked for it; after `until_at` nobody can decide on it any more.
    """

    alert_id: UUID
    kind: AlertKind
    at: datetime
    about: str
    line: str
    key: str = ""
    source: UUID | None = None
    until_at: datetime | None = None


def said(text: str) -> str:
    """Return what a person, a venue or a model said: short, in quotation marks, without effect."""
    return quoted(_MENTION.sub(" ", str(without_links(text))))
