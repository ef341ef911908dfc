"""Who may come in: requests prove themselves by Alpaca's two headers, sockets do it themselves."""

import hmac
from collections.abc import Sequence

from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from broker.exchange.state import ExchangeAccount
from config.errors import ConfigError

KEY_ID_PREFIX = "SIM"
_KEY_ID, _SECRET_KEY = b"apca-api-key-id", b"apca-api-secret-key"
_NO_KEY_PAGE = "<html><head><title>401 Authorization Required</title></head><body></body></html>"


class KeyRing:
    """The exchange's accounts by the key that opens each."""

    def __init__(self, accounts: Sequence[ExchangeAccount]) -> None:
        """Check the keys.

        Raises:
            ConfigError: A key id lacks the prefix SIM, or two accounts share a key or a number.
        """
        self._accounts = {account.key_id: account for account in _checked(accounts)}

    def account(self, key_id: object, secret_key: object) -> ExchangeAccount | None:
        """Return the account that this key opens, or None."""
        found = self._accounts.get(str(key_id))
        secret = str(secret_key).encode(errors="replace")
        is_right = found and hmac.compare_digest(secret, found.secret_key.encode())
        return found if is_right else None


class KeyGate:
    """Lets in requests with a known key and leaves their account in the request's state."""

    def __init__(self, app: ASGIApp, keys: KeyRing) -> None:
        self._app = app
        self._keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or turn it away; a socket passes."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        key_id, secret = headers.get(_KEY_ID, b""), headers.get(_SECRET_KEY, b"")
        account = self._keys.account(key_id.decode("latin-1"), secret.decode("latin-1"))
        if account is None:
            await _unauthorized(_KEY_ID in headers)(scope, receive, send)
            return
        scope.setdefault("state", {})["account"] = account
        await self._app(scope, receive, send)


def _unauthorized(has_key: bool) -> Response:
    """Answer as Alpaca does: no numeric code for a wrong key, a web page for none at all."""
    if has_key:
        return JSONResponse({"message": "unauthorized."}, status_code=401)
    return HTMLResponse(_NO_KEY_PAGE, status_code=401)


def _checked(accounts: Sequence[ExchangeAccount]) -> Sequence[ExchangeAccount]:
    for account in accounts:
        if not account.key_id.startswith(KEY_ID_PREFIX):
            raise ConfigError(
                f"The simulated exchange refuses the key id {account.key_id}: "
                f"its keys start with {KEY_ID_PREFIX}."
            )
    for name in ("key_id", "account_number"):
        if len({getattr(account, name) for account in accounts}) < len(accounts):
            raise ConfigError(
                f"Two accounts of the simulated exchange share one {name}: give each its own."
            )
    return accounts
