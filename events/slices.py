"""Large runs: their slices, as Millrace asks itself for them, and how one is cancelled."""

from __future__ import annotations

from typing import ClassVar

from events.model import Count, Data, Sha256, UuidText


class SliceRequested(Data):
    """run.slice.requested.v1: price this slice of a planned run. What it holds stands in the run's plan.

    `generation` is the run's; `input_sha256` that of the run as it was planned.
    """

    key_fields: ClassVar[tuple[str, ...]] = ("run_id", "slice_no")

    run_id: UuidText
    generation: Count
    slice_no: Count
    input_sha256: Sha256


class RunCancelRequested(Data):
    """run.cancel.requested.v1: end this run now, with whatever it has come to; one that is finished stays as it is."""

    key_fields: ClassVar[tuple[str, ...]] = ("run_id",)

    run_id: UuidText
