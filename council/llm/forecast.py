"""What the coming week is going to cost: the questions of a week, their usual tokens, the prices.

Pure. The tokens are those of recorded calls of the same stage to the same model where there are
any, and what such questions usually take where there are none; prices are those of `PriceList`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from config.schema import Config
from council.events import ModelCalled
from council.llm.prices import PriceList
from council.llm.spending import Spending, spending_of

SESSIONS = 5
"""Sessions from one Wednesday to the next, without a holiday."""
USUAL_TOKENS = {
    "research": (6_000, 3_000),
    "pitch": (8_000, 1_500),
    "peer_review": (8_000, 2_500),
    "chairman": (14_000, 2_000),
    "checkpoint": (2_000, 400),
    "postmortem": (11_000, 1_500),
}
"""In and out, of one question; what a model reasons before it answers is not in it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """So many questions of a week, of one stage to one model."""

    stage: str
    asked_by: str
    model: str
    questions: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """The coming week; `unpriced` models are in no sum of dollars."""

    questions: int
    prompt_tokens: int
    completion_tokens: int
    usd: Decimal
    unpriced: tuple[str, ...]
    measured: int
    """How many of the questions are reckoned with tokens that were counted before."""


def questions_of_a_week(config: Config) -> tuple[Asked, ...]:
    """Return every question of a week in which all goes well, each of them asked once.

    Checkpoints are counted as if every account held a trade at each and no rule settled any.
    """
    models = config.models.accounts
    slots = SESSIONS * len(config.schedule.checkpoints)
    chairman, packs = config.chairman.nickname, config.models.research
    research = (
        Asked("research", f"research-{own.pack}", own.model, 1) for own in packs if own.enabled
    )
    managers = (
        Asked(stage, own.nickname, models[own.nickname].model, 1)
        for stage in ("pitch", "peer_review")
        for own in config.managers
    )
    checkpoints = (Asked("checkpoint", name, own.model, slots) for name, own in models.items())
    chairing = (
        Asked(stage, chairman, models[chairman].model, 1) for stage in ("chairman", "postmortem")
    )
    return (*research, *managers, *chairing, *checkpoints)


def coming_week(config: Config, prices: PriceList, calls: Sequence[ModelCalled]) -> Forecast:
    """Reckon a week from `calls`, the recorded ones, and the configured first models."""
    prompt = completion = questions = measured = 0
    usd, unpriced = Decimal(0), dict[str, None]()
    for asked in questions_of_a_week(config):
        past = spending_of(_alike(asked, calls))
        taken_in, given_out = _tokens(asked, past)
        questions += asked.questions
        measured += asked.questions if past.prompt_tokens else 0
        prompt += asked.questions * taken_in
        completion += asked.questions * given_out
        price = prices.of(asked.model)
        if price is None:
            unpriced[asked.model] = None
        else:
            usd += asked.questions * price.cost(taken_in, given_out)
    return Forecast(questions, prompt, completion, usd, tuple(unpriced), measured)


def _alike(asked: Asked, calls: Iterable[ModelCalled]) -> Iterable[ModelCalled]:
    """Return the answered calls of the same stage to the same model whose tokens are known."""
    return (
        call
        for call in calls
        if (call.stage, call.requested_model) == (asked.stage, asked.model)
        and call.prompt_tokens is not None
        and call.completion_tokens is not None
    )


def _tokens(asked: Asked, past: Spending) -> tuple[int, int]:
    """Return the tokens in and out of one question; a repair counts as a question of its own."""
    if not past.prompt_tokens:
        return USUAL_TOKENS[asked.stage]
    return past.prompt_tokens // past.calls, past.completion_tokens // past.calls
