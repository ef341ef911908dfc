"""Runs as tasks of the Tasks extension: durable handles that any server serves."""

from typing import Any, Literal

import mcp
import pytest
from mcp.client import advertise
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolRequestParams, Request, RequestParams, Result
from pydantic import ConfigDict

from config.errors import UnreachableError
from mcp_server import operations
from mcp_server.run_tasks import RunTasks
from mcp_server.server import Serving, server_of
from mcp_server.tasks import TASKS
from tests.mcp_server.conftest import OpenApp
from tests.mcp_server.held import Gate, held, quick_server
from tests.mcp_server.test_tools import told

MISSING_CAPABILITY, INVALID_PARAMS, METHOD_NOT_FOUND = -32021, -32602, -32601
PITCHING = frozenset({"pitch"})
LOOKS = 1_000


class OpenResult(Result):
    """Whatever comes back, as it stood on the wire."""

    model_config = ConfigDict(extra="allow")


class OpenParams(RequestParams):
    """Whatever is sent."""

    model_config = ConfigDict(extra="allow")


class TaskRequest(Request[OpenParams, str]):
    """Any method about a task."""

    method: str
    params: OpenParams
    name_param = "taskId"


class CallRequest(Request[CallToolRequestParams, Literal["tools/call"]]):
    """A call whose result may be a handle."""

    method: Literal["tools/call"] = "tools/call"
    params: CallToolRequestParams


def with_tasks(server: Any) -> mcp.Client:
    return mcp.Client(server, extensions=[advertise(TASKS)])


async def asked(client: mcp.Client, method: str, task_id: str, **more: Any) -> dict[str, Any]:
    request = TaskRequest(method=method, params=OpenParams(taskId=task_id, **more))
    answer = await client.session.send_request(request, OpenResult)
    return answer.model_dump(by_alias=True, exclude_none=False)


async def called(client: mcp.Client, tool: str, **arguments: Any) -> dict[str, Any]:
    params = CallToolRequestParams(name=tool, arguments=arguments)
    answer = await client.session.send_request(CallRequest(params=params), OpenResult)
    return answer.model_dump(by_alias=True)


async def completed(client: mcp.Client, task_id: str) -> dict[str, Any]:
    for _ in range(LOOKS):
        task = await asked(client, "tasks/get", task_id)
        if task["status"] != "working":
            break
    return task


async def test_a_run_in_flight_is_answered_with_a_handle_and_ends_with_the_tools_result(
    open_app: OpenApp,
) -> None:
    gate = Gate(PITCHING)

    async with with_tasks(quick_server(held(open_app, gate))) as client:
        handle = await called(client, "run_weekly")
        working = await asked(client, "tasks/get", handle["taskId"])
        gate.opened.set()
        task = await completed(client, handle["taskId"])
        run = await client.call_tool("get_run", {"run_id": handle["taskId"]})
        await asked(client, "tasks/cancel", handle["taskId"])
        too_late = await asked(client, "tasks/get", handle["taskId"])

    assert (handle["resultType"], handle["status"], handle["ttlMs"]) == ("task", "working", None)
    assert working["createdAt"] == handle["createdAt"] == task["createdAt"]
    assert (working["status"], "result" in working) == ("working", False)
    assert (task["status"], task["resultType"]) == ("completed", "complete")
    assert too_late["status"] == "completed"
    assert task["result"]["structuredContent"] == run.structured_content
    assert len(task["result"]["structuredContent"]["trades"]) == 6


async def test_a_finished_run_is_answered_at_once_without_a_handle(open_app: OpenApp) -> None:
    async with open_app() as app:
        await operations.run_until(app, "propose", week_id=None, query=None)

    async with with_tasks(quick_server(open_app)) as client:
        answer = await called(client, "synthesize")

    assert answer["resultType"] == "complete"
    assert answer["structuredContent"]["state"] == "finished"


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_who_does_not_declare_the_extension_gets_no_handle(
    open_app: OpenApp, mode: Literal["auto", "legacy"]
) -> None:
    gate = Gate(PITCHING)

    async with mcp.Client(quick_server(held(open_app, gate)), mode=mode) as client:
        run = await told(client, "run_weekly")
        with pytest.raises(MCPError) as refused:
            await asked(client, "tasks/get", run["run_id"])

    assert run["state"] == "running"
    expected = {"auto": MISSING_CAPABILITY, "legacy": METHOD_NOT_FOUND}
    assert refused.value.error.code == expected[mode]


async def test_another_server_serves_the_task_of_one_that_has_ended(open_app: OpenApp) -> None:
    gate = Gate(PITCHING)
    async with with_tasks(quick_server(held(open_app, gate))) as first:
        handle = await called(first, "run_weekly")
        await gate.waiting.wait()

    async with with_tasks(quick_server(open_app)) as second:
        task = await completed(second, handle["taskId"])

    assert task["status"] == "completed"
    assert task["createdAt"] == handle["createdAt"]


async def test_cancelling_a_task_stops_the_run_after_the_stage_in_flight(
    open_app: OpenApp,
) -> None:
    gate = Gate(PITCHING)

    async with with_tasks(quick_server(held(open_app, gate))) as client:
        handle = await called(client, "run_weekly")
        await gate.waiting.wait()
        cancelled = await asked(client, "tasks/cancel", handle["taskId"])
        at_once = await asked(client, "tasks/get", handle["taskId"])
        gate.opened.set()
        run = await pitched(client, handle["taskId"])
        again = await asked(client, "tasks/cancel", handle["taskId"])

    assert set(cancelled) == set(again) == {"resultType", "_meta"}
    assert at_once["status"] == "cancelled"
    assert run["state"] == "cancelled"
    assert run["completed"] == ["snapshot", "research", "pitch"]
    assert "run_weekly goes on" in run["next_step"]
    assert gate.asked["peer_review"] == 0


async def pitched(client: mcp.Client, run_id: str) -> dict[str, Any]:
    """Wait until the stage in flight is stored; return the run."""
    for _ in range(LOOKS):
        run = await told(client, "get_run", run_id=run_id, wait_seconds=0)
        if "pitch" in run["completed"]:
            break
    return run


async def test_a_run_asked_for_again_is_another_task_and_the_first_stays_cancelled(
    open_app: OpenApp,
) -> None:
    gate = Gate(PITCHING)

    async with with_tasks(quick_server(held(open_app, gate))) as client:
        first = await called(client, "run_weekly")
        await asked(client, "tasks/cancel", first["taskId"])
        second = await called(client, "run_weekly")
        gate.opened.set()
        task = await completed(client, second["taskId"])
        old = await asked(client, "tasks/get", first["taskId"])
        with pytest.raises(MCPError, match="There is no task"):
            await asked(client, "tasks/get", f"{first['taskId']}~1")

    assert second["taskId"] == f"{first['taskId']}~2"
    assert (task["status"], old["status"]) == ("completed", "cancelled")


async def test_steps_and_questions_have_handles_too(open_app: OpenApp) -> None:
    gate = Gate()
    question = {"question": "Is gold a hedge?"}

    async with with_tasks(quick_server(held(open_app, gate))) as client:
        research = await called(client, "run_research")
        asking = await called(client, "ask_council", **question)
        updated = await asked(client, "tasks/update", asking["taskId"], inputResponses={})
        gate.opened.set()
        packs = await completed(client, research["taskId"])
        answer = await completed(client, asking["taskId"])
        research_again = await told(client, "run_research")
        asked_again = await told(client, "ask_council", **question)

    assert updated["resultType"] == "complete"
    assert packs["result"]["structuredContent"] == research_again
    assert answer["result"]["structuredContent"] == asked_again


async def test_a_run_that_fails_completes_its_task_with_the_tools_error(open_app: OpenApp) -> None:
    gate = Gate(frozenset({"prices"}), failure=UnreachableError("The venue is away."))

    async with with_tasks(quick_server(held(open_app, gate))) as client:
        handle = await called(client, "run_research")
        gate.opened.set()
        task = await completed(client, handle["taskId"])
        tries = gate.asked["prices"]
        again = await asked(client, "tasks/get", handle["taskId"])

    assert (task["status"], again["status"]) == ("completed", "completed")
    assert gate.asked["prices"] == tries
    assert task["result"]["isError"]
    assert "The venue is away" in task["result"]["content"][0]["text"]


async def test_a_run_whose_handle_cannot_be_read_is_answered_without_one(
    open_app: OpenApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise UnreachableError("The database does not answer.")

    monkeypatch.setattr(RunTasks, "opened", away)

    async with with_tasks(quick_server(held(open_app, Gate(PITCHING)))) as client:
        answer = await called(client, "run_weekly")

    assert answer["resultType"] == "complete"
    assert answer["structuredContent"]["state"] == "running"


async def test_what_nobody_asked_for_is_no_task(open_app: OpenApp) -> None:
    unknown = ("nonsense", "run-2026-11-18", "run-2026-11-18~2", "run-2026-11-19", "x" * 10_000)
    codes = set()

    async with with_tasks(quick_server(open_app)) as client:
        for method in ("tasks/get", "tasks/update", "tasks/cancel"):
            for task_id in unknown:
                with pytest.raises(MCPError) as refused:
                    await asked(client, method, task_id)
                codes.add(refused.value.error.code)

    assert codes == {INVALID_PARAMS}


async def test_removed_methods_stay_unknown_and_a_reading_server_has_no_tasks() -> None:
    def never() -> Any:
        raise AssertionError("nothing is opened")

    reading = server_of(never, Serving(read_only=True))

    async with with_tasks(quick_server(never)) as client:
        for method in ("tasks/list", "tasks/result"):
            with pytest.raises(MCPError) as refused:
                await asked(client, method, "run-2026-11-18")
            assert refused.value.error.code == METHOD_NOT_FOUND
    assert TASKS not in {extension.identifier for extension in reading._extensions}
