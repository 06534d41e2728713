from __future__ import annotations

import pytest

from tests.support import providers


@pytest.fixture(params=[True, False], ids=["an engine answers", "no engine answers"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    monkeypatch.setattr(providers, "engine_answers", lambda: request.param)
    answers: bool = request.param
    return answers


def test_an_engine_is_used_where_one_answers(engine: bool) -> None:
    assert providers.provider() == ("testcontainers" if engine else "devstack")


@pytest.mark.parametrize("wanted", ["devstack", "testcontainers"])
def test_what_is_wanted_is_taken_whatever_is_there(engine: bool, wanted: str) -> None:
    assert providers.provider(wanted) == wanted


def test_a_provider_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="MILLRACE_TEST_SERVERS must be one of devstack, testcontainers, got 'podman'"):
        providers.provider("podman")
