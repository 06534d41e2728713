"""A model with a fault costs the record, not the lane."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pydantic import model_validator

from tests.support.notes import NoteRequested, note
from tests.support.rig import Rig


class FaultyNote(NoteRequested):
    @model_validator(mode="after")
    def _fault(self) -> Any:
        if self.text == "boom":
            raise ZeroDivisionError
        return self


async def test_a_fault_in_a_model_rejects_its_record_alone(rig: Rig) -> None:
    spec = replace(rig.spec, models={"note.requested.v1": FaultyNote})
    async with rig.engine(spec=spec):
        await rig.publish([note("a"), note("b", "boom"), note("c")])
        await rig.completions(2)
        [dead] = await rig.dead(1)
    assert dict(dead.headers)["dlq-reason"] == b"internal"
    assert dead.value == note("b", "boom")
