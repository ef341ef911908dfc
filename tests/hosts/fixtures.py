"""What the conformance suite asks a server to offer beside its own: contents, forms, rounds.

They are added to the real server, so that its request states, doors and extensions are what the
suite's answers go through. Names and texts are the suite's.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from mcp.server.mcpserver import Elicit, ElicitationResult, MCPServer, Resolve
from mcp.server.mcpserver.context import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.prompts.base import UserMessage
from mcp.server.mcpserver.resolve import Sample
from mcp_types import (
    AudioContent,
    CallToolResult,
    CreateMessageRequest,
    CreateMessageRequestParams,
    CreateMessageResult,
    ElicitRequest,
    ElicitRequestFormParams,
    EmbeddedResource,
    ImageContent,
    InputRequest,
    InputRequiredResult,
    ListRootsRequest,
    SamplingMessage,
    TextContent,
    TextResourceContents,
)
from pydantic import BaseModel, Field, JsonValue

from tests.hosts.timed_tasks import AFTER_A_FORM, TOOLS, begun

_PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5Erk"
    "Jggg=="
)
_SILENCE = base64.b64encode(
    b"RIFF$\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0@\x1f\0\0@\x1f\0\0\1\0\x08\0data\0\0\0\0"
).decode()

_DESCRIPTION = "A fixture of the conformance suite."
_Answer = CallToolResult | InputRequiredResult


def add_fixtures(server: MCPServer[Any]) -> None:
    """Register everything that the suite's scenarios call."""
    tools: dict[str, Any] = {name: _told(content) for name, content in _CONTENTS.items()}
    tools |= {f"test_input_required_result_{n}": _asking(r) for n, r in _ROUNDS.items()}
    tools |= _CALLS | TOOLS | {AFTER_A_FORM: _asks_then_takes_long}
    for name, tool in tools.items():
        server.add_tool(tool, name=name, description=_DESCRIPTION, structured_output=False)
    _add_resources(server)
    _add_prompts(server)


def _embedded(uri: str, text: str, kind: str = "text/plain") -> EmbeddedResource:
    return EmbeddedResource(resource=TextResourceContents(uri=uri, mime_type=kind, text=text))


def _text(text: str) -> TextContent:
    return TextContent(text=text)


_IMAGE = ImageContent(data=_PIXEL, mime_type="image/png")
_CONTENTS: Mapping[str, Sequence[Any]] = {
    "test_simple_text": (_text("This is a simple text response for testing."),),
    "test_image_content": (_IMAGE,),
    "test_audio_content": (AudioContent(data=_SILENCE, mime_type="audio/wav"),),
    "test_embedded_resource": (
        _embedded("test://embedded-resource", "This is an embedded resource content."),
    ),
    "test_multiple_content_types": (
        _text("Multiple content types test:"),
        _IMAGE,
        _embedded("test://mixed-content-resource", '{"test": "data"}', "application/json"),
    ),
}


def _told(content: Sequence[Any]) -> Any:
    async def tell() -> CallToolResult:
        return CallToolResult(content=list(content))

    return tell


async def _fails() -> str:
    raise ToolError("This tool intentionally returns an error for testing")


async def _in_steps(ctx: Context[Any, Any]) -> str:
    for done in (0, 50, 100):
        await ctx.report_progress(done, 100)
    return "All steps are done."


class _Person(BaseModel):
    username: str = Field(description="User's response")
    email: str = Field(description="User's email address")


def _about_them(message: str) -> Elicit[_Person]:
    return Elicit(message, _Person)


async def _asks_a_person(
    message: str, answer: Annotated[ElicitationResult[_Person], Resolve(_about_them)]
) -> str:
    return f"User response: {answer}"


def _to_a_model(prompt: str = "Say hello.") -> Sample:
    return Sample([SamplingMessage(role="user", content=_text(prompt))], max_tokens=50)


async def _asks_a_model(
    answer: Annotated[CreateMessageResult, Resolve(_to_a_model)], prompt: str = "Say hello."
) -> str:
    return f"LLM response: {answer.content}"


class _WithDefaults(BaseModel):
    name: str = "John Doe"
    age: int = 30
    score: float = 95.5
    status: Literal["active", "inactive", "pending"] = "active"
    verified: bool = True


def _with_defaults() -> Elicit[_WithDefaults]:
    return Elicit("Please look through the defaults.", _WithDefaults)


async def _defaults(
    answer: Annotated[ElicitationResult[_WithDefaults], Resolve(_with_defaults)],
) -> str:
    return f"Elicitation completed: {answer}"


def _titled(*titles: str) -> list[JsonValue]:
    return [{"const": f"value{n}", "title": title} for n, title in enumerate(titles, start=1)]


_FIRST, _SECOND = _titled("First Option", "Second Option"), _titled("First Choice", "Second Choice")


class _EveryEnum(BaseModel):
    untitledSingle: Literal["option1", "option2", "option3"]
    titledSingle: str = Field(json_schema_extra={"oneOf": _FIRST})
    legacyEnum: str = Field(
        json_schema_extra={"enum": ["opt1", "opt2"], "enumNames": ["Option One", "Option Two"]}
    )
    untitledMulti: list[Literal["option1", "option2", "option3"]]
    titledMulti: list[str] = Field(json_schema_extra={"items": {"anyOf": _SECOND}})


def _with_choices() -> Elicit[_EveryEnum]:
    return Elicit("Please choose.", _EveryEnum)


async def _choices(
    answer: Annotated[ElicitationResult[_EveryEnum], Resolve(_with_choices)],
) -> str:
    return f"Elicitation completed: {answer}"


_CALLS = {
    "test_error_handling": _fails,
    "test_tool_with_progress": _in_steps,
    "test_elicitation": _asks_a_person,
    "test_sampling": _asks_a_model,
    "test_missing_capability": _asks_a_model,
    "test_elicitation_sep1034_defaults": _defaults,
    "test_elicitation_sep1330_enums": _choices,
}


@dataclass(frozen=True, slots=True)
class _Rounds:
    """What is asked, round by round; with a state, each round knows which one it is."""

    asked: tuple[Mapping[str, InputRequest], ...]
    has_state: bool = True


def _form(message: str, name: str, kind: str = "string") -> ElicitRequest:
    schema = {"type": "object", "properties": {name: {"type": kind}}, "required": [name]}
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=schema))


def _sampled(text: str) -> CreateMessageRequest:
    messages = [SamplingMessage(role="user", content=_text(text))]
    return CreateMessageRequest(params=CreateMessageRequestParams(messages=messages, max_tokens=50))


_NAME = {"user_name": _form("What is your name?", "name")}
_CONTEXT = {"user_context": _form("What context should the prompt use?", "context")}
_CONFIRM = {"confirm": _form("Please confirm", "ok", "boolean")}
_CAPITAL = {"capital_question": _sampled("What is the capital of France?")}
_ROOTS = {"client_roots": ListRootsRequest()}
_ROUNDS: Mapping[str, _Rounds] = {
    "elicitation": _Rounds((_NAME,), has_state=False),
    "sampling": _Rounds((_CAPITAL,), has_state=False),
    "list_roots": _Rounds((_ROOTS,), has_state=False),
    "capabilities": _Rounds((_CAPITAL,), has_state=False),
    "request_state": _Rounds((_CONFIRM,)),
    "tampered_state": _Rounds((_CONFIRM,)),
    "multiple_inputs": _Rounds(({**_NAME, "greeting": _sampled("Generate a greeting"), **_ROOTS},)),
    "multi_round": _Rounds(
        (
            {"step1": _form("Step 1: What is your name?", "name")},
            {"step2": _form("Step 2: What is your favorite color?", "color")},
        )
    ),
}


def _asking(rounds: _Rounds) -> Any:
    async def ask(ctx: Context[Any, Any]) -> _Answer:
        question = _next(ctx, rounds)
        return question or CallToolResult(content=[_text(f"state-ok: {_answers(ctx)}")])

    return ask


async def _asks_then_takes_long(ctx: Context[Any, Any]) -> _Answer:
    return _next(ctx, _Rounds((_NAME,))) or begun(1, f"Done for {_answers(ctx)}.")


def _next(ctx: Context[Any, Any], rounds: _Rounds) -> InputRequiredResult | None:
    """Return what to ask now: the next round, or the same one if its answers are missing."""
    number = int(ctx.request_state or 0)
    if rounds.asked[number].keys() <= (ctx.input_responses or {}).keys():
        number += 1
    if number == len(rounds.asked):
        return None
    state = str(number) if rounds.has_state else None
    return InputRequiredResult(input_requests=dict(rounds.asked[number]), request_state=state)


def _answers(ctx: Context[Any, Any]) -> str:
    given = ctx.input_responses or {}
    return json.dumps({name: answer.model_dump(mode="json") for name, answer in given.items()})


def _add_resources(server: MCPServer[Any]) -> None:
    @server.resource("test://static-text", mime_type="text/plain")
    def static_text() -> str:
        return "This is the content of the static text resource."

    @server.resource("test://static-binary", mime_type="image/png")
    def static_binary() -> bytes:
        return base64.b64decode(_PIXEL)

    @server.resource("test://template/{id}/data", mime_type="application/json")
    def templated(id: str) -> str:
        return json.dumps({"id": id, "templateTest": True, "data": f"Data for ID: {id}"})


def _add_prompts(server: MCPServer[Any]) -> None:
    @server.prompt("test_simple_prompt", description=_DESCRIPTION)
    def simple() -> str:
        return "This is a simple prompt for testing."

    @server.prompt("test_prompt_with_arguments", description=_DESCRIPTION)
    def with_arguments(arg1: str, arg2: str) -> str:
        return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"

    @server.prompt("test_prompt_with_embedded_resource", description=_DESCRIPTION)
    def with_resource(resourceUri: str) -> list[UserMessage]:
        embedded = _embedded(resourceUri, "Embedded resource content for testing.")
        return [UserMessage(embedded), UserMessage("Please process the embedded resource above.")]

    @server.prompt("test_prompt_with_image", description=_DESCRIPTION)
    def with_image() -> list[UserMessage]:
        return [UserMessage(_IMAGE), UserMessage("Please analyze the image above.")]

    @server.prompt("test_input_required_result_prompt", description=_DESCRIPTION)
    async def with_question(ctx: Context[Any, Any]) -> str | InputRequiredResult:
        return _next(ctx, _Rounds((_CONTEXT,), has_state=False)) or _answers(ctx)
