"""Which addresses the object store can have."""

from __future__ import annotations

import pytest

from storage.objects import ObjectStore


@pytest.mark.parametrize("url", ["http://host/x", "file://host/x", "file:x", "s3:///prefix", "memory:///", "/folder", ""])
def test_another_kind_of_address_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="object store must be"):
        ObjectStore(url)
