"""The JSON schema that goes over the wire: what every provider's strict mode accepts.

Definitions are inlined, limits move into descriptions (providers refuse or ignore them as
keywords), every field is required and nothing else is allowed. The real limits stay with Pydantic.
"""

from functools import cache
from typing import Any

from council.model.base import Value
from council.untrusted import canonical_json

_LIMITS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "more than {}",
    "exclusiveMaximum": "less than {}",
    "multipleOf": "a multiple of {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} entries",
    "maxItems": "at most {} entries",
    "pattern": "matching {}",
    "format": "format {}",
}

_Schema = dict[str, Any]


def wire_schema(answer_type: type[Value]) -> _Schema:
    """Return the schema of `answer_type` for the wire: one for all questions, not to be changed.

    Raises:
        ValueError: the type holds an open dict or refers to itself, which strict modes refuse.
    """
    return _schema_and_text(answer_type)[0]


def schema_text(answer_type: type[Value]) -> str:
    """Return the wire schema as canonical JSON."""
    return _schema_and_text(answer_type)[1]


@cache
def _schema_and_text(answer_type: type[Value]) -> tuple[_Schema, str]:
    own = answer_type.model_json_schema()
    schema = _rewritten(own, own.get("$defs", {}), ())
    return schema, canonical_json(schema)


def _rewritten(schema: _Schema, definitions: _Schema, path: tuple[str, ...]) -> _Schema:
    if "$ref" in schema:
        return _inlined(schema, definitions, path)
    if "anyOf" in schema or "oneOf" in schema:
        return _choice(schema, definitions, path)
    if "const" in schema:
        return {"type": "string", "enum": [schema["const"]]}
    if schema.get("type") == "object":
        return _object(schema, definitions, path)
    if schema.get("type") == "array":
        items = _rewritten(schema["items"], definitions, path)
        return {"type": "array", "items": items, **_description(schema)}
    kept: _Schema = {key: schema[key] for key in ("type", "enum") if key in schema}
    return {**kept, **_description(schema)}


def _inlined(schema: _Schema, definitions: _Schema, path: tuple[str, ...]) -> _Schema:
    name = schema["$ref"].removeprefix("#/$defs/")
    if name in path:
        raise ValueError(f"{name} refers to itself, which no strict mode takes")
    inlined = _rewritten(definitions[name], definitions, (*path, name))
    return {**inlined, **_description(schema)}


def _choice(schema: _Schema, definitions: _Schema, path: tuple[str, ...]) -> _Schema:
    options = schema.get("anyOf") or schema["oneOf"]
    numbers = [option for option in options if option.get("type") == "number"]
    if numbers:  # a Decimal, which Pydantic would also take as text
        return _rewritten({**numbers[0], **_described(schema)}, definitions, path)
    rewritten = [_rewritten(option, definitions, path) for option in options]
    return {"anyOf": rewritten, **_description(schema)}


def _object(schema: _Schema, definitions: _Schema, path: tuple[str, ...]) -> _Schema:
    if "properties" not in schema or schema.get("additionalProperties") is not False:
        raise ValueError(f"{schema.get('title', 'an object')} is open, which no strict mode takes")
    properties = {
        name: _rewritten(part, definitions, path) for name, part in schema["properties"].items()
    }
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
        **_description(schema),
    }


def _described(schema: _Schema) -> _Schema:
    return {"description": schema["description"]} if "description" in schema else {}


def _description(schema: _Schema) -> _Schema:
    """Return the description with the limits in it, or nothing where there is neither."""
    limits = "; ".join(
        words.format(f"{schema[key]:g}" if isinstance(schema[key], float) else schema[key])
        for key, words in _LIMITS.items()
        if key in schema
    )
    sentences = [part for part in (schema.get("description"), limits) if part]
    return (
        {"description": " ".join(f"{part.rstrip('.')}." for part in sentences)} if sentences else {}
    )
