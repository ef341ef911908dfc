"""What goes wrong on the wire, by seed: which request meets which fault, as a pure function.

A fault hangs on what the request is about and on the how-manieth try it is, never on the order in
which requests of several clients arrive, so a run can be repeated. Every fourth try is clean: no
fault lasts for ever.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Self

from broker.exchange.errors import FaultPlanUnreadable
from broker.exchange.rules import AssetRules
from broker.exchange.seeds import fraction_of, key_of

CLEAN_EVERY = 4
"""Of the tries of one request, each that is a multiple of this meets no fault."""

BURST = 3
"""As many tries in a row are told that there are too many requests."""

_SHORTEST_DELAY = timedelta(milliseconds=200)
_STATUSES = (500, 502, 503, 504)
_FLAG_SHARE = 0.25


class FaultKind(StrEnum):
    """How a request goes wrong; "processed" means that the exchange did what was asked."""

    DROP = "drop"
    """Processed; the connection is closed without an answer."""
    LOST = "lost"
    """Never processed; the connection is closed without an answer."""
    LATE = "late"
    """The connection is closed at once; processed a while later."""
    HANG = "hang"
    """Processed; no answer until the client gives up."""
    HANG_LOST = "hang_lost"
    """Never processed; no answer until the client gives up."""
    THROTTLED = "throttled"
    """429 instead of being processed, several times in a row."""
    ERROR_BEFORE = "error_before"
    """500, 502, 503 or 504 instead of being processed."""
    ERROR_AFTER = "error_after"
    """Processed; answered with 500, 502, 503 or 504."""
    HTML_BEFORE = "html_before"
    """A web page instead of being processed."""
    HTML_AFTER = "html_after"
    """Processed; answered with a web page."""
    GARBAGE = "garbage"
    """Processed; the answer is cut, redirected, or JSON that makes no sense."""
    SPURIOUS = "spurious"
    """A refusal with a code, though an earlier try of the same request may have arrived."""


_FOR_READS = frozenset(
    {
        *(FaultKind.DROP, FaultKind.HANG, FaultKind.THROTTLED),
        *(FaultKind.ERROR_BEFORE, FaultKind.HTML_BEFORE, FaultKind.GARBAGE),
    }
)
_FOR_DELETES = frozenset(FaultKind) - {FaultKind.GARBAGE, FaultKind.SPURIOUS}
_KINDS_FOR: Mapping[str, frozenset[FaultKind]] = MappingProxyType(
    {
        "POST": frozenset(FaultKind),
        "PATCH": frozenset(FaultKind),
        "DELETE": _FOR_DELETES,
        "GET": _FOR_READS,
    }
)


@dataclass(frozen=True, slots=True)
class Fault:
    """One request's fate: `status` of an error, `delay` of a late one, `variant` of any number."""

    kind: FaultKind
    status: int
    delay: timedelta
    variant: int


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """Which share of the requests meets a fault, and which faults there are.

    Attributes:
        seed: Draws everything below.
        posts: Share of faulty POST and PATCH requests, 0 to 1.
        gets: Share of faulty GET requests, market data included.
        deletes: Share of faulty DELETE requests.
        kinds: The kinds of faults, all equally likely.
        latest: How much later a late request is processed at most, on the exchange's clock.
        stream: A stream of updates is closed after so many messages; 0 for never.
        stuck: Share of the orders whose cancellation never ends.
        flips: So often an instrument's short flags are drawn anew; zero for never.
    """

    seed: int = 0
    posts: float = 0.0
    gets: float = 0.0
    deletes: float = 0.0
    kinds: tuple[FaultKind, ...] = tuple(FaultKind)
    latest: timedelta = timedelta(seconds=1.2)
    stream: int = 0
    stuck: float = 0.0
    flips: timedelta = timedelta(0)

    @classmethod
    def parsed(cls, text: str) -> Self:
        """Read a plan such as "seed=7,posts=0.5,kinds=late+spurious,latest=1.2,flips=600".

        Times are in seconds.

        Raises:
            FaultPlanUnreadable: a name is unknown or given twice, or a value out of its range.
        """
        fields: dict[str, Any] = {}
        for part in filter(None, (part.strip() for part in text.split(","))):
            name, _, value = part.partition("=")
            if name not in _READERS:
                known = ", ".join(_READERS)
                raise FaultPlanUnreadable(f"A fault plan knows no {name!r}: use {known}.")
            if name in fields:
                raise FaultPlanUnreadable(f"The fault plan says {name} twice: say it once.")
            fields[name] = _READERS[name](name, value)
        return cls(**fields)

    def fault_for(self, method: str, subject: str, attempt: int) -> Fault | None:
        """Return what happens to the `attempt`th request (from 1) with this method and subject.

        `subject` is what the request is about: a client_order_id, or a path.
        """
        if attempt % CLEAN_EVERY == 0:
            return None
        started = (self._drawn(method, subject, attempt - back) for back in range(1, BURST))
        if any(fault and fault.kind is FaultKind.THROTTLED for fault in started):
            return self._fault(FaultKind.THROTTLED, method, subject, attempt)
        return self._drawn(method, subject, attempt)

    def is_stuck(self, client_order_id: str) -> bool:
        """Return whether the cancellation of this order never ends."""
        return fraction_of("stuck", self.seed, client_order_id) < self.stuck

    def as_of(self, rules: AssetRules, at: datetime) -> AssetRules:
        """Return an instrument's rules as they are at `at`: where flags flip, some are taken away.

        A flag that `rules` does not give is never given.
        """
        if not self.flips:
            return rules
        period = int(at.timestamp() // self.flips.total_seconds())
        draw = (self.seed, rules.symbol, period)
        return replace(
            rules,
            shortable=rules.shortable and fraction_of("shortable", *draw) >= _FLAG_SHARE,
            easy_to_borrow=rules.easy_to_borrow and fraction_of("borrow", *draw) >= _FLAG_SHARE,
        )

    def _drawn(self, method: str, subject: str, attempt: int) -> Fault | None:
        """Draw for one request alone, without bursts."""
        if attempt < 1 or attempt % CLEAN_EVERY == 0:
            return None
        possible = _KINDS_FOR.get(method, frozenset())
        kinds = [kind for kind in self.kinds if kind in possible]
        draw = (self.seed, method, subject, attempt)
        if not kinds or fraction_of("fault", *draw) >= self._share(method):
            return None
        kind = kinds[key_of("kind", *draw) % len(kinds)]
        if kind is FaultKind.SPURIOUS and attempt == 1:
            # The first try has no earlier one to be wrong about: let it be late, and so arrive.
            kind = FaultKind.LATE
        return self._fault(kind, method, subject, attempt)

    def _fault(self, kind: FaultKind, method: str, subject: str, attempt: int) -> Fault:
        draw = (self.seed, method, subject, attempt)
        longest = max(self.latest, _SHORTEST_DELAY)
        waits = fraction_of("delay", *draw) * (longest - _SHORTEST_DELAY)
        variant = key_of("variant", *draw)
        return Fault(kind, _STATUSES[variant % len(_STATUSES)], _SHORTEST_DELAY + waits, variant)

    def _share(self, method: str) -> float:
        return {"GET": self.gets, "DELETE": self.deletes}.get(method, self.posts)


def _whole(name: str, text: str) -> int:
    if not text.isascii() or not text.isdecimal():
        raise FaultPlanUnreadable(f"In a fault plan {name} is a whole number, not {text!r}.")
    return int(text)


def _share_of(name: str, text: str) -> float:
    share = _number(text)
    if share is None or not 0 <= share <= 1:
        raise FaultPlanUnreadable(f"In a fault plan {name} is a share from 0 to 1, not {text!r}.")
    return share


def _seconds(name: str, text: str) -> timedelta:
    seconds = _number(text)
    if seconds is None or not 0 <= seconds <= timedelta(days=1).total_seconds():
        raise FaultPlanUnreadable(
            f"In a fault plan {name} is a number of seconds, a day at most, not {text!r}."
        )
    return timedelta(seconds=seconds)


def _kinds(_name: str, text: str) -> tuple[FaultKind, ...]:
    unknown = sorted(set(text.split("+")) - {kind.value for kind in FaultKind})
    if unknown:
        known = ", ".join(FaultKind)
        raise FaultPlanUnreadable(f"There is no fault {unknown[0]!r}: choose from {known}.")
    return tuple(FaultKind(name) for name in dict.fromkeys(text.split("+")))


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


_READERS: Mapping[str, Callable[[str, str], Any]] = MappingProxyType(
    {
        "seed": _whole,
        "posts": _share_of,
        "gets": _share_of,
        "deletes": _share_of,
        "kinds": _kinds,
        "latest": _seconds,
        "stream": _whole,
        "stuck": _share_of,
        "flips": _seconds,
    }
)
