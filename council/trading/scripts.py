"""Scripts in the person's place: they count where neither the venue nor the time is real."""

from typing import Final

from broker.models import VenueName
from config.clock import Clock, SystemClock
from config.errors import RefusedError
from council.model.ticket import Ticket
from council.ports import Deps
from council.trade_facts import Trust

SCRIPTS: Final[frozenset[Trust]] = frozenset({"demo", "simulation"})
"""Who is no person."""


def scripts_decide(venue: VenueName, clock: Clock) -> bool:
    """Whether a script may stand in for the person: asked at its approval and before every send."""
    return venue is VenueName.SIMULATED and not isinstance(clock, SystemClock)


def refuse_script(trust: Trust, ticket: Ticket, deps: Deps) -> None:
    """Refuse the approval of a script where anything is real.

    Raises:
        RefusedError: it is one, and something is.
    """
    if trust in SCRIPTS and not scripts_decide(ticket.venue, deps.clock):
        raise RefusedError(
            f"Not approved: {trust} counts on the simulated exchange and a virtual clock alone; "
            "here a person decides."
        )
