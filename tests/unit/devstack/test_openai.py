from __future__ import annotations

import pytest

from devstack.openai import is_own
from devstack.standin.api import KEY

LOCAL = "http://127.0.0.1:20000/v1"


@pytest.mark.parametrize(("api_key", "base_url"), [("sk-own", None), (None, LOCAL), ("sk-own", LOCAL)])
def test_a_key_or_a_server_of_ones_own_is_recognised(api_key: str | None, base_url: str | None) -> None:
    assert is_own(api_key, base_url)


@pytest.mark.parametrize(("api_key", "base_url"), [(None, None), ("", ""), (KEY, LOCAL), (KEY, None)])
def test_nothing_and_what_the_stack_itself_exported_are_not_ones_own(api_key: str | None, base_url: str | None) -> None:
    assert not is_own(api_key, base_url)
