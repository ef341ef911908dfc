"""In which mode each model last answered, kept for later weeks: a step down is paid once.

Written down only where it is not what one would try anyway, and forgotten after some weeks, so that
a model that has learned schemas since is asked strictly again.
"""

from datetime import timedelta

from council.events import AnsweringModeFound
from council.llm.catalog import GatewayCatalog
from council.llm.journal import Journal
from council.llm.turns import Mode

KEPT_FOR = timedelta(days=28)


class ModeMemory:
    """The modes of the models behind one gateway; `load` it before the first look."""

    def __init__(self, journal: Journal, gateway: str) -> None:
        self._journal = journal
        self._gateway = gateway
        self._stored: dict[str, Mode] = {}
        self._found: dict[str, Mode] = {}
        self._is_loaded = False

    async def load(self) -> None:
        """Read what earlier processes found, once."""
        if self._is_loaded:
            return
        for fact in await self._journal.answering_modes(self._gateway, younger_than=KEPT_FOR):
            self._stored[fact.model] = Mode[fact.mode.upper()]
        self._is_loaded = True

    def usual(self, model: str, catalog: GatewayCatalog) -> Mode:
        """Return the mode to begin with: what worked, else what the gateway lists, else strict."""
        known = self._found.get(model, self._stored.get(model))
        if known is not None:
            return known
        refuses = catalog.entry(model).supports_json_schema is False
        return Mode.JSON_OBJECT if refuses else Mode.STRICT

    def note(self, model: str, mode: Mode) -> None:
        """Remember in this process that `model` answered in `mode`."""
        self._found[model] = mode

    async def keep(self, model: str, week_id: str) -> None:
        """Write down what was noted of `model` where it is news to later processes."""
        found = self._found.get(model)
        if found is None or found == self._stored.get(model, Mode.STRICT):
            return
        self._stored[model] = found
        fact = AnsweringModeFound(
            week_id=week_id, gateway=self._gateway, model=model, mode=found.word
        )
        await self._journal.record(fact)
