"""What the log says of orders: each line by itself leads to its week, account and trade."""

import io
import json
from datetime import timedelta

import pytest

from config.logs import configure_logs
from council.trading.executor import run_until_settled
from tests.builders import WEEK_ID
from tests.council.trading.scenes import ACCOUNT, approved
from tests.fakes import make_deps


@pytest.fixture
def logged() -> io.StringIO:
    stream = io.StringIO()
    configure_logs("info", [], json=True, stream=stream)
    return stream


async def test_approval_and_order_are_of_the_same_week_in_the_log(logged: io.StringIO) -> None:
    deps = make_deps()

    ticket = await approved(deps)
    await run_until_settled(deps, [ACCOUNT], timeout=timedelta(minutes=1))
    await run_until_settled(deps, [ACCOUNT], timeout=timedelta(minutes=1))

    lines = [json.loads(line) for line in logged.getvalue().splitlines()]
    of_week = [line for line in lines if line.get("correlation_id") == f"week-{WEEK_ID}"]
    assert [line["event"] for line in of_week] == ["trade.approved", "executor.leg"]
    assert (of_week[1]["account"], of_week[1]["trade"]) == (ACCOUNT, str(ticket.trade_id))
    assert "filled" in of_week[1]["progress"]
