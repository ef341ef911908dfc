"""Prompts: their texts to be read, or one line each with how many tokens they have."""

from rich.console import Console
from rich.text import Text

from mcp_server.prompt_shapes import PromptShape, PromptsShape
from mcp_server.rendering import words

_NUMBERS = ("calls", "tokens", "by the gateway")


def show_prompt_counts(console: Console, shape: PromptsShape) -> None:
    """Show how many tokens each prompt has, and whether the whole is within its limits."""
    built = words.table("stage", "asked", *_NUMBERS, right=_NUMBERS)
    for prompt in shape.prompts:
        reported = "-" if prompt.reported_tokens is None else f"{prompt.reported_tokens:,}"
        built.add_row(
            prompt.stage.replace("_", " "),
            prompt.asked_by,
            f"{prompt.calls}",
            f"{prompt.tokens or 0:,}",
            Text(reported, style="dim"),
        )
    console.print(built)
    console.print(_sum(shape))
    told = f"Week {shape.week_id}, tokens of {shape.tokenizer}, the answers' schemas included."
    console.print(Text(told, style="dim"))


def _sum(shape: PromptsShape) -> Text:
    sentence = (
        f"One decision over {shape.instruments} instruments: {shape.calls} calls "
        f"(limit {shape.calls_limit}), {shape.tokens or 0:,} prompt tokens "
        f"(limit {shape.tokens_limit:,})."
    )
    return Text(sentence, style="green" if shape.within_limits else "bold red")


def show_prompts(console: Console, shape: PromptsShape) -> None:
    """Show every prompt as it was sent, message by message."""
    for prompt in shape.prompts:
        words.heading(console, f"{prompt.stage.replace('_', ' ')}, asked of {prompt.asked_by}")
        _show_texts(console, prompt)


def _show_texts(console: Console, prompt: PromptShape) -> None:
    *messages, schema = prompt.texts
    for text in messages:
        console.print(Text(text), soft_wrap=True)
        console.rule(style="dim")
    console.print(Text(schema, style="dim"), soft_wrap=True)
