"""Setting up a database's roles: grants for one approval mode, and an address for each process.

An address holds a password, so it goes into a file of its owner alone and is told nobody.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from broker.exchange.schema import bring_up_to_date
from config.errors import ConfigError, CouncilError
from config.loader import load_config
from config.settings import Settings
from council.grants import ApprovalMode, grants_for
from mcp_server.private_files import alone_with, write_privately
from mcp_server.role_shapes import RoleShape, RolesShape
from mcp_server.wiring import opened_database
from store.addresses import shown
from store.errors import DatabaseAddressRefused, StorageRefused
from store.grants import LC_APPROVER, LC_EXEC, LC_MCP, ROLES
from store.migrate import migrate
from store.pool import connect
from store.role_reading import ways_around
from store.roles import login_name, new_login, set_up_roles

FOLDER: Final = "roles"
MAY: Final = {
    LC_MCP: "proposes and stops: `council serve` and `council mcp` for tools, weeks, jobs",
    LC_APPROVER: "decides: `council serve` for the page, `council approve` and the like",
    LC_EXEC: "sends orders and alerts: `council executor`",
}
_EMBEDDED: Final = (
    "The embedded server belongs to one user of this machine, whose programs may all be its owner: "
    "the grants are written, but bind nobody, and no address is given out. For roles that bind, "
    "set DATABASE_URL to a PostgreSQL server of its own."
)


async def roles_ready(settings: Settings, mode: ApprovalMode | None) -> RolesShape:
    """Bring roles, logins and grants to where `mode` (None: that of risk.yaml) wants them.

    Raises:
        StorageRefused: the login may not do that, or a role's login can get around its grants.
        ConfigError: a file cannot be read or written.
        UnreachableError: the database does not answer.
    """
    in_force: ApprovalMode = load_config(settings.council_config).risk.approval.mode
    wanted = mode or in_force
    is_embedded = settings.database_dsn is None
    async with opened_database(settings) as dsn:
        await migrate(dsn)
        await _make_exchange(dsn)
        await set_up_roles(dsn, grants_for(wanted))
        roles = [_unbound(role) for role in ROLES]
        if not is_embedded:
            folder = settings.council_home / FOLDER
            roles = [await _with_login(role, dsn, folder) for role in ROLES]
    notices = [_EMBEDDED] if is_embedded else []
    if wanted != in_force:
        notices.append(
            f"risk.yaml says approval.mode {in_force}: nothing starts on this database until it "
            f"says {wanted}."
        )
    return RolesShape(
        database="embedded" if is_embedded else "external",
        approval_mode=wanted,
        roles=tuple(roles),
        notices=tuple(notices),
        message=f"The database's roles are set up for approval.mode {wanted}.",
    )


async def _make_exchange(dsn: str) -> None:
    """Make the simulated exchange's tables, which no role may make for itself."""
    connection = await connect(dsn)
    try:
        await bring_up_to_date(connection)
    finally:
        await connection.close()


def _unbound(role: str) -> RoleShape:
    return RoleShape(role=role, may=MAY[role], login=None, address_file=None, is_new=False)


async def _with_login(role: str, dsn: str, folder: Path) -> RoleShape:
    """Keep the address that is written if it works, else make another, and check what it may do.

    Raises:
        StorageRefused: the login can get around its grants.
        ConfigError: the file cannot be written.
    """
    file, login = folder / role, login_name(role, dsn)
    with alone_with(file):
        is_new = not await _works(file, login, dsn)
        if is_new:
            write_privately(file, await new_login(dsn, role) + "\n")
        else:
            file.chmod(0o600)
    connection = await connect(dsn)
    try:
        ways = await ways_around(connection, login)
    finally:
        await connection.close()
    if ways:
        raise StorageRefused(
            f"The grants would not bind the login {login}, which {' and '.join(ways)}: take that "
            "from it, then run `council db roles` again."
        )
    return RoleShape(role=role, may=MAY[role], login=login, address_file=str(file), is_new=is_new)


async def _works(file: Path, login: str, dsn: str) -> bool:
    """Whether the address in `file` leads to the same database, as `login`."""
    address = _read(file)
    with suppress(DatabaseAddressRefused):
        if address is None or shown(address) != shown(dsn):
            return False
        try:
            connection = await connect(address)
        except CouncilError:
            return False
        try:
            return bool(await connection.fetchval("SELECT session_user = $1", login))
        finally:
            await connection.close()
    return False


def _read(file: Path) -> str | None:
    """Return the address in `file`, None where there is none.

    Raises:
        ConfigError: it is there and cannot be read.
    """
    try:
        return file.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else "odd"
        raise ConfigError(
            f"{file} cannot be read ({reason}): remove it, then try again."
        ) from error
