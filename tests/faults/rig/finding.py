"""What the judge holds against a run of the rig."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it must be: what kind, in words, and the serials of the records concerned."""

    kind: str
    told: str
    serials: tuple[int, ...] = ()
