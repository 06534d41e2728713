"""Events as upstream writes them, and what each must lead to."""

from __future__ import annotations

import zlib
from dataclasses import replace
from hashlib import sha256
from typing import Any

from tests.faults.rig.formulas import compact, payload_sha256
from tests.faults.rig.manifest import Asked

TYPE_OF = {"runs": "run.requested.v1", "documents": "document.uploaded.v1", "audits": "audit.created.v1"}
CANCEL = "run.cancel.requested.v1"
KEY_FIELDS = {"runs": ("run_id",), "documents": ("document_id", "version"), "audits": ("audit_id",)}
RUN_STATUSES = frozenset({"completed", "partial"})
CANCEL_STATUSES = RUN_STATUSES | {"cancelled"}
TIMES = (None, "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-01-15T10:00:00.123456+05:30")


class Asker:
    """Makes events with ids that are new for this seed."""

    def __init__(self, seed: int) -> None:
        self.source, self._count = f"/rig/{seed}", 0

    def run(
        self,
        data: dict[str, Any],
        *,
        client: str = "acme",
        event_id: str | None = None,
        natural_key: str | None = None,
        fails: str | None = None,
        book: bytes = b"",
    ) -> Asked:
        """A run; whether it is `partial` is the judge's to compute."""
        statuses = frozenset({"failed"}) if fails else RUN_STATUSES
        asked = self.event("runs", data, client, statuses, event_id=event_id, natural_key=natural_key, fails=fails)
        return replace(asked, book=book)

    def cancel(self, run: Asked) -> Asked:
        """The end of a run; it is answered with how that run stands then."""
        data, own = {"run_id": run.data["run_id"]}, f"e-{self._count + 1}"
        asked = self.event("runs", data, run.client, CANCEL_STATUSES, event_id=own, natural_key=f"the end of a run {own}")
        return replace(asked, payload=payload_sha256(CANCEL, run.client, data), cancels=True)

    def event(
        self,
        flow: str,
        data: dict[str, Any],
        client: str,
        statuses: frozenset[str],
        *,
        event_id: str | None = None,
        natural_key: str | None = None,
        fails: str | None = None,
        text: str = "",
    ) -> Asked:
        """An event of any flow, under a new id unless one is given."""
        self._count += 1
        fields = KEY_FIELDS[flow]
        wants = {name: value for name, value in data.items() if name not in fields}
        return Asked(
            flow=flow,
            source=self.source,
            id=event_id or f"e-{self._count}",
            client=client,
            packed=zlib.compress(compact(data)),
            payload=payload_sha256(TYPE_OF[flow], client, data),
            natural_key=natural_key or f"{flow} {':'.join(str(data[name]) for name in fields)}",
            wants=sha256(client.encode() + compact(wants, sort_keys=True)).digest(),
            statuses=statuses,
            fails=fails,
            text=text,
        )

    def envelope(self, asked: Asked) -> dict[str, Any]:
        """The CloudEvent of what is asked."""
        told = {
            "specversion": "1.0",
            "id": asked.id,
            "source": asked.source,
            "type": CANCEL if asked.cancels else TYPE_OF[asked.flow],
            "clientid": asked.client,
            "data": asked.data,
        }
        time = TIMES[int(asked.id.partition("-")[2]) % len(TIMES)]
        return told if time is None else told | {"time": time}

    def value(self, asked: Asked) -> bytes:
        return compact(self.envelope(asked))
