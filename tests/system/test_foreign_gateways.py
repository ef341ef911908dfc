"""A whole week against gateways of other makers, with the same client and its cost from them."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from tests.system import foreign_gateways as foreign
from tests.system.chat_gateway import ChatGateway, running_gateway

pytestmark = pytest.mark.slow
CALLS_IN_A_WEEK = 2 + 5 + 5 + 1


@asynccontextmanager
async def behind_litellm(taught: ChatGateway, folder: Path) -> AsyncIterator[str]:
    models = list(dict.fromkeys(call.model for call in taught.calls))
    own = ChatGateway(cost_usd=foreign.COST_USD)
    async with running_gateway(own) as behind, foreign.litellm(behind, models, folder) as address:
        yield address


@pytest.mark.parametrize(
    ("opened", "mode"),
    [
        pytest.param(
            foreign.aimock,
            "json_object",  # its list of models says nothing of schemas
            id="aimock",
            marks=pytest.mark.skipif(not foreign.has_aimock(), reason="llmock is not on the path"),
        ),
        pytest.param(
            behind_litellm,
            "strict",
            id="litellm",
            marks=pytest.mark.skipif(
                not foreign.has_litellm(), reason="litellm is not on the path"
            ),
        ),
    ],
)
async def test_a_week_runs_on_a_gateway_that_nobody_here_wrote(
    database_dsn: str,
    tmp_path: Path,
    opened: Callable[[ChatGateway, Path], AbstractAsyncContextManager[str]],
    mode: str,
) -> None:
    taught = await foreign.taught_by(await foreign.fresh(database_dsn), tmp_path)

    async with opened(taught, foreign.folder_in(tmp_path, "gateway")) as address:
        week = await foreign.week_against(address, database_dsn, tmp_path)

    document, calls = week.document(), await foreign.calls_in(database_dsn)
    assert (len(document["research"]), len(document["pitches"]), document["reviews"]) == (2, 5, 20)
    assert document["decision"] is not None
    assert calls["calls"] == CALLS_IN_A_WEEK
    assert calls["modes"] == {mode: CALLS_IN_A_WEEK}
    assert calls["sources"] == {"provider": CALLS_IN_A_WEEK}
    assert document["cost_usd"] == pytest.approx(CALLS_IN_A_WEEK * foreign.COST_USD)
