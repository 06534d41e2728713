"""How settings are read and checked: the kinds of values, files that hold secrets, and one clear line for a wrong one."""

from __future__ import annotations

import re
import ssl
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, get_args
from urllib.parse import urlsplit

from pydantic import AfterValidator, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource

from millrace.failures import WrongSetting

LONGEST_SHOWN = 80


def looks_like(pattern: str, example: str) -> AfterValidator:
    """Refuses a text, or a secret one, that does not match the whole pattern, by telling an example."""
    compiled = re.compile(pattern)

    def check(value: Any) -> Any:
        plain = value.get_secret_value() if isinstance(value, SecretStr) else value
        if not compiled.fullmatch(plain):
            raise ValueError(f"must look like {example}")
        return value

    return AfterValidator(check)


def port_in_bounds(url: SecretStr) -> SecretStr:
    """Refuses the URL of a server whose port is no number from 0 to 65535."""
    try:
        urlsplit(url.get_secret_value()).port  # noqa: B018  (it is looked at by being read)
    except ValueError:
        raise ValueError("must have a port of at most 65535, if any, and special characters in the password escaped") from None
    return url


def certificates(path: str) -> str:
    """Refuses the path of a file that holds no certificates."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except OSError as error:  # what ssl raises is one too
        reason = "holds no certificates" if isinstance(error, ssl.SSLError) else f"cannot be read: {error.strerror}"
        raise ValueError(reason) from None
    return path


# A name or an IPv4 address, and a port up to 65535.
HOST_PORT = r"[^\s,/:]+:(?:[1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d{2}|655[0-2]\d|6553[0-5])"

# URLs of servers count as secrets because most carry a password.
DatabaseUrl = Annotated[
    SecretStr,
    looks_like(r"postgres(ql)?(\+asyncpg)?://[^\s/]+/[^\s/]+", "postgresql://user:password@host:5432/database"),
    AfterValidator(port_in_bounds),
]
RedisUrl = Annotated[
    SecretStr,
    looks_like(r"(rediss?://[^\s/]+(/\S*)?|unix://\S+)", "redis://:password@host:6379/0"),
    AfterValidator(port_in_bounds),
]
HostPorts = Annotated[str, looks_like(f"{HOST_PORT}(,{HOST_PORT})*", "host:9092,other:9092")]
ObjectStoreUrl = Annotated[str, looks_like(r"(file:///\S*|s3://[^\s/]+(/\S*)?)", "file:///folder or s3://bucket/prefix")]
CertificatesFile = Annotated[str, AfterValidator(certificates)]
SentryDsn = Annotated[SecretStr, looks_like(r"https?://[^\s/@]+@[^\s/]+/(\S+/)?\d+", "https://key@host/1")]
HttpUrl = Annotated[str, looks_like(r"https?://[^\s/]+(/\S*)?", "https://host/path")]


class NameFileSource(PydanticBaseSettingsSource):
    """Secrets of one layer (the environment, or a `.env` file) that are given as the path of a file, in `NAME_FILE`."""

    def __init__(self, settings_cls: type[BaseSettings], layer: EnvSettingsSource, secrets: Collection[str]) -> None:
        super().__init__(settings_cls)
        self._variables = layer.env_vars
        self._secrets = secrets

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002  (pydantic's signature)
        """The content of the file that `NAME_FILE` names, without its last line end."""
        path = self._variables.get(f"{field_name}_file")
        if not path or field_name not in self._secrets:
            return None, field_name, False
        name = field_name.upper()
        if self._variables.get(field_name):
            raise WrongSetting(f"{name}: is set twice, by itself and by {name}_FILE")
        try:
            return Path(path).read_text(encoding="utf-8").rstrip("\r\n"), field_name, False
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
            raise WrongSetting(f"{name}_FILE: cannot read {path}: {reason}") from None

    def __call__(self) -> dict[str, Any]:
        """All values that this source has."""
        found = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in found.items() if value}


def explain(error: ValidationError, fields: Mapping[str, FieldInfo], secrets: Collection[str]) -> str:
    """All complaints in one line: `HTTP_PORT: must be between 1 and 65535, got 'abc'`."""
    return "; ".join(_complaint(detail, fields, secrets) for detail in error.errors(include_url=False))


def bounds(field: FieldInfo) -> tuple[float, float] | None:
    """The least and greatest value that a number's field takes; None where it has no bounds."""
    low, high = _limit(field, "ge"), _limit(field, "le")
    return None if low is None or high is None else (low, high)


def plain_number(value: float) -> str:
    """Digits without a needless decimal part: 25.0 is `25`."""
    return f"{value:.15g}"


def _limit(field: FieldInfo, name: str) -> float | None:
    limits: list[float] = [getattr(rule, name) for rule in field.metadata if hasattr(rule, name)]
    return limits[0] if limits else None


def _complaint(detail: ErrorDetails, fields: Mapping[str, FieldInfo], secrets: Collection[str]) -> str:
    name = str(detail["loc"][0])
    shown = "" if name in secrets else f", got {str(detail['input'])[:LONGEST_SHOWN]!r}"
    return f"{name.upper()}: {_rule(fields[name], detail)}{shown}"


def _rule(field: FieldInfo, detail: ErrorDetails) -> str:
    limits = bounds(field)
    if limits is not None:
        low, high = map(plain_number, limits)
        return f"must be between {low} and {high}"
    if detail["type"] == "literal_error":
        return "must be one of " + ", ".join(get_args(field.annotation))
    return detail["msg"].removeprefix("Value error, ")
