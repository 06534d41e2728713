"""Every error has one shape: `{"error", "detail", "status_code"}`."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException


def answer_errors_alike(app: FastAPI) -> None:
    """Gives all errors of `app` that shape: raised ones, unknown paths, wrong methods, bad input, and faults of ours."""
    app.add_exception_handler(HTTPException, _raised)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _unexpected)


async def _raised(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101  (what it is registered for)
    return _answer(error.status_code, error.detail, dict(error.headers or {}))


async def _invalid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101  (as above)
    faults = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
    return _answer(HTTPStatus.UNPROCESSABLE_ENTITY, "; ".join(faults))


async def _unexpected(_request: Request, _error: Exception) -> JSONResponse:
    # The exception itself goes to the log; it may quote what is nobody else's business.
    return _answer(HTTPStatus.INTERNAL_SERVER_ERROR, "the worker's log says more")


def _answer(status_code: int, detail: Any, headers: dict[str, str] | None = None) -> JSONResponse:
    name = HTTPStatus(status_code).phrase.lower().replace(" ", "_").replace("-", "_")
    return JSONResponse({"error": name, "detail": detail, "status_code": status_code}, status_code, headers)
