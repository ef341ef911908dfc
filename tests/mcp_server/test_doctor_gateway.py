"""What the doctor says of the models that the gateway lists."""

from council.llm.catalog import CatalogModel, GatewayCatalog
from council.llm.preflight import Preflight, asked_of, compared
from mcp_server.doctor_checks import gateway
from tests.builders import make_config

CONFIG = make_config()
MODELS = {own.model for own in asked_of(CONFIG).values()}


def looked(*missing: str) -> Preflight:
    listed = {model: CatalogModel() for model in MODELS - set(missing)}
    return compared(CONFIG, GatewayCatalog("router.invalid", listed))


def test_a_gateway_that_lists_everybody_is_one_line() -> None:
    (check,) = gateway(looked())

    assert (check.result, check.mend) == ("ok", None)
    assert check.message == f"router.invalid lists every configured model, {len(MODELS)} in all"


def test_an_account_without_any_listed_model_is_a_failure_with_its_mend() -> None:
    (check,) = gateway(looked("vendor-1/model-1"))

    assert check.result == "fail"
    assert check.message == (
        "router.invalid does not list vendor-1/model-1: BRAVO will hardly be answered for."
    )
    assert "models.yaml" in (check.mend or "")


def test_a_list_that_did_not_come_is_a_warning() -> None:
    found = Preflight(notices=("router.invalid did not say which models it serves (why).",))

    assert [check.result for check in gateway(found)] == ["warn"]
