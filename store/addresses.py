"""Addresses of databases: another database of the same server, and a form that may be shown."""

from urllib.parse import SplitResult, quote, urlsplit, urlunsplit

from store.errors import DatabaseAddressRefused


def with_database(dsn: str, name: str) -> str:
    """Return `dsn` with its database replaced by `name`; user, host and options stay.

    Raises:
        DatabaseAddressRefused: `dsn` is no `postgresql://` address.
    """
    parts = _read(dsn)
    path = "/" + quote(name, safe="")
    # urlunsplit drops the two slashes of an address without a host.
    return urlunsplit((parts.scheme, parts.netloc or "@", path, parts.query, ""))


def checked(dsn: str) -> str:
    """Return `dsn` if it is a `postgresql://` address.

    Raises:
        DatabaseAddressRefused: it is none.
    """
    _read(dsn)
    return dsn


def shown(dsn: str) -> str:
    """Return host, port and database of `dsn` for a message: never its user or password."""
    try:
        parts = urlsplit(dsn)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "the database"
    host = parts.hostname or "the local server"
    return f"the database {parts.path.lstrip('/') or '(default)'} at {host}{port}"


def _read(dsn: str) -> SplitResult:
    try:
        parts = urlsplit(dsn)
        _ = parts.port  # Reading it is what checks it.
    except ValueError as error:
        raise DatabaseAddressRefused(
            "The host or port in the database's address cannot be read: correct DATABASE_URL."
        ) from error
    if parts.scheme not in {"postgresql", "postgres"}:
        raise DatabaseAddressRefused(
            "The database's address must begin with postgresql://: correct DATABASE_URL."
        )
    return parts
