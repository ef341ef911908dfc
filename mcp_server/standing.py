"""What is in force before anything is opened: who answers, where orders go, what falls short."""

from dataclasses import dataclass

from broker.accounts import venue_at
from broker.models import VenueName
from config.schema import Config
from config.settings import Settings
from council.events import Mode


@dataclass(frozen=True, slots=True)
class Standing:
    """The mode and the venues, told first in every output.

    `simulated` holds the nicknames without a key, `with_keys` the others, whose orders go to
    `keyed_venue`; `degraded` holds one sentence per shortfall.
    """

    mode: Mode
    simulated: tuple[str, ...]
    with_keys: tuple[str, ...]
    keyed_venue: VenueName
    always_open: bool
    degraded: tuple[str, ...]

    @property
    def venue(self) -> str:
        """Return "simulated", "alpaca-paper" or "alpaca-paper and simulated"."""
        named = {self.venue_of(name) for name in (*self.with_keys, *self.simulated)}
        return " and ".join(sorted(named))

    def venue_of(self, nickname: str) -> VenueName:
        """Return where the orders of an account go."""
        return VenueName.SIMULATED if nickname in self.simulated else self.keyed_venue


def standing_of(settings: Settings, config: Config, prices: str = "synthetic prices") -> Standing:
    """Tell from settings alone who will answer and where each account lives.

    Raises:
        CredentialsError: an account has half a key.
    """
    names = [account.nickname for account in config.accounts]
    with_keys = tuple(
        name
        for name in names
        if settings.shared_key(name) or settings.alpaca_credentials(name) is not None
    )
    simulated = tuple(name for name in names if name not in with_keys)
    sentences = (
        _models_sentence(settings),
        _venue_sentence(simulated, everyone=not with_keys, prices=prices),
        _address_sentence(settings, with_keys),
        _unknown_sentence(settings.account_variables_unlike(names)),
        _hours_sentence(settings) if simulated else None,
    )
    return Standing(
        mode="rehearsal" if settings.is_rehearsal else "live",
        simulated=simulated,
        with_keys=with_keys,
        keyed_venue=venue_at(settings.alpaca_trading_url),
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


def _address_sentence(settings: Settings, with_keys: tuple[str, ...]) -> str | None:
    url = settings.alpaca_trading_url
    if not with_keys or venue_at(url) is VenueName.ALPACA_PAPER:
        return None
    who = ", ".join(with_keys)
    return f"{who} trade on the exchange at {url}, which ALPACA_TRADING_URL names: not at Alpaca."


def _unknown_sentence(variables: tuple[str, ...]) -> str | None:
    if not variables:
        return None
    belong = "belongs" if len(variables) == 1 else "belong"
    return (
        f"{' and '.join(variables)} {belong} to no account of accounts.yaml and "
        "will not be used: correct the nickname or remove it."
    )


def _hours_sentence(settings: Settings) -> str | None:
    if not settings.always_open:
        return None
    return "COUNCIL_EXCHANGE_HOURS=always: the simulated exchange ignores market hours."
