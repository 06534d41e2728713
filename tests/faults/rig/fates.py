"""What must have become of each event and each record, given what was published and who won where only one could.

Pure: which of two contradictory events is accepted is for the engine to decide, so the inbox is asked, and everything else
follows from it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from tests.faults.rig.finding import Finding
from tests.faults.rig.manifest import Asked, Record


@dataclass(slots=True)
class Fates:
    """`accepted`: the event behind each key in the inbox. `letters`: by serial, the reasons that its dead letters may have.

    A record that is not in `letters` must have none. Of an event that fails, one of its records has the letter: those are
    in `failing`, by key.
    """

    accepted: dict[UUID, Asked] = field(default_factory=dict)
    letters: dict[int, str] = field(default_factory=dict)
    failing: dict[UUID, list[int]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def fates(records: Iterable[Record], inbox: Mapping[UUID, Sequence[bytes]]) -> Fates:
    """`inbox`: the payload hashes of the rows under each key."""
    found = Fates()
    by_key: defaultdict[UUID, list[Record]] = defaultdict(list)
    for record in records:
        if record.asked is None:
            found.letters[record.serial] = record.reason or ""
        else:
            by_key[record.asked.key].append(record)
    for key, told in by_key.items():
        _one_outcome(found, key, told, inbox.get(key, ()))
    _one_of_rivals(found, by_key)
    for key in inbox.keys() - by_key.keys():
        found.findings.append(Finding("an event nobody published", f"the inbox has {key}"))
    return found


def _one_outcome(found: Fates, key: UUID, told: Sequence[Record], payloads: Sequence[bytes]) -> None:
    """At most one row in the inbox, of a payload that was published; records of another payload are conflicts."""
    serials = tuple(record.serial for record in told)
    if len(payloads) > 1:
        found.findings.append(Finding("more than one outcome", f"the inbox has {len(payloads)} rows for {key}", serials))
    if not payloads:
        return
    won = next((record.asked for record in told if record.asked and record.asked.payload == payloads[0]), None)
    if won is None:
        found.findings.append(Finding("an unknown payload", f"the inbox has {key} with a payload nobody published", serials))
        return
    found.accepted[key] = won
    for record in told:
        if record.asked is not None and record.asked.payload != won.payload:
            found.letters[record.serial] = "payload_conflict"
        elif won.fails is not None:
            found.failing.setdefault(key, []).append(record.serial)


def _one_of_rivals(found: Fates, by_key: Mapping[UUID, Sequence[Record]]) -> None:
    """Of the events that ask for one thing with different inputs, those with one input are accepted, the others are not."""
    about: defaultdict[str, list[Record]] = defaultdict(list)
    for told in by_key.values():
        for record in told:
            if record.asked is not None:
                about[record.asked.natural_key].append(record)
    for natural_key, told in about.items():
        _rivals(found, natural_key, told)


def _rivals(found: Fates, natural_key: str, told: Sequence[Record]) -> None:
    asked = [(record, record.asked) for record in told if record.asked is not None]
    inputs = {each.wants for _, each in asked if found.accepted.get(each.key) is each or _is_same(found, each)}
    if len(inputs) > 1:
        serials = tuple(record.serial for record in told)
        found.findings.append(Finding("two inputs were accepted", f"for {natural_key}", serials))
    for record, each in asked:
        if record.serial in found.letters or _is_same(found, each):
            continue  # a payload conflict, or accepted
        if inputs and each.wants not in inputs and each.key not in found.accepted:
            found.letters[record.serial] = "input_conflict"
        else:
            found.findings.append(Finding("no outcome", f"{each.flow} {each.id}: {record.about}", (record.serial,)))


def _is_same(found: Fates, asked: Asked) -> bool:
    won = found.accepted.get(asked.key)
    return won is not None and won.payload == asked.payload
