"""The JSON about prompts: what was asked from research to decision, and how long it is."""

from mcp_server.shapes import Shape


class PromptShape(Shape):
    """One question of a week; `calls` of the record were made for it."""

    stage: str
    asked_by: str
    model: str
    prompt_hash: str
    calls: int
    reported_tokens: int | None
    """Prompt tokens of its first answered call by the gateway's count; null where it gave none."""
    tokens: int | None
    """By our own count, the answer's schema included; null where it was not counted."""
    texts: tuple[str, ...]
    """The messages in their order and the answer's schema; empty where they were only counted."""


class PromptsShape(Shape):
    """The questions of one decision; the limits are those that the council promises."""

    week_id: str
    instruments: int
    prompts: tuple[PromptShape, ...]
    calls: int
    calls_limit: int
    tokens: int | None
    tokens_limit: int
    within_limits: bool | None
    """Null where nothing was counted."""
    tokenizer: str | None
