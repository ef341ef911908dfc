"""Who is recorded for what an assistant passes on over HTTP."""

from pathlib import Path

import pytest

from mcp_server.host import Host
from tests.browser.scene import store_week
from tests.mcp_server.conftest import OpenApp
from tests.mcp_server.test_tools import told
from tests.mcp_server.web import Mode, client, made_token, nothing, running

BY = "SELECT payload->>'approver' FROM events WHERE event_type = 'TradeRejected'"


@pytest.mark.parametrize("mode", ["auto", "legacy"])
@pytest.mark.parametrize(("has_token", "who"), [(True, "token its-approve"), (False, "mcp client")])
async def test_a_decision_is_recorded_under_the_name_of_its_token(
    open_app: OpenApp, tmp_path: Path, mode: Mode, *, has_token: bool, who: str
) -> None:
    token = made_token(tmp_path, "approve") if has_token else None
    host = Host(open_app, nothing)

    async with (
        running(tmp_path, host=host) as transport,
        client(transport, token, mode=mode) as its,
    ):
        app = await host.app()
        trade = (await store_week(app))[0].trade_id
        await told(its, "reject_trade", trade_id=str(trade), reason="Too much of it.")
        recorded = await app.pool.fetchval(BY)

    assert recorded == who
