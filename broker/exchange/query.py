"""Query parameters as values; whatever cannot be read is refused by name with 422."""

import re
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from uuid import UUID

from starlette.requests import Request

from broker.exchange.errors import RequestRefused
from broker.exchange.rules import BAD_FIELD
from broker.exchange.state import ExchangeAccount
from broker.exchange.wire import parsed_instant

_DIGITS = re.compile(r"[0-9]{1,9}")


def account_of(request: Request) -> ExchangeAccount:
    """Return the account whose keys came with the request."""
    account: ExchangeAccount = request.state.account
    return account


def choice(request: Request, name: str, allowed: Sequence[str]) -> str:
    """Return one of `allowed`, the first of them where nothing is said."""
    value = request.query_params.get(name) or allowed[0]
    if value not in allowed:
        raise bad_field(f"invalid {name}: {value}")
    return value


def instant_or_none(request: Request, name: str) -> datetime | None:
    """Return an instant; a bare date is midnight UTC."""
    text = request.query_params.get(name)
    return parsed_instant(text, name) if text else None


def day_or(request: Request, name: str, default: date) -> date:
    """Return a date; an instant counts as its day in its own zone."""
    text = request.query_params.get(name)
    return parsed_instant(text, name).date() if text else default


def count(request: Request, name: str, *, most: int, default: int) -> int:
    """Return a whole number from 1 to `most`."""
    text = request.query_params.get(name)
    number = whole_number(text) if text else default
    if not 1 <= number <= most:
        raise bad_field(f"{name} must be from 1 to {most}")
    return number


def whole_number(text: str) -> int:
    """Return the number that at most nine digits write, 0 for any other text."""
    return int(text) if _DIGITS.fullmatch(text) else 0


def words(request: Request, name: str) -> tuple[str, ...]:
    """Return a list: comma separated, or the parameter given several times."""
    texts = request.query_params.getlist(name)
    if not all(text.isprintable() for text in texts):
        raise bad_field(f"invalid {name}")
    return tuple(word for text in texts for word in text.split(",") if word)


def flag(request: Request, name: str) -> bool:
    """Return a truth value; Python's spelling of it is one too."""
    text = request.query_params.get(name, "false").lower()
    if text not in {"true", "false"}:
        raise bad_field(f"invalid {name}: {text}")
    return text == "true"


def amount_or_none(request: Request, name: str, *, most: int) -> Decimal | None:
    """Return a number above zero and up to `most`, of at most nine decimals."""
    text = request.query_params.get(name)
    if not text:
        return None
    try:
        amount = Decimal(text)
    except InvalidOperation as error:
        raise bad_field(f"invalid {name}: {text}") from error
    if not (amount.is_finite() and 0 < amount <= most and amount == round(amount, 9)):
        raise bad_field(f"invalid {name}: {text}")
    return amount


def id_or_none(request: Request, name: str) -> UUID | None:
    """Return a UUID."""
    text = request.query_params.get(name)
    try:
        return UUID(text) if text else None
    except ValueError as error:
        raise bad_field(f"invalid {name}: {text}") from error


def bad_field(message: str) -> RequestRefused:
    """Return the refusal of a parameter."""
    return RequestRefused(422, BAD_FIELD, message)
