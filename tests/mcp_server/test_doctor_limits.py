from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import pytest

from config.schema import ApprovalConfig, RiskLimits, SizingPolicy
from config.settings import Settings
from mcp_server.doctor_checks import configuration
from mcp_server.passphrase import Cost, set_passphrase
from mcp_server.shapes import CheckShape
from tests.builders import make_config, make_risk


def limits_checked(**risk: Any) -> list[CheckShape]:
    settings = Settings(council_home=Path("unused"))
    config = make_config().model_copy(update={"risk": make_risk(**risk)})
    return [check for check in configuration(settings, config) if check.check == "limits"]


def test_the_limits_stand_in_one_line() -> None:
    (line,) = limits_checked()

    assert line.result == "ok"
    for part in ("1 times the equity", "150,000 USD", "50,000 shares", "120 s", "5.0%", "2,000"):
        assert part in line.message


@pytest.mark.parametrize(
    ("risk", "limit"),
    [
        ({"limits": RiskLimits(order_notional_usd=Decimal(70_000))}, "order_notional_usd 70,000"),
        ({"limits": RiskLimits(gross_exposure=Decimal("0.75"))}, "gross_exposure 0.75"),
        ({"sizing_policy": SizingPolicy.VOLATILITY_TARGET}, "gross_exposure 1"),
        (
            {
                "sizing_policy": SizingPolicy.LINEAR,
                "limits": RiskLimits(gross_exposure=Decimal("0.5")),
            },
            "gross_exposure 0.5",
        ),
    ],
    ids=["notional", "gross", "volatility target", "linear"],
)
def test_a_size_that_a_limit_would_refuse_is_pointed_at(risk: dict[str, Any], limit: str) -> None:
    shown, warning = limits_checked(**risk)

    assert (shown.result, warning.result) == ("ok", "warn")
    assert f"can exceed limits.{limit}" in warning.message
    assert warning.mend is not None
    assert "risk.yaml" in warning.mend


def test_the_price_band_is_part_of_the_largest_size() -> None:
    limits = RiskLimits(gross_exposure=Decimal("0.8"))

    narrow = limits_checked(limits=limits)
    wide = limits_checked(limits=limits, approval=ApprovalConfig(price_band=Decimal("0.1")))

    assert (len(narrow), len(wide)) == (1, 2)


@pytest.mark.parametrize(
    ("mode", "is_set", "result"),
    [
        ("conversational", False, "ok"),
        ("conversational", True, "ok"),
        ("strict", True, "ok"),
        ("strict", False, "fail"),
    ],
)
def test_strict_without_a_passphrase_lets_nobody_approve(
    mode: Literal["conversational", "strict"], is_set: bool, result: str, tmp_path: Path
) -> None:
    if is_set:
        set_passphrase(tmp_path, "a passphrase", cost=Cost(log2_n=4, r=1, p=1))
    rules = ApprovalConfig(price_band=Decimal("0.02"), mode=mode)
    config = make_config().model_copy(update={"risk": make_risk(approval=rules)})

    checks = configuration(Settings(council_home=tmp_path), config)

    (line,) = [check for check in checks if check.check == "approving"]
    assert line.result == result
    assert f"approval.mode is {mode}, {'a' if is_set else 'no'} passphrase is set" in line.message
