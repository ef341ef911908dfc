"""What a process does and leaves to others, by the database role that its login belongs to.

Who has the owner's login does everything, as on a database without roles. The database would refuse
the rest anyway (LC003); what is said here is said before anything is tried.
"""

from dataclasses import replace
from typing import Final

from config.errors import RefusedError
from council.grants import ApprovalMode, disagreement
from mcp_server.standing import Standing
from store.errors import GrantsDisagree
from store.grants import LC_APPROVER, LC_EXEC, LC_MCP
from store.pool import StorePool
from store.role_reading import read_roles

_SENTENCES: Final = {
    LC_MCP: "This login (lc_mcp) proposes and stops: the orders are sent by `council executor` "
    "with the login of lc_exec, and a person decides with that of lc_approver.",
    LC_APPROVER: "This login (lc_approver) decides: tools and weeks need the login of lc_mcp, and "
    "orders that of lc_exec.",
    LC_EXEC: "This login (lc_exec) sends orders: tools and weeks need the login of lc_mcp, and a "
    "person decides with that of lc_approver.",
}


async def role_in(pool: StorePool, mode: ApprovalMode) -> str | None:
    """Return the role that the login belongs to; None for whoever may do everything.

    Raises:
        GrantsDisagree: the database's grants are not those of `mode`.
        StoreUnavailable: the database does not answer.
    """
    reading = await read_roles(pool)
    if (why := disagreement(reading, mode)) is not None:
        raise GrantsDisagree(why)
    return reading.role


def told_of(role: str | None, standing: Standing) -> Standing:
    """Return the standing with a sentence on what the role leaves to others."""
    if role is None:
        return standing
    return replace(standing, degraded=(*standing.degraded, _SENTENCES[role]))


def sends_orders(role: str | None) -> bool:
    """Whether a process of this role may write what orders need."""
    return role in {None, LC_EXEC}


def decides(role: str | None) -> bool:
    """Whether a person may decide in a process of this role."""
    return role in {None, LC_APPROVER}


def serves_tools(role: str | None) -> bool:
    """Whether a process of this role may do what the tools do."""
    return role in {None, LC_MCP}


def check_sends_orders(role: str | None) -> None:
    """Refuse to be the executor with a login that is not for it.

    Raises:
        RefusedError: naming the login that is.
    """
    if not sends_orders(role):
        raise RefusedError(f"No order is sent with the login of {role}: {_use(LC_EXEC)}.")


def check_serves_tools(role: str | None) -> None:
    """Refuse to serve tools with a login that is not for it.

    Raises:
        RefusedError: naming the login that is.
    """
    if not serves_tools(role):
        raise RefusedError(f"No tool is served with the login of {role}: {_use(LC_MCP)}.")


def check_serves_pages(role: str | None) -> None:
    """Refuse to serve over HTTP with the executor's login, which has no use there.

    Raises:
        RefusedError: naming the logins that have.
    """
    if role == LC_EXEC:
        raise RefusedError(
            "Nothing is served with the login of lc_exec: it runs `council executor`; the tools "
            "are served with the address in roles/lc_mcp, the page with that in roles/lc_approver."
        )


def _use(role: str) -> str:
    return f"set DATABASE_URL to the address in roles/{role} of COUNCIL_HOME"
