"""Tells a stage in which some models failed from one in which nobody could be reached at all."""

from collections.abc import Sequence

from council.errors import ModelsUnreachable
from council.events import PitchAbstained, ResearchFailed, ReviewAbstained, Silence
from council.fact import Fact

_AWAY = frozenset({"unreachable", "timed_out", "over_budget"})


def check_reach(facts: Sequence[Fact]) -> None:
    """Let `facts` of a stage pass unless all say that a model could not be reached.

    One silent model is an abstention; all silent is an outage, such as a wrong key, or a budget
    that is spent, and a week must not be spent on it: the stage stays unfinished and is run again.

    Raises:
        ModelsUnreachable: nobody answered, or nobody could be asked.
    """
    silent = [
        fact
        for fact in facts
        if isinstance(fact, PitchAbstained | ReviewAbstained | ResearchFailed)
        and fact.outcome in _AWAY
    ]
    if facts and len(silent) == len(facts):
        raise ModelsUnreachable(_sentence(silent[0].reason.rstrip("."), silent[0].outcome))


def _sentence(reason: str, outcome: Silence | None) -> str:
    if outcome == "over_budget":
        what, mend = "No model was asked", "raise the cap in models.yaml or wait"
    else:
        what, mend = "No model could be reached", "mend the gateway or its key"
    return f"{what} ({reason}): nothing of this stage was stored; {mend} and run the week again."
