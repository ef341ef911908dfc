"""Which role may append what, derived from the closed union of facts."""

import pytest

from council.events import FACTS
from council.grants import KINDS_OF, ApprovalMode, disagreement, grants_for
from council.trade_facts import (
    DriftAccepted,
    ExecutionStarted,
    LegIntended,
    SubmitAttempted,
    TradeApproved,
    TradingHalted,
    TradingResumed,
)
from store.grants import LC_APPROVER, LC_EXEC, LC_MCP, ROLES, Grant, RoleReading

MODES: tuple[ApprovalMode, ...] = ("conversational", "strict")


def granted(kind: type, mode: ApprovalMode) -> dict[str, tuple[str, ...] | None]:
    return {own.role: own.trusts for own in grants_for(mode) if own.kind == kind.__name__}


def reading(*grants: Grant, is_owner: bool = False, closed: tuple[str, ...] = ()) -> RoleReading:
    role = None if is_owner else LC_MCP
    return RoleReading("lc_mcp_council", is_owner, role, closed, grants)


@pytest.mark.parametrize("mode", MODES)
def test_every_kind_of_fact_is_granted_to_some_role_and_nothing_else_is(mode: ApprovalMode) -> None:
    grants = grants_for(mode)

    assert {own.kind for own in grants} == {fact.__name__ for fact in FACTS}
    assert {own.role for own in grants} == set(ROLES) == set(KINDS_OF)
    assert len({(own.role, own.kind) for own in grants}) == len(grants)


@pytest.mark.parametrize("kind", [TradingResumed, DriftAccepted])
@pytest.mark.parametrize("mode", MODES)
def test_only_a_person_resumes_and_accepts_a_drift(kind: type, mode: ApprovalMode) -> None:
    assert granted(kind, mode) == {LC_APPROVER: None}


def test_in_strict_mode_the_approver_alone_approves_and_with_the_secret_only() -> None:
    assert granted(TradeApproved, "strict") == {LC_APPROVER: ("human_direct",)}


def test_in_conversational_mode_a_models_server_may_relay_and_no_more() -> None:
    assert granted(TradeApproved, "conversational")[LC_MCP] == ("client_relayed",)
    assert set(granted(TradeApproved, "conversational")) == {LC_MCP, LC_APPROVER}


@pytest.mark.parametrize("kind", [LegIntended, SubmitAttempted, ExecutionStarted])
@pytest.mark.parametrize("mode", MODES)
def test_only_the_executor_begins_an_order(kind: type, mode: ApprovalMode) -> None:
    assert granted(kind, mode) == {LC_EXEC: None}


@pytest.mark.parametrize("mode", MODES)
def test_every_role_may_halt(mode: ApprovalMode) -> None:
    assert set(granted(TradingHalted, mode)) == set(ROLES)


@pytest.mark.parametrize("mode", MODES)
def test_no_script_counts_where_roles_are(mode: ApprovalMode) -> None:
    trusts = granted(TradeApproved, mode).values()

    assert not {"demo", "simulation"} & {trust for own in trusts for trust in own or ("demo",)}


@pytest.mark.parametrize("mode", MODES)
def test_grants_of_the_mode_in_force_let_everybody_start(mode: ApprovalMode) -> None:
    assert disagreement(reading(*grants_for(mode)), mode) is None
    assert disagreement(reading(), mode) is None


@pytest.mark.parametrize("is_owner", [True, False])
@pytest.mark.parametrize(
    ("granted_for", "mode", "word"),
    [("conversational", "strict", "may approve"), ("strict", "conversational", "may not approve")],
)
def test_grants_of_another_mode_stop_everybody_and_name_what_mends_it(
    granted_for: ApprovalMode, mode: ApprovalMode, word: str, *, is_owner: bool
) -> None:
    why = disagreement(reading(*grants_for(granted_for), is_owner=is_owner), mode)

    assert why is not None
    assert f"server {word}" in why
    assert f"`council db roles --mode {mode}`" in why


def test_grants_of_another_version_stop_the_roles_and_not_the_owner() -> None:
    older = grants_for("strict")[1:]

    assert "another version" in str(disagreement(reading(*older), "strict"))
    assert disagreement(reading(*older, is_owner=True), "strict") is None


def test_a_table_that_an_update_brought_is_named() -> None:
    why = disagreement(reading(*grants_for("strict"), closed=("answers",)), "strict")

    assert "may not read answers" in str(why)
