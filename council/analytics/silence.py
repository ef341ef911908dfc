"""Which managers have been silent week after week: the others go on, but the owner is to know."""

from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Any

from council.model.measures import LongSilence

ALERT_WEEKS = 2
_ABSTAINED = "abstained"

Row = Mapping[str, Any]


def silent_managers(rows: Sequence[Row], accounts: Sequence[str]) -> tuple[LongSilence, ...]:
    """Return who of `accounts` was silent in the last two weeks that were run, or longer.

    `rows` are those of `pm_pitches`. Weeks that nobody ran do not count; a week before an account
    existed ends its silence.
    """
    by_key = {(row["week_id"], row["account_id"]): row for row in rows}
    weeks = sorted({row["week_id"] for row in rows}, reverse=True)
    found = (_silence(account, weeks, by_key) for account in accounts)
    return tuple(one for one in found if one is not None and one.weeks >= ALERT_WEEKS)


def silence_sentence(silence: LongSilence) -> str:
    """Return what the owner is told."""
    return (
        f"{silence.account} has given no pitch for {silence.weeks} weeks, since {silence.since} "
        f"({silence.reason.rstrip('.')}): look at its model in models.yaml and at the gateway."
    )


def _silence(
    account: str, weeks: Sequence[str], by_key: Mapping[tuple[str, str], Row]
) -> LongSilence | None:
    """Return the unbroken silence that lasts until the newest of `weeks`, if there is one."""
    nothing: Row = {"status": "absent"}
    own = [by_key.get((week_id, account), nothing) for week_id in weeks]
    silent = list(takewhile(lambda row: row["status"] == _ABSTAINED, own))
    if not silent:
        return None
    return LongSilence(
        account=account,
        weeks=len(silent),
        since=silent[-1]["week_id"],
        reason=silent[0]["abstention"],
    )
