"""How the records of a selection stand: read as a lane reads them, looked up in a few statements for thousands."""

from __future__ import annotations

from collections.abc import Sequence

from handlers.flow import FlowSpec
from ops.replay.selection import Selection
from ops.replay.standing import Reading, Standing, read, standing
from storage import standing as stored
from storage.database import Connection
from storage.generations import allotted
from storage.keys import as_uuid
from streams.read import Incoming


async def judge(
    connection: Connection, spec: FlowSpec, records: Sequence[Incoming], selection: Selection
) -> list[tuple[Reading, Standing]]:
    """How each record stands of those whose events are chosen, in their order. Raises what the database raises."""
    readings = [each for each in (read(record, spec) for record in records) if selection.takes(each.identity)]
    if not readings:
        return []
    keys = {each.identity.key: as_uuid(each.identity.key) for each in readings if each.identity is not None}
    known = await stored.by_key(connection, keys.values())
    places = [(each.record.partition, each.record.offset) for each in readings]
    letters = await stored.by_place(connection, records[0].topic, places)
    asked = {claim for each in readings if (claim := each.allotment) is not None}
    granted = await allotted(connection, spec.name, asked) if asked else set()
    return [
        (
            each,
            standing(
                each,
                known.get(keys[each.identity.key]) if each.identity is not None else None,
                letters.get(place),
                is_allotted=each.allotment is None or each.allotment in granted,
            ),
        )
        for each, place in zip(readings, places, strict=True)
    ]
