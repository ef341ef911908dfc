"""Assembles a PostgreSQL address from DATABASE_HOST, _PORT, _NAME, _USER and _PASSWORD."""

from urllib.parse import quote

from config.errors import ConfigError


def database_address(
    host: str | None, port: int, name: str | None, *, user: str | None, password: str | None
) -> str | None:
    """Return `postgresql://…` with every part quoted, or None where no part is set.

    A host that starts with a slash is the folder of a Unix socket.

    Raises:
        ConfigError: parts are set, but one that they need is not; the message names the variable.
    """
    if host is name is user is password is None:
        return None
    host, name = _needed("DATABASE_HOST", host), _needed("DATABASE_NAME", name)
    login = _login(user, password)
    if host.startswith("/"):
        return f"postgresql://{login}/{_quoted(name)}?host={_quoted(host)}&port={port}"
    bracketed = f"[{host}]" if ":" in host else host
    return f"postgresql://{login}{bracketed}:{port}/{_quoted(name)}"


def _needed(variable: str, value: str | None) -> str:
    if value is None:
        raise ConfigError(
            f"{variable} is missing: set it, or DATABASE_URL instead, or unset the other parts."
        )
    return value


def _login(user: str | None, password: str | None) -> str:
    if password is None:
        return f"{_quoted(user)}@" if user is not None else ""
    return f"{_quoted(_needed('DATABASE_USER', user))}:{_quoted(password)}@"


def _quoted(part: str) -> str:
    return quote(part, safe="")
