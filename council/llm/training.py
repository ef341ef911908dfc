"""Warns of weeks that a model may have read about when it was trained. Pure.

What a model does in such a week says nothing about foresight: it may remember how the week ended.
"""

from collections.abc import Iterable, Mapping
from datetime import date


def training_notices(
    models: Iterable[str], first_on: date, training_until: Mapping[str, date]
) -> tuple[str, ...]:
    """Return what is to be said of weeks from `first_on` on that these models are to play.

    One sentence for the models that share an end of training, and one for those whose end nobody
    published. None for rehearsal models: rules were trained on nothing.
    """
    asked = [model for model in dict.fromkeys(models) if not model.startswith("rehearsal/")]
    inside: dict[date, list[str]] = {}
    for model in asked:
        until = training_until.get(model)
        if until is not None and first_on <= until:
            inside.setdefault(until, []).append(model)
    unknown = [model for model in asked if model not in training_until]
    sentences = [_inside(until, named) for until, named in sorted(inside.items())]
    return (*sentences, *([_unknown(unknown)] if unknown else []))


def _inside(until: date, models: list[str]) -> str:
    its = "its" if len(models) == 1 else "their"
    return (
        f"Weeks up to {until} lie inside the training of {' and '.join(models)}: "
        f"{its} results there say nothing about foresight."
    )


def _unknown(models: list[str]) -> str:
    return (
        f"models.yaml does not say until when {' and '.join(models)} "
        f"{'was' if len(models) == 1 else 'were'} trained: results in any week of the past "
        "may be memory."
    )
