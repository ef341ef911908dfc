"""How backups are called, and which of them are kept: pure.

The name says of which database a file is and when it was made, so that nothing has to be opened and
files of others in the same folder are left alone.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

_WRITTEN: Final = "%Y%m%dT%H%M%SZ"
_NAME: Final = re.compile(r"(?P<database>.+)-(?P<at>\d{8}T\d{6}Z)\.tar")
_OTHERS: Final = re.compile(r"[^A-Za-z0-9_]")


def backup_name(database: str, at: datetime) -> str:
    """Return the name of a backup of `database` that is made `at`."""
    return f"{_OTHERS.sub('_', database)}-{at.astimezone(UTC).strftime(_WRITTEN)}.tar"


def made_at(name: str, database: str) -> datetime | None:
    """Return when the backup called `name` was made, or None where it is none of `database`."""
    found = _NAME.fullmatch(name)
    if found is None or found["database"] != _OTHERS.sub("_", database):
        return None
    return datetime.strptime(found["at"], _WRITTEN).replace(tzinfo=UTC)


def newest(names: Iterable[str], database: str) -> str | None:
    """Return the newest backup of `database` among `names`, if there is one."""
    return max((name for name in names if made_at(name, database)), default=None)


def superfluous(names: Iterable[str], database: str, *, daily: int, monthly: int) -> list[str]:
    """Return which of `names` go: all but the newest of the newest `daily` days and months.

    A day or month without a backup does not count, so that a machine that was off keeps as many.
    """
    dated = {name: at for name in names if (at := made_at(name, database)) is not None}
    ordered = sorted(dated, key=lambda name: dated[name])
    by_day = {dated[name].date(): name for name in ordered}
    by_month = {dated[name].strftime("%Y-%m"): name for name in ordered}
    kept = {*list(by_day.values())[-daily:], *list(by_month.values())[-monthly:]}
    return [name for name in ordered if name not in kept]
