"""What flows are built from."""

from __future__ import annotations

from dataclasses import dataclass

from storage.database import Database
from storage.objects import ObjectStore


@dataclass(frozen=True, slots=True)
class Resources:
    """The stores a flow may read, and its bounds.

    `object_max_bytes`: the largest object that is read. `run_slice_cells`: positions × scenarios × measures that one
    run may have.
    """

    database: Database
    objects: ObjectStore
    object_max_bytes: int = 256 * 1024 * 1024
    run_slice_cells: int = 5_000_000
