"""What becomes of versions that finish together, given what is stored of their documents. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from events.failures import Conflict, Reason
from handlers.same_input import is_same_input
from storage.documents import DocumentRow, Key, Standing


@dataclass(slots=True)
class Settled:
    """For each row, in order, the row that holds its natural key, or a Conflict; and the rows to write, by their place."""

    holders: list[DocumentRow | Conflict]
    new: dict[int, DocumentRow] = field(default_factory=dict)

    @property
    def has_conflicts(self) -> bool:
        """Whether the group must be saved again without some of its events."""
        return any(isinstance(holder, Conflict) for holder in self.holders)


def settle(rows: Sequence[DocumentRow], stored: Mapping[Key, DocumentRow], standing: Mapping[UUID, Standing]) -> Settled:
    """Decides for all rows, of which the first of a key counts.

    `stored` are the rows under their keys, `standing` is told of each document that has any version. Of the versions with
    chunks the highest becomes current; one that comes with a higher one, or after it, is superseded.
    """
    owners = {document_id: each.client_id for document_id, each in standing.items()}
    others: dict[int, DocumentRow | Conflict] = {}
    winners: dict[Key, int] = {}
    for place, row in enumerate(rows):
        holder = rows[winners[row.key]] if row.key in winners else stored.get(row.key)
        if owners.setdefault(row.document_id, row.client_id) != row.client_id:
            others[place] = conflict_of(row)
        elif holder is None or replaces(row, holder):
            winners[row.key] = place
        else:
            others[place] = holder if is_same_input(row, holder) else conflict_of(row)
    new = _as_they_stand({place: rows[place] for place in winners.values()}, standing)
    written = {row.key: row for row in new.values()}
    return Settled([_holder(others.get(place), row, written) for place, row in enumerate(rows)], new)


def _as_they_stand(new: Mapping[int, DocumentRow], standing: Mapping[UUID, Standing]) -> dict[int, DocumentRow]:
    newest = {document_id: each.current_version or 0 for document_id, each in standing.items()}
    for row in new.values():
        if row.chunks_version is not None:
            newest[row.document_id] = max(newest.get(row.document_id, 0), row.version)
    return {place: _as_it_stands(row, newest.get(row.document_id, 0)) for place, row in new.items()}


def _as_it_stands(row: DocumentRow, newest: int) -> DocumentRow:
    if row.chunks_version is None:
        return row
    return row._replace(is_current=True) if row.version == newest else superseded(row)


def _holder(
    other: DocumentRow | Conflict | None, row: DocumentRow, written: Mapping[Key, DocumentRow]
) -> DocumentRow | Conflict:
    if isinstance(other, Conflict):
        return other
    return written[row.key] if other is None else written.get(row.key, other)


def replaces(row: DocumentRow, stored: DocumentRow) -> bool:
    """Whether `row` takes the place of `stored`: the same request, which failed, was worked on again."""
    again = row.generation > stored.generation and row.request_sha256 == stored.request_sha256
    return again and stored.status == "failed"


def superseded(row: DocumentRow) -> DocumentRow:
    """The row of a version that is not shown, because a higher one is there: it has no chunks, what it cost stays."""
    return row._replace(
        status="superseded", is_current=False, chunks_version=None, pages=0, page_labels=[], chunks=0, chunks_reused=0
    )


def conflict_of(row: DocumentRow) -> Conflict:
    """The failure of an event whose natural key stands for something else."""
    name = f"version {row.version} of document {row.document_id}"
    return Conflict(Reason.INPUT_CONFLICT, f"{name} was uploaded before with another input, or the document by another client")
