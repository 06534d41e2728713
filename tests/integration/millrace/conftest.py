"""Asking over HTTP."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest


@dataclass(frozen=True)
class Answer:
    """What an HTTP server said."""

    status: int
    type: str
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ask_and_wait(url: str, method: str = "GET") -> Answer:
    """The answer, whatever its status."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=60) as answer:
            return Answer(answer.status, answer.headers["content-type"], answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.headers["content-type"], error.read())


@pytest.fixture
def ask() -> Callable[..., Awaitable[Answer]]:
    """Asks from a thread, since the loop of the test may have to answer."""

    async def asked(url: str, method: str = "GET") -> Answer:
        return await asyncio.to_thread(ask_and_wait, url, method)

    return asked
