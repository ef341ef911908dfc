"""What hosts are shown of a schema: they pay for every word of it with each conversation.

A value that may be left out is listed by its own type alone; an explicit null is taken all the
same.
"""

from typing import Any


def without_titles(schema: dict[str, Any]) -> None:
    """Take out of a schema what only repeats its names."""
    schema.pop("title", None)
    schema.pop("description", None)
    for field in schema.get("properties", {}).values():
        field.pop("title", None)


def arguments_in_few_words(schema: dict[str, Any]) -> None:
    """Take out of a tool's arguments what a host need not know: an argument omitted is null."""
    without_titles(schema)
    schema["additionalProperties"] = False
    for field in schema["properties"].values():
        if "default" in field and field["default"] is None and _without_null(field):
            del field["default"]


def result_in_few_words(schema: dict[str, Any]) -> None:
    """Take out of a result's schema what a host need not know: no field of it is ever absent."""
    without_titles(schema)
    schema.pop("additionalProperties", None)
    schema.pop("required", None)
    for field in schema["properties"].values():
        _without_reference(field.get("items", field))
        if _without_null(field):
            field["type"] = [field["type"], "null"]


def as_any_object(schema: dict[str, Any]) -> None:
    """List a line as an object only: its fields stand in every result, beside their values."""
    schema.clear()
    schema["type"] = "object"


def _without_null(field: dict[str, Any]) -> bool:
    """Say of a value or null what the value is, and return whether it was one."""
    kinds = field.get("anyOf", [])
    others = [kind for kind in kinds if kind != {"type": "null"}]
    if len(kinds) == len(others) or len(others) != 1:
        return False
    del field["anyOf"]
    field.update(others[0])
    return True


def _without_reference(schema: dict[str, Any]) -> None:
    """Say at the place itself that a line is an object: nothing more is said elsewhere either."""
    if schema.pop("$ref", None):
        schema["type"] = "object"
