"""The doctor's checks that need nothing opened: program, settings, keys, calendar."""

import platform
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from importlib.metadata import version
from typing import Literal

from pydantic import SecretStr

from broker.accounts import checked_key_id, checked_trading_url, venue_at
from config.errors import CouncilError
from config.market_calendar import LAST_DAY
from config.schema import Config, RiskFile, RiskLimits, SizingPolicy
from config.settings import Settings
from council.llm.preflight import Preflight
from mcp_server.passphrase import is_set
from mcp_server.shapes import CheckShape

_OLDEST_PYTHON = (3, 11)
_PACKAGES = ("llm-trading-council", "mcp", "openai", "alpaca-py", "asyncpg", "pydantic")
_CALENDAR_RESERVE = timedelta(days=365)
_SHOWN_OF_SECRET = 4
_PAPER_EQUITY_USD = Decimal(100_000)
_FULL_CONVICTION = 2


def program() -> Iterator[CheckShape]:
    """Check Python and the packages that matter."""
    fits = sys.version_info >= _OLDEST_PYTHON
    yield CheckShape(
        check="python",
        result="ok" if fits else "fail",
        message=f"{platform.python_version()} on {platform.system()}",
        mend="Install Python 3.11 or newer: `uv python install 3.12`.",
    )
    listed = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    yield CheckShape(check="packages", result="ok", message=listed)


def configuration(settings: Settings, config: Config) -> Iterator[CheckShape]:
    """Check the YAML files, the settings' sources, the mode and the exchange's hours."""
    folder = settings.council_config or "packaged"
    message = f"{folder}, {len(config.accounts)} accounts, {len(config.universe)} instruments, "
    yield CheckShape(
        check="configuration", result="ok", message=f"{message}hash {config.content_hash[:12]}"
    )
    yield from _sources(settings)
    yield from _sizing(config)
    yield from _limits(config.risk)
    yield _approving(settings, config.risk)
    yield _hours(settings)
    yield _trading_address(settings)


def _sources(settings: Settings) -> Iterator[CheckShape]:
    own_file = settings.council_home / "env"
    message = f"the environment, then {own_file}, then .env; home is {settings.council_home}"
    yield CheckShape(check="settings", result="ok", message=message)
    for warning in settings.warnings:
        yield CheckShape(
            check="settings", result="warn", message=warning, mend=f"chmod 600 {own_file}"
        )


def _sizing(config: Config) -> Iterator[CheckShape]:
    """Point at the rows of the conviction table that let a directional trade buy nothing."""
    if config.risk.sizing_policy is not SizingPolicy.CONVICTION_TABLE:
        yield CheckShape(check="sizing", result="ok", message=str(config.risk.sizing_policy))
        return
    empty = [row for row in config.risk.conviction_table if row.conviction and not row.share]
    for row in empty:
        yield CheckShape(
            check="sizing",
            result="warn",
            message=f"a trade at conviction {row.conviction:+} buys nothing",
            mend=f"risk.yaml, conviction_table, the row with conviction {row.conviction}: "
            "give it a share above 0 if that is not meant.",
        )
    if not empty:
        yield CheckShape(check="sizing", result="ok", message="every conviction has a size")


def _limits(risk: RiskFile) -> Iterator[CheckShape]:
    """Show the limits and point at sizes of the policy in force that would be refused by them."""
    limits, share = risk.limits, _largest_share(risk)
    yield CheckShape(check="limits", result="ok", message=_limits_line(limits))
    moved = share * (1 + risk.approval.price_band)
    if moved > limits.gross_exposure:
        yield _exceeded(
            "gross_exposure",
            f"a size of {share:.0%} of equity, {moved:.0%} at the edge of the price band, can "
            f"exceed limits.gross_exposure {limits.gross_exposure}",
        )
    worth = moved * _PAPER_EQUITY_USD
    if worth > limits.order_notional_usd:
        yield _exceeded(
            "order_notional_usd",
            f"a size of {share:.0%} of a paper account's {_PAPER_EQUITY_USD:,} USD, {moved:.0%} at "
            f"the edge of the price band, can exceed limits.order_notional_usd "
            f"{limits.order_notional_usd:,}",
        )


def _limits_line(limits: RiskLimits) -> str:
    return (
        f"positions up to {limits.gross_exposure} times the equity, one instrument a week, "
        f"{limits.order_notional_usd:,} USD an order, {limits.shares_a_day:,} shares a day, "
        f"quotes up to {limits.quote_age_seconds:g} s old, a halt after {limits.daily_loss:.1%} "
        f"lost in a day, shorts from {limits.short_minimum_equity_usd:,} USD of equity, "
        f"{limits.clock_skew_seconds:g} s between the clocks"
    )


def _largest_share(risk: RiskFile) -> Decimal:
    """Return the largest share of equity that the policy in force can ask for."""
    if risk.sizing_policy is SizingPolicy.CONVICTION_TABLE:
        return max((row.share for row in risk.conviction_table), default=Decimal(0))
    if risk.sizing_policy is SizingPolicy.LINEAR:
        return min(_FULL_CONVICTION * risk.linear_share_per_unit, Decimal(1))
    return Decimal(1)


def _exceeded(limit: str, message: str) -> CheckShape:
    mend = f"risk.yaml: lower the sizes or raise limits.{limit}; such an order is refused."
    return CheckShape(check="limits", result="warn", message=message, mend=mend)


def _approving(settings: Settings, risk: RiskFile) -> CheckShape:
    """Say how trades are approved; strict without a passphrase lets nobody approve anything."""
    mode, is_proven = risk.approval.mode, is_set(settings.council_home)
    secret = "a passphrase is set" if is_proven else "no passphrase is set"
    return CheckShape(
        check="approving",
        result="fail" if mode == "strict" and not is_proven else "ok",
        message=f"approval.mode is {mode}, {secret}",
        mend="`council passphrase`" if mode == "strict" else "",
    )


def _hours(settings: Settings) -> CheckShape:
    if settings.always_open:
        message = "COUNCIL_EXCHANGE_HOURS=always: the simulated exchange ignores market hours"
        mend = "Unset COUNCIL_EXCHANGE_HOURS for the hours of XNYS."
        return CheckShape(check="exchange hours", result="warn", message=message, mend=mend)
    return CheckShape(check="exchange hours", result="ok", message="XNYS, half days included")


def _trading_address(settings: Settings) -> CheckShape:
    try:
        checked_trading_url(settings.alpaca_trading_url)
    except CouncilError as error:
        mend = "unset ALPACA_TRADING_URL"
        return CheckShape(check="trading address", result="fail", message=str(error), mend=mend)
    return CheckShape(check="trading address", result="ok", message=settings.alpaca_trading_url)


def keys(settings: Settings, config: Config) -> Iterator[CheckShape]:
    """Check which keys are present; of each only the first characters are shown."""
    if settings.is_rehearsal:
        mend = "Set REQUESTY_API_KEY (and not COUNCIL_MODE=rehearsal) for language models."
        message = "rehearsal models answer, not language models"
        yield CheckShape(check="models", result="warn", message=message, mend=mend)
    else:
        shown = f"{settings.requesty_base_url} with key {_masked(settings.requesty_api_key)}"
        yield CheckShape(check="models", result="ok", message=shown)
    yield from research_services(settings, config)
    for account in config.accounts:
        yield _account_key(settings, account.nickname)
    yield from _keys_of_nobody(settings, config)


def research_services(settings: Settings, config: Config) -> Iterator[CheckShape]:
    """Say who will write each research pack; without a service's key it sees no live web."""
    for pack in config.models.research:
        if not pack.enabled or settings.is_rehearsal:
            continue
        used = [name for name in pack.services if name in settings.research_keys]
        if used:
            message = f"{' then '.join(used)}, then {pack.model} by prompt alone"
            yield CheckShape(check=f"research {pack.pack}", result="ok", message=message)
            continue
        wanted = " or ".join(f"{name.upper()}_API_KEY" for name in pack.services)
        yield CheckShape(
            check=f"research {pack.pack}",
            result="warn",
            message=f"{pack.model} writes it by prompt alone, without live web",
            mend=f"Set {wanted}." if wanted else "models.yaml: give the pack a service.",
        )


def gateway(found: Preflight) -> Iterator[CheckShape]:
    """Point at configured models that the gateway lacks; an account without any is a failure."""
    result: Literal["warn", "fail"] = "fail" if found.unserved else "warn"
    for notice in found.notices:
        mend = "models.yaml: name a model that the gateway lists, or set its id in `gateways`."
        yield CheckShape(check="gateway", result=result, message=notice, mend=mend)
    if not found.notices:
        listed = f"{found.catalog.gateway} lists every configured model"
        yield CheckShape(
            check="gateway", result="ok", message=f"{listed}, {len(found.catalog.models)} in all"
        )


def _account_key(settings: Settings, nickname: str) -> CheckShape:
    name, mend = (
        f"key {nickname}",
        f"Set ALPACA_{nickname}_KEY_ID and ALPACA_{nickname}_SECRET_KEY.",
    )
    try:
        credentials = settings.alpaca_credentials(nickname)
        if credentials is None:
            message = "no Alpaca key: the account trades on the simulated exchange"
            return CheckShape(check=name, result="warn", message=message, mend=mend)
        checked_key_id(credentials.key_id, nickname, venue_at(settings.alpaca_trading_url))
    except CouncilError as error:
        return CheckShape(check=name, result="fail", message=str(error), mend=mend)
    shown = credentials.key_id[:_SHOWN_OF_SECRET] + "..."
    return CheckShape(check=name, result="ok", message=f"paper key {shown} is set")


def _keys_of_nobody(settings: Settings, config: Config) -> Iterator[CheckShape]:
    """Point at keys that no account uses: a nickname may be misspelt."""
    known = [account.nickname for account in config.accounts]
    named = dict((*settings.alpaca_key_ids, *settings.alpaca_secret_keys))
    for nickname in sorted(set(named) - set(known)):
        message = f"ALPACA_{nickname}_KEY_ID or _SECRET_KEY is set, but no account is {nickname}"
        mend = f"Rename it for one of {', '.join(known)}, or unset it."
        yield CheckShape(check=f"key {nickname}", result="warn", message=message, mend=mend)


def _masked(secret: SecretStr | None) -> str:
    return (secret.get_secret_value()[:_SHOWN_OF_SECRET] if secret else "") + "..."


def calendar(now: datetime) -> CheckShape:
    """Check that the trading calendar reaches a year ahead."""
    enough = (now + _CALENDAR_RESERVE).date() <= LAST_DAY
    return CheckShape(
        check="calendar",
        result="ok" if enough else "fail",
        message=f"XNYS sessions are known until {LAST_DAY}",
        mend="Update the program.",
    )
