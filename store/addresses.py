"""Addresses of databases: another database of the same server, and a form that may be shown."""

from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from store.errors import DatabaseAddressRefused

_LOGIN = frozenset({"user", "password", "passfile"})


def with_database(dsn: str, name: str) -> str:
    """Return `dsn` with its database replaced by `name`; user, host and options stay.

    Raises:
        DatabaseAddressRefused: `dsn` is no `postgresql://` address.
    """
    parts = _read(dsn)
    path = "/" + quote(name, safe="")
    # urlunsplit drops the two slashes of an address without a host.
    return urlunsplit((parts.scheme, parts.netloc or "@", path, parts.query, ""))


def with_login(dsn: str, user: str, password: str) -> str:
    """Return `dsn` with its user and password replaced; host, database and options stay.

    Raises:
        DatabaseAddressRefused: `dsn` is no `postgresql://` address.
    """
    parts = _read(dsn)
    place = parts.netloc.rpartition("@")[2]
    login = f"{quote(user, safe='')}:{quote(password, safe='')}"
    # A login among the options would be taken instead of the one before the host.
    options = [(name, value) for name, value in parse_qsl(parts.query) if name not in _LOGIN]
    query = urlencode(options, safe="/")
    return urlunsplit((parts.scheme, f"{login}@{place}", parts.path, query, ""))


def without_password(dsn: str, instead: str = "") -> str:
    """Return `dsn` without its password, or with the word `instead` where one was.

    Raises:
        DatabaseAddressRefused: `dsn` is no `postgresql://` address.
    """
    parts = _read(dsn)
    login, _, place = parts.netloc.rpartition("@")
    user = login.split(":", 1)[0]
    if instead and password_in(dsn):
        user = f"{user}:{instead}"
    options = [(name, value) for name, value in parse_qsl(parts.query) if name != "password"]
    netloc = f"{user}@{place}" if user else place
    # urlunsplit drops the two slashes of an address without a host.
    query = urlencode(options, safe="/")
    return urlunsplit((parts.scheme, netloc or "@", parts.path, query, ""))


def password_in(dsn: str) -> str:
    """Return the password in `dsn`, "" where it has none.

    Raises:
        DatabaseAddressRefused: `dsn` is no `postgresql://` address.
    """
    parts = _read(dsn)
    return unquote(parts.password or "") or dict(parse_qsl(parts.query)).get("password", "")


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
