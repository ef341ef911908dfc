"""How a message reads: what is in force first, then what happened, then what to do about it: pure.

It opens nothing: the addresses in it are those of pages, which ask who is there, and looking at
them changes nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Final

from config.clock import NEW_YORK
from council.alerts.alert import Alert, AlertKind
from council.untrusted import clean_text

MOST_LINES: Final = 12
"""Of one kind in one message; what is more is counted."""
_LONGEST_TITLE: Final = 120
_TITLES: Final = {
    AlertKind.DAMAGED: ("the log is damaged", "the log is damaged"),
    AlertKind.HALTED: ("trading halted", "trading halted"),
    AlertKind.DRIFTED: ("1 position drifted", "{} positions drifted"),
    AlertKind.FAILED: ("1 trade failed", "{} trades failed"),
    AlertKind.UNCLEAR: ("1 order unclear", "{} orders unclear"),
    AlertKind.MISSED: ("scheduled work missed", "{} times scheduled work missed"),
    AlertKind.EXPIRING: ("1 trade expires soon", "{} trades expire soon"),
    AlertKind.CHECKPOINT: ("a checkpoint wants a change", "checkpoints want {} changes"),
    AlertKind.WAITING: ("1 trade waits", "{} trades wait"),
    AlertKind.RELAYED: ("1 approval relayed", "{} approvals relayed"),
    AlertKind.RESUMED: ("trading resumed", "trading resumed"),
    AlertKind.BUDGET: ("budget nearly spent", "budgets nearly spent"),
    AlertKind.SILENT: ("1 manager silent", "{} managers silent"),
    AlertKind.POSTMORTEM: ("postmortem ready", "postmortems ready"),
    AlertKind.HEAD: ("the log's head", "{} heads of the log"),
}
_HEADINGS: Final = {
    AlertKind.DAMAGED: "The log is not what was written",
    AlertKind.HALTED: "Trading halted",
    AlertKind.DRIFTED: "Positions that no order of ours explains",
    AlertKind.FAILED: "Trades that failed",
    AlertKind.UNCLEAR: "Orders that are not clear",
    AlertKind.MISSED: "Scheduled work that failed or was skipped",
    AlertKind.EXPIRING: "Trades that expire soon",
    AlertKind.CHECKPOINT: "A checkpoint wants a change",
    AlertKind.WAITING: "Trades that wait for your approval",
    AlertKind.RELAYED: "Approvals that an assistant passed on",
    AlertKind.RESUMED: "Trading resumed",
    AlertKind.BUDGET: "What models cost",
    AlertKind.SILENT: "Portfolio managers that are silent",
    AlertKind.POSTMORTEM: "Postmortems",
    AlertKind.HEAD: "The log's head",
}
_TO_DO: Final = {
    AlertKind.DAMAGED: "Stop: `council halt`. Look: `council db verify`. Restore: `council db "
    "restore FILE --into NAME`.",
    AlertKind.HALTED: "Look: {page}/status or `council status`. To go on: `council resume`.",
    AlertKind.DRIFTED: "Look: `council drifts`. To take it: `council accept-drift`.",
    AlertKind.FAILED: "Look: {page}/approvals or `council trade ID`.",
    AlertKind.UNCLEAR: "Look: {page}/status, and at the venue itself.",
    AlertKind.MISSED: "Look: `council status`. To do what is of use still: `council job NAME`.",
    AlertKind.EXPIRING: "Decide: {page}/approvals or `council approve ID`.",
    AlertKind.CHECKPOINT: "Decide: {page}/approvals or `council trades`.",
    AlertKind.WAITING: "Decide: {page}/approvals or `council approve ID`.",
    AlertKind.RELAYED: "If that was not you: `council revoke ID`, or `council halt`.",
    AlertKind.BUDGET: "Look: {page}/costs or `council costs`. The caps are in models.yaml.",
    AlertKind.SILENT: "Look: `council doctor`.",
    AlertKind.POSTMORTEM: "Read: {page}/weeks or `council postmortem`.",
    AlertKind.HEAD: "Keep it: `council db verify --against HEAD` finds what was cut or changed.",
}
_DECISIONS: Final = frozenset({AlertKind.WAITING, AlertKind.EXPIRING})


@dataclass(frozen=True, slots=True)
class Letterhead:
    """What every message says first: where orders go, and what falls short, a sentence each.

    `page` is the address of the pages, without anything that lets anybody in.
    """

    venue: str
    degraded: tuple[str, ...]
    page: str

    @property
    def tag(self) -> str:
        """Return the venue as titles name it: always that no real money is traded."""
        names = {"alpaca-paper": "PAPER", "simulated": "SIMULATED"}
        words = (names.get(word, word) for word in self.venue.split())
        return f"Council, {' '.join(words)}"


@dataclass(frozen=True, slots=True)
class Lost:
    """A message that may not have arrived, and where."""

    title: str
    at: datetime
    address: str


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent, as plain text."""

    title: str
    text: str


def message_of(alerts: Sequence[Alert], lost: Sequence[Lost], head: Letterhead) -> Message:
    """Write one message of `alerts`, which are sorted by kind, and of what may be `lost`."""
    by_kind = {kind: tuple(own) for kind, own in groupby(alerts, key=attrgetter("kind"))}
    sections = [_section(kind, own, head) for kind, own in _merged(by_kind).items() if own]
    text = "\n\n".join((_opening(head), *sections, *_lost(lost)))
    return Message(_title(by_kind, head), text)


def trial_message(head: Letterhead) -> Message:
    """Write the message by which a person finds out whether an address works."""
    text = f"{_opening(head)}\n\nThis is a test: nothing happened, and nothing is to be done."
    return Message(f"{head.tag}: test of alerts", text)


def unit_message(unit: str, head: Letterhead, logs: str) -> Message:
    """Write that a service failed, which systemd starts again by itself; `logs` shows why."""
    text = (
        f"{_opening(head)}\n\n{unit} failed on this machine. It is started again by itself, as "
        f"often as it takes.\nWhy: `{logs}`. What is wrong: `council doctor`."
    )
    return Message(f"{head.tag}: {unit} failed", text)


def new_york(at: datetime) -> str:
    """Return an instant as a person in New York says it."""
    return f"{at.astimezone(NEW_YORK):%a %d %b %H:%M} New York"


def _title(by_kind: dict[AlertKind, tuple[Alert, ...]], head: Letterhead) -> str:
    said = []
    for kind, own in by_kind.items():
        count = len({alert.about or alert.line for alert in own})
        one, more = _TITLES[kind]
        said.append(one if count == 1 else more.format(count))
    title = f"{head.tag}: {', '.join(said)}"
    return title if len(title) <= _LONGEST_TITLE else f"{title[: _LONGEST_TITLE - 1]}…"


def _opening(head: Letterhead) -> str:
    lines = [f"Paper trading, no real money. Venue: {head.venue}."]
    return "\n".join((*lines, *(" ".join(clean_text(text).split()) for text in head.degraded)))


def _merged(by_kind: dict[AlertKind, tuple[Alert, ...]]) -> dict[AlertKind, list[Alert]]:
    """Say a trade once: as expiring rather than waiting, and with what its checkpoint wanted."""
    expiring = {alert.key for alert in by_kind.get(AlertKind.EXPIRING, ())}
    kept = {
        kind: [a for a in own if kind is not AlertKind.WAITING or a.key not in expiring]
        for kind, own in by_kind.items()
    }
    looks = {a.source: a for a in by_kind.get(AlertKind.CHECKPOINT, ())}
    sources = {a.source for kind in _DECISIONS for a in kept.get(kind, ()) if a.source in looks}
    for kind in _DECISIONS & set(kept):
        kept[kind] = [_with_look(a, looks.get(a.source)) for a in kept[kind]]
    if looks:
        kept[AlertKind.CHECKPOINT] = [a for a in looks.values() if a.source not in sources]
    return kept


def _with_look(trade: Alert, look: Alert | None) -> Alert:
    return trade if look is None else replace(trade, line=f"{look.line}; {trade.line}")


def _section(kind: AlertKind, alerts: Sequence[Alert], head: Letterhead) -> str:
    lines = list(_lines(alerts))
    shown = lines[:MOST_LINES]
    if len(lines) > MOST_LINES:
        shown.append(f"and {len(lines) - MOST_LINES} more")
    to_do = _TO_DO.get(kind, "").format(page=head.page)
    heading = f"{_HEADINGS[kind]}:"
    return "\n".join((heading, *(f"- {line}" for line in shown), *([to_do] if to_do else ())))


def _lines(alerts: Sequence[Alert]) -> Iterator[str]:
    """Say what is the same of several once, and all that is said of one in one line."""
    said: dict[str, list[str]] = {}
    for alert in alerts:
        said.setdefault(alert.about, []).append(_with_until(alert))
    grouped: dict[str, list[str]] = {}
    for about, lines in said.items():
        if not about:
            yield from lines
            continue
        grouped.setdefault("; ".join(dict.fromkeys(lines)), []).append(about)
    for line, abouts in grouped.items():
        yield f"{', '.join(abouts)}: {line}"


def _with_until(alert: Alert) -> str:
    if alert.until_at is None:
        return alert.line
    return f"{alert.line}, until {new_york(alert.until_at)}"


def _lost(lost: Sequence[Lost]) -> tuple[str, ...]:
    if not lost:
        return ()
    lines = (f"- “{one.title}” of {new_york(one.at)}, to {one.address}" for one in lost)
    return ("\n".join(("Earlier messages that may not have arrived:", *lines)),)
