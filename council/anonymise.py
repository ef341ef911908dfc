"""Takes authors out of pitches and reviews: labels, order, and the words that give a model away.

A pitch has one label all week, the same for every reader. Labels come from a seeded shuffle of the
week's pitches; every reader's order is a rotation of a second one, so that over all readers each
pitch stands about equally often at each place. Names of models and vendors become `[name]`, talk of
being a language model goes, and so do markdown and habits: style tells authors apart too.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache, partial
from typing import TypeVar
from uuid import UUID

from config.ids import meaning_id
from config.model_schema import ModelConfig
from config.schema import Config
from council.context import WeekContext
from council.model.citations import citation_flags
from council.model.pitch import Pitch
from council.model.review import AnonymousPitch, Ballot, Review
from council.plain_words import in_plain_words
from council.untrusted import clean_text

NAME = "[name]"

_VENDORS = (
    "openai chatgpt gpt anthropic claude sonnet opus haiku google deepmind gemini gemma bard "
    "xai x.ai grok groq deepseek perplexity sonar mistral mixtral llama qwen alibaba moonshot kimi "
    "cohere requesty openrouter"
)
_COMMON = (
    "ai beta chat deep fast flash instruct large latest lite max medium mini model nano non "
    "preview pro reasoning research small thinking turbo vendor"
)
VENDOR_WORDS = tuple(_VENDORS.split())
_COMMON_TOKENS = frozenset(_COMMON.split())
"""Parts of model ids that are words of every day and tell nobody, unless they follow a name."""
_TIERS = ("flash", "instruct", "mini", "nano", "preview", "pro", "turbo")
"""Those that say a model's size or make where they follow its name with a space."""

_PHRASES = re.compile(
    r"\b(?:as|i am|i'm|being) an? (?:\w+ )?(?:large )?(?:language model|ai(?: model| assistant)?)\b"
    r"(?: (?:trained|developed|made|created|built) by [\w.\[\]-]+)?,?\s*"
    r"|\bmy (?:training data|(?:training|knowledge) cut-?off)(?: (?:ends|is|was)\b[^.;,]*)?,?\s*"
    r"|\b(?:trained|developed|created|built) by \[name\],?\s*",
    re.IGNORECASE,
)
_MARKDOWN = re.compile(r"\*\*|__(?=\S)|(?<=\S)__|`+|^\s*(?:#{1,6}|[-*•])\s+", re.MULTILINE)
_DASHES = re.compile("[\u2010-\u2015\u2212]")
_ONE_NAME = re.compile(r"\[name\](?:[\s/]*\[name\])+")
_SHORTEST_TOKEN = 3
_Item = TypeVar("_Item")


def sealed_labels(context: WeekContext) -> dict[str, Pitch]:
    """Return the week's pitches by label, P1 to Pn; the order of the dict is that of the labels."""
    shuffled = _shuffled(context.pitches, "label", context.week_id)
    return {f"P{number}": pitch for number, pitch in enumerate(shuffled, start=1)}


def ballot_for(reader: str, context: WeekContext, config: Config) -> Ballot:
    """Return what `reader` may see: every pitch but its own, in its own order; maybe none."""
    labels = sealed_labels(context)
    order = _rotated(_shuffled(tuple(labels), "order", context.week_id), _turn(reader, config))
    shown = [label for label in order if labels[label].account != reader]
    numbers = context.snapshot.numbers() if context.snapshot else None
    return Ballot(
        reviewer=reader,
        pitches=tuple(
            anonymous_pitch(label, labels[label], config, numbers=numbers) for label in shown
        ),
        pitch_ids={label: labels[label].idea_id for label in shown},
    )


def anonymous_pitch(
    label: str, pitch: Pitch, config: Config, *, numbers: Mapping[str, float] | None = None
) -> AnonymousPitch:
    """Return the normalised fields of `pitch` under `label`, its texts without their author.

    `numbers` are those of the market table, against which the pitch's citations are held.
    """
    scrub = partial(without_names, names=telling_names(config))
    return AnonymousPitch(
        label=label,
        instrument=pitch.instrument,
        direction=pitch.direction,
        horizon=pitch.horizon,
        conviction=pitch.conviction,
        thesis_bullets=tuple(scrub(bullet) for bullet in pitch.thesis_bullets),
        indicators=pitch.indicators,
        invalidation=scrub(pitch.invalidation),
        invalidation_rule=pitch.invalidation_rule,
        ranking=tuple(sorted(pitch.ranking, key=lambda place: place.rank)),
        choice_explanation=scrub(pitch.choice_explanation),
        monitoring_plan=scrub(pitch.monitoring_plan),
        number_flags=number_flags(pitch, numbers or {}),
    )


def number_flags(pitch: Pitch, numbers: Mapping[str, float]) -> tuple[str, ...]:
    """Return the numbers of `pitch` that the market table does not bear out, one clause each.

    Without any `numbers` there is nothing to hold it against, and nothing is flagged.
    Only what it says of the present is held against the table: levels to come are the pitch's own.
    """
    if not numbers:
        return ()
    frozen = (
        f"{rule.name} is frozen at {rule.current:g}, the market table has {numbers[rule.name]:g}"
        for rule in (*pitch.indicators, pitch.invalidation_rule)
        if rule is not None and rule.name in numbers and rule.current != numbers[rule.name]
    )
    return (*citation_flags((*pitch.thesis_bullets, pitch.choice_explanation), numbers), *frozen)


def anonymous_reviews(context: WeekContext, config: Config) -> tuple[Review, ...]:
    """Return the week's reviews in an order and in words that do not tell who wrote them."""
    scrub = partial(without_names, names=telling_names(config))
    return tuple(
        review.model_copy(
            update={
                "best_argument_against": scrub(review.best_argument_against),
                "one_flip_condition": scrub(review.one_flip_condition),
                "suggested_fix": scrub(review.suggested_fix),
            }
        )
        for review in _shuffled(context.reviews, "review", context.week_id)
    )


def telling_names(config: Config) -> tuple[str, ...]:
    """Return the words, longest first, that would tell an author: vendors, models, nicknames."""
    models: list[ModelConfig] = [*config.models.accounts.values(), *config.models.research]
    ids = (name for model in models for name in (model.model, *model.fallbacks, model.rehearsal))
    return _telling_names(tuple(ids), tuple(manager.nickname for manager in config.managers))


@cache
def _telling_names(ids: tuple[str, ...], nicknames: tuple[str, ...]) -> tuple[str, ...]:
    found = {*VENDOR_WORDS, *ids, *nicknames}
    found |= {token for name in ids if not name.startswith("rehearsal/") for token in _tokens(name)}
    return tuple(sorted({name.lower() for name in found}, key=lambda name: (-len(name), name)))


def without_names(text: str, *, names: Sequence[str]) -> str:
    """Return `text` on one line without markdown, hidden characters, `names` and give-aways."""
    return _without_names(text, tuple(names))


@lru_cache(maxsize=1_000)
def _without_names(text: str, names: tuple[str, ...]) -> str:
    """Do it once for a text that all reviewers read."""
    plain = clean_text(unicodedata.normalize("NFKC", clean_text(text)))
    plain = _DASHES.sub("-", _MARKDOWN.sub("", plain)).replace("\u2019", "'")
    named = _ONE_NAME.sub(NAME, _pattern(names).sub(NAME, plain))
    return in_plain_words(_PHRASES.sub("", named))


@cache
def _pattern(names: tuple[str, ...]) -> re.Pattern[str]:
    """Match a name with its version and tier: "gpt-5.2-mini", "Claude 4.5" or "Gemini 3 Pro"."""
    listed = "|".join(re.escape(name).replace(r"\-", r"[-\s_]?") for name in names)
    version = r"(?:[-\s_]{0,2}[vr]?\d+(?:[._-]\d+)*[a-z]?)?"
    after_a_hyphen = "|".join(sorted(_COMMON_TOKENS, key=lambda token: (-len(token), token)))
    tier = rf"(?:[-_](?:{after_a_hyphen})|\s(?:{'|'.join(_TIERS)}))*"
    return re.compile(
        rf"(?<![a-z0-9])(?:{listed})(?:-ai)?{version}{tier}(?![a-z0-9])", re.IGNORECASE
    )


def _tokens(model_id: str) -> Iterable[str]:
    words = re.split(r"[^a-z]+", model_id.lower())
    return (w for w in words if len(w) >= _SHORTEST_TOKEN and w not in _COMMON_TOKENS)


def _turn(reader: str, config: Config) -> int:
    """Return by how many places the reader's order is rotated: each account has its own turn."""
    return [account.nickname for account in config.accounts].index(reader)


def _rotated(items: Sequence[_Item], places: int) -> tuple[_Item, ...]:
    if not items:
        return ()
    cut = places % len(items)
    return (*items[cut:], *items[:cut])


def _shuffled(items: Sequence[_Item], purpose: str, week_id: str) -> tuple[_Item, ...]:
    """Return `items` in an order that only their identity, the purpose and the week decide."""
    return tuple(
        sorted(items, key=lambda item: meaning_id(purpose, week_id, _identity(item)).bytes)
    )


def _identity(item: object) -> UUID | str:
    if isinstance(item, Pitch):
        return item.idea_id
    return item.review_id if isinstance(item, Review) else str(item)
