"""Other platforms are told what to do instead."""

import pytest

from devstack import platforms
from devstack.failures import UnsupportedPlatform
from devstack.platforms import require_supported_platform


@pytest.mark.parametrize("found", ["Darwin arm64", "Linux aarch64 glibc", "Linux x86_64 without glibc", "Windows AMD64"])
def test_another_platform_is_named_with_the_way_out(found: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platforms, "describe_platform", lambda: found)
    with pytest.raises(UnsupportedPlatform, match=f"not on {found}: .* docker compose"):
        require_supported_platform()


def test_this_platform_is_supported() -> None:
    require_supported_platform()
