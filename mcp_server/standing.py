"""What is in force before anything is opened: who answers, where orders go, what falls short."""

from dataclasses import dataclass

from config.schema import Config
from config.settings import Settings
from council.events import Mode


@dataclass(frozen=True, slots=True)
class Standing:
    """The mode and the venues, told first in every output.

    `simulated` holds the nicknames without Alpaca keys; `degraded` one sentence per shortfall.
    """

    mode: Mode
    simulated: tuple[str, ...]
    with_keys: tuple[str, ...]
    always_open: bool
    degraded: tuple[str, ...]

    @property
    def venue(self) -> str:
        """Return "simulated", "alpaca-paper" or "alpaca-paper and simulated"."""
        names = (("alpaca-paper", self.with_keys), ("simulated", self.simulated))
        return " and ".join(name for name, accounts in names if accounts)


def standing_of(settings: Settings, config: Config, prices: str = "synthetic prices") -> Standing:
    """Tell from settings alone who will answer and where each account lives.

    Raises:
        CredentialsError: an account has half a key, or two accounts have the same.
    """
    names = [account.nickname for account in config.accounts]
    with_keys = tuple(name for name in names if settings.alpaca_credentials(name) is not None)
    simulated = tuple(name for name in names if name not in with_keys)
    sentences = (
        _models_sentence(settings),
        _venue_sentence(simulated, everyone=not with_keys, prices=prices),
        _hours_sentence(settings) if simulated else None,
    )
    return Standing(
        mode="rehearsal" if settings.is_rehearsal else "live",
        simulated=simulated,
        with_keys=with_keys,
        always_open=settings.always_open,
        degraded=tuple(sentence for sentence in sentences if sentence),
    )


def _models_sentence(settings: Settings) -> str | None:
    if not settings.is_rehearsal:
        return None
    asked = settings.council_mode == "rehearsal"
    cause = "COUNCIL_MODE=rehearsal" if asked else "No REQUESTY_API_KEY"
    return f"{cause}: rule-based rehearsal models answer, not language models."


def _venue_sentence(simulated: tuple[str, ...], *, everyone: bool, prices: str) -> str | None:
    if not simulated:
        return None
    who = "Every account trades" if everyone else f"{', '.join(simulated)} trade"
    return f"{who} on the simulated exchange with {prices}: no Alpaca key."


def _hours_sentence(settings: Settings) -> str | None:
    if not settings.always_open:
        return None
    return "COUNCIL_EXCHANGE_HOURS=always: the simulated exchange ignores market hours."
