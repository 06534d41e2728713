"""JSON Schemas of structured outputs: what strict mode asks of one, and how an answer is made to fit it.

Source: https://platform.openai.com/docs/guides/structured-outputs
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from devstack.standin.failures import Rejected

Schema = Mapping[str, Any]


def require_strict(schema: Schema, name: str) -> None:
    """Raise Rejected unless every object in the schema lists all of its properties as required and allows no others."""
    if schema.get("type") != "object":
        raise _invalid(name, f"schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{schema.get('type')}\"'.")
    for place, each in _objects(schema, ()):
        if each.get("additionalProperties") is not False:
            raise _invalid(name, f"In context={place}, 'additionalProperties' is required to be supplied and to be false.")
        missing = [known for known in each.get("properties", {}) if known not in each.get("required", ())]
        if missing:
            raise _invalid(
                name,
                f"In context={place}, 'required' is required to be supplied and to be an array including every key in "
                f"properties. Missing '{missing[0]}'.",
            )


def fit(schema: Schema, value: Any) -> Any:
    """`value` as the schema wants it, which must be one that `require_strict` takes.

    What the schema names is taken from `value`, what that lacks is filled with as little as will do, the rest is left out.
    """
    return _fit(schema, value, schema)


def _objects(schema: Any, place: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Schema]]:
    if isinstance(schema, Mapping):
        if schema.get("type") == "object" or isinstance(schema.get("properties"), Mapping):
            yield place, schema
        for name, each in schema.items():
            yield from _objects(each, (*place, name))
    elif isinstance(schema, list):
        for index, each in enumerate(schema):
            yield from _objects(each, (*place, str(index)))


def _fit(schema: Schema, value: Any, root: Schema) -> Any:
    schema = _single(schema, value, root)
    if "enum" in schema:
        return value if value in schema["enum"] else schema["enum"][0]
    if schema["type"] == "object":
        known = value if isinstance(value, Mapping) else {}
        return {name: _fit(each, known.get(name), root) for name, each in schema.get("properties", {}).items()}
    if schema["type"] == "array":
        return _array(schema, value, root)
    return _scalar(schema, value)


def _single(schema: Schema, value: Any, root: Schema) -> Schema:
    """The schema without references and alternatives, with one type or an enum."""
    schema = _resolved(schema, root)
    if "const" in schema:
        return {"enum": [schema["const"]]}
    kinds = schema.get("type", "string")
    if "enum" in schema or not (isinstance(kinds, list) or "anyOf" in schema):
        return {**schema, "type": kinds}
    choices = schema.get("anyOf") or [{**schema, "type": kind} for kind in kinds]
    return _single(_chosen([_resolved(each, root) for each in choices], value), value, root)


def _resolved(schema: Schema, root: Schema) -> Schema:
    while "$ref" in schema:
        found: Any = root
        for part in schema["$ref"].removeprefix("#").strip("/").split("/"):
            found = found[part] if part else found
        schema = found
    return schema


def _chosen(choices: Sequence[Schema], value: Any) -> Schema:
    """The alternative that the value has the type of; else null, else the first."""
    kinds = {dict: ("object",), list: ("array",), str: ("string", "integer", "number"), type(None): ("null",)}
    for kind in (*kinds.get(type(value), ()), "null"):
        for choice in choices:
            if choice.get("type") == kind:
                return choice
    return choices[0]


def _array(schema: Schema, value: Any, root: Schema) -> list[Any]:
    found = list(value) if isinstance(value, list | tuple) else []
    found = found[: schema.get("maxItems", len(found))]
    found += [None] * (schema.get("minItems", 0) - len(found))
    return [_fit(schema.get("items", {}), each, root) for each in found]


def _scalar(schema: Schema, value: Any) -> Any:
    kind = schema["type"]
    if kind == "string":
        text = "" if value is None else str(value)
        return text[: schema.get("maxLength", len(text))].ljust(schema.get("minLength", 0), "-")
    if kind in {"integer", "number"}:
        given = int(value) if str(value).isdecimal() else 0
        return min(max(given, schema.get("minimum", given)), schema.get("maximum", float("inf")))
    return None if kind == "null" else bool(value)


def _invalid(name: str, message: str) -> Rejected:
    text = f"Invalid schema for response_format '{name}': {message}"
    return Rejected(400, text, param="text.format.schema", code="invalid_json_schema")
