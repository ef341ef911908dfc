"""What must agree across the five YAML files, each breach one sentence with file, key and mend."""

from collections.abc import Callable, Iterable
from datetime import time
from decimal import Decimal

from config.errors import ConfigError
from config.schema import Config, Role

CONVICTIONS = tuple(Decimal(step) / 2 for step in range(-4, 5))
"""Every conviction that a pitch can have: -2 to 2 in halves."""

NORMAL_CLOSE = time(16)
"""When the New York session closes on a day that is not a half day."""
_CLOCKS_CHANGE = (time(1), time(3))
"""Between these a day of New York lacks an hour, or has one twice."""


def cross_check(config: Config) -> None:
    """Return quietly where the files agree.

    Raises:
        ConfigError: the first breach.
    """
    checks: tuple[Callable[[Config], str | None], ...] = (
        _accounts_once,
        _roles,
        _models_match_accounts,
        _packs_once,
        _services,
        _quorums,
        _universe,
        _alternates,
        _durations,
        _rates,
        _conviction_table,
        _schedule,
    )
    for check in checks:
        if problem := check(config):
            raise ConfigError(problem)


def _accounts_once(config: Config) -> str | None:
    if twice := _repeated(account.nickname for account in config.accounts):
        return f"accounts.yaml has the nickname {twice} twice: give every account its own."
    if twice := _repeated(account.account_number for account in config.accounts):
        owners = " and ".join(a.nickname for a in config.accounts if a.account_number == twice)
        return f"accounts.yaml gives account_number {twice} to {owners}: each needs its own."
    return None


def _roles(config: Config) -> str | None:
    chairmen = [a.nickname for a in config.accounts if a.role is Role.CHAIRMAN]
    if not chairmen:
        return "accounts.yaml has no account with role chairman: give exactly one that role."
    if len(chairmen) > 1:
        names = " and ".join(chairmen)
        return f"accounts.yaml gives role chairman to {names}: leave it to exactly one."
    if not config.managers:
        return "accounts.yaml has no account with role portfolio_manager: add at least one."
    return None


def _models_match_accounts(config: Config) -> str | None:
    nicknames = [account.nickname for account in config.accounts]
    for nickname in config.models.accounts:
        if nickname not in nicknames:
            return (
                f"models.yaml has accounts.{nickname}, but accounts.yaml knows no {nickname}: "
                "add the account or remove the model."
            )
    for nickname in nicknames:
        if nickname not in config.models.accounts:
            return f"models.yaml has no model for the account {nickname}: add accounts.{nickname}."
    return None


def _packs_once(config: Config) -> str | None:
    if twice := _repeated(pack.pack for pack in config.models.research):
        return f"models.yaml has the research pack {twice} twice: keep one of the two."
    return None


def _services(config: Config) -> str | None:
    for pack in config.models.research:
        for service in pack.services:
            if getattr(config.models.research_services, service) is None:
                return (
                    f"models.yaml has the pack {pack.pack} researched by {service}, but no "
                    f"research_services.{service}: add it or remove it from the pack's services."
                )
    return None


def _quorums(config: Config) -> str | None:
    limits, most = config.models.limits, len(config.managers)
    quorums = (
        ("quorum_pitches", limits.quorum_pitches),
        ("quorum_reviews", limits.quorum_reviews),
    )
    for key, quorum in quorums:
        if quorum > most:
            return (
                f"models.yaml asks for limits.{key} {quorum}, but there are only {most} "
                "portfolio managers: lower it or add accounts."
            )
    return None


def _universe(config: Config) -> str | None:
    symbols = [instrument.symbol for instrument in config.assets.instruments]
    if twice := _repeated(symbols):
        return f"assets.yaml lists the symbol {twice} twice: keep one of the two."
    if config.assets.volatility_proxy in symbols:
        proxy = config.assets.volatility_proxy
        return (
            f"assets.yaml has {proxy} both as volatility_proxy and as an instrument: "
            "it is only looked at, so remove the instrument."
        )
    if not config.universe:
        return "assets.yaml enables no instrument: set enabled: true for at least one."
    return None


def _alternates(config: Config) -> str | None:
    symbols = {instrument.symbol for instrument in config.assets.instruments}
    for instrument in config.assets.instruments:
        target = instrument.alternate_for
        if target is not None and (target not in symbols or target == instrument.symbol):
            return (
                f"assets.yaml says that {instrument.symbol} is alternate_for {target}, which is "
                "no other instrument there: name one that is."
            )
    return None


def _durations(config: Config) -> str | None:
    for instrument in config.assets.instruments:
        if (instrument.duration_years is None) is not (instrument.duration_as_of is None):
            return (
                f"assets.yaml gives {instrument.symbol} only one of duration_years and "
                "duration_as_of: write both or neither."
            )
    return None


def _rates(config: Config) -> str | None:
    for instrument in config.assets.instruments:
        rates = (instrument.dividend_yield, instrument.borrow_rate, instrument.rates_as_of)
        if None in rates and rates != (None, None, None):
            return (
                f"assets.yaml gives {instrument.symbol} only some of dividend_yield, borrow_rate "
                "and rates_as_of: write all three or none."
            )
    return None


def _conviction_table(config: Config) -> str | None:
    convictions = [row.conviction for row in config.risk.conviction_table]
    twice = _repeated(f"{conviction:.1f}" for conviction in convictions)
    if twice:
        return f"risk.yaml has the conviction {twice} twice in conviction_table: keep one row."
    for conviction in CONVICTIONS:
        if conviction not in convictions:
            return f"risk.yaml lacks conviction {conviction:.1f} in conviction_table: add its row."
    return None


def _schedule(config: Config) -> str | None:
    schedule = config.schedule
    if twice := _repeated(f"{at:%H:%M}" for at in schedule.checkpoints):
        return f"schedule.yaml has the checkpoint {twice} twice: keep one of the two."
    if not schedule.week_starts < schedule.last_entry < NORMAL_CLOSE:
        return (
            f"schedule.yaml has last_entry {schedule.last_entry:%H:%M}: put it after week_starts "
            f"and before the close at {NORMAL_CLOSE:%H:%M}."
        )
    if _CLOCKS_CHANGE[0] <= schedule.upkeep < _CLOCKS_CHANGE[1]:
        return (
            f"schedule.yaml has upkeep {schedule.upkeep:%H:%M}, an hour that days are without or "
            "have twice: put it before 01:00 or from 03:00 on."
        )
    return None


def _repeated(values: Iterable[str]) -> str | None:
    """Return the first value that was there before, or None."""
    seen: set[str] = set()
    for value in values:
        if value in seen:
            return value
        seen.add(value)
    return None
