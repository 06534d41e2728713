"""What all data models share: strictness, natural keys, common types, and errors that name the field."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any, ClassVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    PlainValidator,
    StringConstraints,
    ValidationError,
    WithJsonSchema,
)
from pydantic_core import ErrorDetails

from events.text import TEXT_PATTERN, Text, printable

STEP_LENGTH = 64

# Where Pydantic speaks of Python to people who wrote JSON.
_SENTENCES = {"model_type": "must be an object", "dict_type": "must be an object", "list_type": "must be an array"}


def _iso_date(value: Any) -> date:
    """A date as `YYYY-MM-DD` and nothing else that Pydantic or `fromisoformat` would take (times, week dates)."""
    if type(value) is date:
        return value
    if isinstance(value, str) and len(value) == 10 and value[4] == value[7] == "-":
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise ValueError("must be a date such as 2026-01-15")


Date = Annotated[date, PlainValidator(_iso_date), WithJsonSchema({"type": "string", "format": "date"})]
UUID_PATTERN = r"^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$"
SHA256_PATTERN = r"^[0-9A-Fa-f]{64}$"
CURRENCY_PATTERN = r"^[A-Z]{3}$"
PAIR_PATTERN = r"^[A-Z]{6}$"
COLUMN_PATTERN = r"^[A-Za-z][A-Za-z0-9_]{0,63}$"
TENOR_PATTERN = r"^[1-9][0-9]{0,2}[DWMY]$"
# What people are told in place of a pattern.
MEANINGS = {
    UUID_PATTERN: "must be a UUID",
    SHA256_PATTERN: "must be 64 hexadecimal digits",
    CURRENCY_PATTERN: "must be a currency such as USD",
    PAIR_PATTERN: "must be a pair of currencies such as EURUSD",
    TENOR_PATTERN: "must be a tenor such as 5D, 2W, 3M or 10Y",
    COLUMN_PATTERN: "must be the name of a column: a letter, then letters, digits or underscores, at most 64",
    TEXT_PATTERN: "must not contain the NUL character",
}
UuidText = Annotated[
    str,
    StringConstraints(pattern=UUID_PATTERN, to_lower=True),
    Field(json_schema_extra={"format": "uuid"}),
]
Sha256 = Annotated[str, StringConstraints(pattern=SHA256_PATTERN, to_lower=True)]
Currency = Annotated[str, StringConstraints(pattern=CURRENCY_PATTERN)]
CurrencyPair = Annotated[str, StringConstraints(pattern=PAIR_PATTERN)]
Tenor = Annotated[str, StringConstraints(pattern=TENOR_PATTERN)]
Count = Annotated[int, Field(ge=0)]


class Data(BaseModel):
    """The `data` of an event: immutable; unknown fields are ignored, known ones are never coerced.

    `key_fields` are the fields of the natural key: unique over all clients and bound to one input. A model without
    them has no natural key.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", allow_inf_nan=False)

    key_fields: ClassVar[tuple[str, ...]] = ()

    def natural_key(self) -> str:
        """The natural key as text, its fields joined by a colon; empty if there is none."""
        return ":".join([str(getattr(self, name)) for name in self.key_fields]) if self.key_fields else ""


class StoredObject(Data):
    """An object in the object store, its uri relative to the store's root."""

    uri: Annotated[Text, Field(max_length=1024)]
    sha256: Sha256 | None = None


def one_form(**names: str) -> Discriminator:
    """Tells the forms of a thing by the one name (tag to name) that each of them has; several or none is an error."""

    def form(value: Any) -> str | None:
        forms = [tag for tag, name in names.items() if _has(value, name)]
        return forms[0] if len(forms) == 1 else None

    message = f"must have one of {', '.join(names.values())}"
    return Discriminator(form, custom_error_type="one_form", custom_error_message=message)


def _has(value: Any, name: str) -> bool:
    return (value.get(name) if isinstance(value, dict) else getattr(value, name, None)) is not None


def explain(error: ValidationError, raw: Any, root: str = "") -> str:
    """The first fault as one line: `data.positions[3].position_id: field required`, and how many more there are.

    `raw` is what was validated, `root` the name it goes by. No value is quoted but a wrong `kind`; the line is printable
    and short.
    """
    first, more = error.errors(include_url=False, include_input=False)[0], error.error_count() - 1
    path = _path(first["loc"], raw, root, is_missing=first["type"] == "missing")
    line = f"{path}: {_sentence(first)}" if path else _sentence(first)
    return printable(line) + (f" (and {more} more)" if more else "")


def _path(location: Sequence[int | str], raw: Any, root: str, *, is_missing: bool) -> str:
    """Pydantic's location without the tags of unions, which are no part of the input; nor is a field that is missing."""
    path, here = root, raw
    for place, step in enumerate(location):
        if isinstance(step, int):
            path += f"[{step}]"
            here = here[step] if isinstance(here, list) and step < len(here) else None
        elif isinstance(here, dict) and step in here:
            path, here = _joined(path, step), here[step]
        elif is_missing and place == len(location) - 1:
            path = _joined(path, step)
    return path


def _joined(path: str, step: str) -> str:
    name = printable(step, STEP_LENGTH)
    return f"{path}.{name}" if path else name


def _sentence(fault: ErrorDetails) -> str:
    if fault["type"] == "union_tag_not_found":
        return f"must have {fault['ctx']['discriminator']}"
    if fault["type"] in _SENTENCES:
        return _SENTENCES[fault["type"]]
    if fault["type"] == "string_pattern_mismatch" and fault["ctx"]["pattern"] in MEANINGS:
        return MEANINGS[fault["ctx"]["pattern"]]
    text = fault["msg"].removeprefix("Value error, ")
    return text[:1].lower() + text[1:]
