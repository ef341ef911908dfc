"""Every secret that the settings can hold is one that logs and bundles hide."""

from pathlib import Path
from typing import get_args

import pytest
from pydantic import SecretStr

from config.settings import Settings, load_settings

CANARY = "postgresql://me:canary-0123456789abcdef0123456789@host/x"
FIELDS = sorted(
    name
    for name, field in Settings.model_fields.items()
    if SecretStr in (field.annotation, *get_args(field.annotation))
    or "SecretStr" in str(field.annotation)
)


@pytest.mark.parametrize("name", FIELDS)
def test_every_secret_field_is_among_the_secret_values(name: str, tmp_path: Path) -> None:
    variables = {"COUNCIL_HOME": str(tmp_path), **variables_of(name)}

    secrets = load_settings(variables, directory=tmp_path).secret_values()

    assert CANARY in secrets


def variables_of(name: str) -> dict[str, str]:
    """Return the environment in which a field holds the canary."""
    if name.startswith("alpaca_"):
        other = "SECRET_KEY" if name == "alpaca_key_ids" else "KEY_ID"
        half = "KEY_ID" if name == "alpaca_key_ids" else "SECRET_KEY"
        return {f"ALPACA_CHATGPT_{half}": CANARY, f"ALPACA_CHATGPT_{other}": "PK"}
    return {name.upper(): CANARY}


def test_the_fields_that_hold_secrets_are_found() -> None:
    assert {"requesty_api_key", "database_url", "council_alert_urls", "alpaca_key_ids"} <= {*FIELDS}
