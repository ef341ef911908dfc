"""Tells a stage in which some models failed from one in which nobody could be reached at all."""

from collections.abc import Sequence

from council.errors import ModelsUnreachable
from council.events import PitchAbstained, ResearchFailed, ReviewAbstained
from council.fact import Fact

_AWAY = frozenset({"unreachable", "timed_out"})


def check_reach(facts: Sequence[Fact]) -> None:
    """Let `facts` of a stage pass unless all say that a model could not be reached.

    One silent model is an abstention; all silent is an outage, such as a wrong key, and a week must
    not be spent on it: the stage stays unfinished and is run again.

    Raises:
        ModelsUnreachable: nobody answered.
    """
    silent = [
        fact
        for fact in facts
        if isinstance(fact, PitchAbstained | ReviewAbstained | ResearchFailed)
        and fact.outcome in _AWAY
    ]
    if facts and len(silent) == len(facts):
        reason = silent[0].reason.rstrip(".")
        raise ModelsUnreachable(
            f"No model could be reached ({reason}): nothing of this stage was stored; mend the "
            "gateway or its key and run the week again."
        )
