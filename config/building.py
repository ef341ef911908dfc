"""Building models ahead of time: they are built at first use, which then waits for it."""

from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel


def build_models(*models: type[BaseModel]) -> None:
    """Build those of `models` that are not built yet, each with the models in its fields."""
    for model in models:
        if not model.__pydantic_complete__:
            model.model_rebuild()
            build_models(*_models_in(field.annotation for field in model.model_fields.values()))


def _models_in(annotations: Any) -> Iterator[type[BaseModel]]:
    for annotation in annotations:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield annotation
        yield from _models_in(get_args(annotation))
