"""What a caller may do: three scopes, each holding those before it, and their names in tokens."""

from collections.abc import Iterable
from typing import Final, Literal

Scope = Literal["read", "run", "approve"]
"""What a caller must be allowed to do; each holds those before it."""

SCOPES: Final[tuple[Scope, ...]] = ("read", "run", "approve")


def full_name(scope: Scope) -> str:
    """Return the scope as tokens carry it, such as "council:read"."""
    return f"council:{scope}"


def held_by(names: Iterable[str]) -> Scope | None:
    """Return the widest of our scopes in a token's `names`; None where there is none."""
    carried = set(names)
    return next((scope for scope in reversed(SCOPES) if full_name(scope) in carried), None)


def with_narrower(scope: Scope) -> tuple[Scope, ...]:
    """Return `scope` and those that it holds, the narrowest first."""
    return SCOPES[: SCOPES.index(scope) + 1]
