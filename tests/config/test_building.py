"""Models that are built ahead of time, with all that stand in their fields."""

from pydantic import BaseModel, ConfigDict

from config.building import build_models


class Deferred(BaseModel):
    model_config = ConfigDict(defer_build=True)


class Leaf(Deferred):
    number: int


class Branch(Deferred):
    leaf: Leaf | None


class Tree(Deferred):
    branches: tuple[Branch, ...]
    named: dict[str, "Tree"]


class Other(Deferred):
    number: int


def test_a_model_is_built_with_every_model_in_its_fields() -> None:
    build_models(Tree)

    assert [model.__pydantic_complete__ for model in (Tree, Branch, Leaf)] == [True, True, True]
    assert not Other.__pydantic_complete__
