"""What the stand-in answers instead of a result, in the form of OpenAI's own errors.

Source: the bodies of https://platform.openai.com/docs/guides/error-codes as clients report them.
"""

from collections.abc import Mapping
from typing import Any


class Rejected(Exception):
    """A request that is not carried out: its HTTP status, the fields of OpenAI's `error` object, further headers."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})
        self.body: dict[str, Any] = {"error": {"message": message, "type": kind, "param": param, "code": code}}


def wrong_key(key: str) -> Rejected:
    """The request names no key, or another one than `key`."""
    message = f"Incorrect API key provided. This is the stand-in of the local stack: its key is {key!r}."
    return Rejected(401, message, code="invalid_api_key")


def unknown_url(method: str, path: str) -> Rejected:
    """There is nothing to be had there."""
    return Rejected(404, f"Unknown request URL: {method} {path}.", code="unknown_url")


def unknown_model(model: str) -> Rejected:
    """The endpoint has no such model."""
    message = f"The model `{model}` does not exist or you do not have access to it."
    return Rejected(404, message, param="model", code="model_not_found")


def rate_limit(retry_after: float | None) -> Rejected:
    """Too many requests; the client may try again after so many seconds, if that is known."""
    told = {} if retry_after is None else {"retry-after": f"{retry_after:g}", "retry-after-ms": f"{retry_after * 1000:.0f}"}
    message = "Rate limit reached for requests per min (RPM). Please try again later."
    return Rejected(429, message, kind="requests", code="rate_limit_exceeded", headers=told)


def insufficient_quota() -> Rejected:
    """The account has no money left: trying again does not help."""
    message = "You exceeded your current quota, please check your plan and billing details."
    return Rejected(429, message, kind="insufficient_quota", code="insufficient_quota")


def server_error(status: int) -> Rejected:
    """OpenAI's own fault, with a status of 500 to 599."""
    message = "The server had an error while processing your request. Sorry about that!"
    return Rejected(status, message, kind="server_error")
