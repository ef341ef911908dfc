"""Tokens of the operator's own issuer: everything about them must be right."""

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from jwt.algorithms import ECAlgorithm

from config.errors import ConfigError
from config.settings import load_settings
from mcp_server.web.serving import signed_tokens
from mcp_server.web.verifiers import JwtVerifier

ISSUER, RESOURCE = "https://login.example", "http://127.0.0.1:8931/mcp"
KEY, OTHER_KEY = generate_private_key(SECP256R1()), generate_private_key(SECP256R1())
KEYS_URL = "https://login.example/keys"


class Keys(jwt.PyJWKClient):
    """Publishes the issuer's key without a network; counts how often it was fetched."""

    fetched = 0
    is_away = False

    def fetch_data(self) -> Any:
        self.fetched += 1
        if self.is_away:
            raise jwt.PyJWKClientConnectionError("no route")
        published = {**ECAlgorithm.to_jwk(KEY.public_key(), as_dict=True), "kid": "1"}
        keys = {"keys": [{**published, "use": "sig", "alg": "ES256"}]}
        assert self.jwk_set_cache is not None
        self.jwk_set_cache.put(keys)
        return keys


def verifier(keys: Keys | None = None) -> JwtVerifier:
    return JwtVerifier(ISSUER, RESOURCE, keys or Keys(KEYS_URL), resource=RESOURCE)


def signed(key: Any = KEY, algorithm: str = "ES256", *, kid: str = "1", **claims: Any) -> str:
    """Return a token in which all is right, but for `claims`; one that is None is left out."""
    right = {
        "iss": ISSUER,
        "aud": RESOURCE,
        "sub": "ann@example",
        "exp": datetime.now(UTC) + timedelta(minutes=5),
        "scope": "openid council:run",
    }
    kept = {name: value for name, value in {**right, **claims}.items() if value is not None}
    return jwt.encode(kept, key, algorithm=algorithm, headers={"kid": kid})


@pytest.mark.parametrize(
    "claims",
    [{}, {"aud": ["other", RESOURCE]}, {"scope": None, "scp": ["council:read", "council:run"]}],
)
async def test_a_right_token_says_who_it_is_and_what_it_may(claims: dict[str, Any]) -> None:
    access = await verifier().verify_token(signed(**claims))

    assert access is not None
    assert (access.subject, access.resource) == ("ann@example", RESOURCE)
    assert access.scopes == ["council:read", "council:run"]
    assert access.token == ""


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example"},
        {"iss": None},
        {"aud": "https://other.example/mcp"},
        {"aud": None},
        {"exp": datetime.now(UTC) - timedelta(minutes=5)},
        {"exp": None},
        {"nbf": datetime.now(UTC) + timedelta(days=1)},
        {"sub": None},
        {"sub": "x" * 101},
        {"sub": "ann\nbob"},
        {"key": OTHER_KEY},
    ],
    ids="-".join,
)
async def test_a_token_with_one_thing_wrong_is_nobodys(claims: dict[str, Any]) -> None:
    assert await verifier().verify_token(signed(**claims)) is None


async def test_a_token_signed_with_the_public_key_as_a_secret_is_nobodys() -> None:
    forged = signed(key="a secret of thirty-two characters", algorithm="HS256")

    assert await verifier().verify_token(forged) is None


async def test_a_token_without_a_signature_is_nobodys() -> None:
    header, payload, _ = signed().split(".")
    none = base64.urlsafe_b64encode(json.dumps({"alg": "none", "kid": "1"}).encode()).decode()

    assert await verifier().verify_token(f"{none.rstrip('=')}.{payload}.") is None
    assert await verifier().verify_token(f"{header}.{payload}.") is None


@pytest.mark.parametrize("text", ["", ".", "..", "a.b.c", "council_x", "\x00", "ü.ü.ü", "a" * 9999])
async def test_what_is_no_token_is_nobodys_and_nothing_worse(text: str) -> None:
    assert await verifier().verify_token(text) is None


async def test_a_token_without_our_scopes_may_nothing() -> None:
    access = await verifier().verify_token(signed(scope="openid admin"))

    assert access is not None
    assert access.scopes == []


async def test_the_keys_are_kept_and_many_strangers_do_not_make_us_fetch_them_each_time() -> None:
    keys = Keys(KEYS_URL)
    its = verifier(keys)

    for _ in range(5):
        assert await its.verify_token(signed()) is not None
        assert await its.verify_token(signed(kid="2")) is None

    assert keys.fetched <= 2


async def test_while_the_issuer_is_away_nobody_is_known() -> None:
    keys = Keys(KEYS_URL)
    keys.is_away = True

    assert await verifier(keys).verify_token(signed()) is None


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"COUNCIL_TOKEN_ISSUER": ISSUER}, "COUNCIL_TOKEN_KEYS_URL is missing"),
        ({"COUNCIL_TOKEN_KEYS_URL": KEYS_URL}, "COUNCIL_TOKEN_ISSUER is missing"),
        (
            {"COUNCIL_TOKEN_ISSUER": ISSUER, "COUNCIL_TOKEN_KEYS_URL": "http://login.example/k"},
            "must begin with https",
        ),
    ],
)
def test_half_an_issuer_is_a_mistake_of_the_operator(
    tmp_path: Path, variables: dict[str, str], says: str
) -> None:
    settings = load_settings({"COUNCIL_HOME": str(tmp_path), **variables}, directory=tmp_path)

    with pytest.raises(ConfigError, match=says):
        signed_tokens(settings, RESOURCE)


def test_without_an_issuer_only_our_own_tokens_count(tmp_path: Path) -> None:
    settings = load_settings({"COUNCIL_HOME": str(tmp_path)}, directory=tmp_path)

    assert signed_tokens(settings, RESOURCE) is None
