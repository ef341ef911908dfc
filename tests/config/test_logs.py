import io
import json
import logging

import pytest
import structlog

from config.logs import configure_logs
from config.masking import Mask

SECRET = 'p"w\\d and more'


def configured(*, json: bool = False, level: str = "info") -> io.StringIO:
    stream = io.StringIO()
    configure_logs(level, [SECRET], json, stream=stream)
    return stream


@pytest.mark.parametrize("as_json", [False, True])
def test_a_secret_shows_up_nowhere_in_a_line(as_json: bool) -> None:
    stream = configured(json=as_json)

    structlog.get_logger("council").info(
        f"with {SECRET}", nested=[{"deep": (f"x{SECRET}x", SECRET.encode())}], **{SECRET: 1}
    )

    assert "and more" not in stream.getvalue()
    assert "***" in stream.getvalue()


@pytest.mark.parametrize("as_json", [False, True])
def test_a_secret_in_a_traceback_is_masked(as_json: bool) -> None:
    stream = configured(json=as_json)

    try:
        raise ValueError(f"refused {SECRET}")
    except ValueError:
        structlog.get_logger("council").exception("failed")
        logging.getLogger("uvicorn.error").exception("failed too with %s", SECRET)

    assert "and more" not in stream.getvalue()
    assert stream.getvalue().count("Traceback") == 2


@pytest.mark.parametrize("as_json", [False, True])
def test_a_list_of_header_pairs_is_masked(as_json: bool) -> None:
    stream = configured(json=as_json)

    structlog.get_logger("council").info("sent", headers=[("APCA-API-SECRET-KEY", "unheard-of")])

    assert "unheard-of" not in stream.getvalue()


def test_a_secret_that_is_a_number_is_masked_as_a_number_too() -> None:
    assert Mask(["12345678"]).value({"x": 12345678, "y": 1, "z": None}) == {
        "x": "***",
        "y": 1,
        "z": None,
    }


def test_the_longer_of_two_secrets_is_masked_as_a_whole() -> None:
    assert Mask(["abcd", "abcd-efgh"]).text("<abcd-efgh>") == "<***>"


def test_stdlib_loggers_share_the_line_format() -> None:
    stream = configured(json=True)

    logging.getLogger("alpaca").warning("slow", extra={"password": "x", "seconds": 3})

    line = json.loads(stream.getvalue())
    assert (line["event"], line["level"], line["logger"]) == ("slow", "warning", "alpaca")
    assert (line["password"], line["seconds"]) == ("***", 3)


def test_libraries_are_heard_from_warnings_on() -> None:
    stream = configured()

    logging.getLogger("httpx2").info("HTTP Request: GET …")
    logging.getLogger("uvicorn.error").info("Started server process")
    logging.getLogger("council").debug("too fine")

    assert stream.getvalue() == ""


def test_configuring_twice_leaves_one_handler() -> None:
    configured()
    stream = configured()

    logging.getLogger("council").warning("once")

    assert stream.getvalue().count("once") == 1


@pytest.mark.parametrize(
    "text",
    [
        "key rqsty-sk-KEYKEYKEYKEY is wrong",
        "key PKKEYKEYKEYKEYKEYKEY is wrong",
        "key pplx-KEYKEYKEYKEY is wrong",
        "key AIzaKEYKEYKEYKEYKEYKEYKEYKEY is wrong",
        "Authorization: Bearer KEY",
        "{'Authorization': 'Bearer KEY'}",
        '{"APCA-API-SECRET-KEY": "KEY"}',
        "[(b'authorization', b'Basic KEY')]",
        "sent bearer KEYKEYKEYKEY",
        "postgresql://me:KEY@host/x",
    ],
)
def test_what_looks_like_a_key_is_masked_without_being_known(text: str) -> None:
    assert "KEY" not in Mask([]).text(text).replace("SECRET-KEY", "")


@pytest.mark.parametrize("text", ["SPY 100 shares", "PACKAGE", "task-123", "token_count=5"])
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert Mask(["ab", ""]).text(text) == text
