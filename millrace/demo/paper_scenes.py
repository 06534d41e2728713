"""Documents and an audit: the papers of Quillmere Milling Machines Ltd, a company that does not exist.

Every client has documents of its own, under fresh ids; the audit is asked for together with them, and waits for them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

from events.ids import uuid7
from millrace.demo.objects import uri_of
from millrace.demo.scene import Scene, scene
from millrace.examples import FOLDER, envelope
from millrace.uploads import MEDIA_TYPES

# Those that can be read, in the order in which the audit is given them.
READABLE = {
    "minutes": ("board-minutes.docx", "Minutes of the board"),
    "balance": ("trial-balance.xlsx", "Trial balance, two sheets"),
    "ledger": ("sales-ledger.csv", "Sales ledger"),
    "ageing": ("receivables.html", "Receivables by age"),
    "loan": ("loan-agreement.pdf", "Loan agreement, four pages"),
    "related": ("related-parties.md", "Dealings with related parties"),
    "engagement": ("engagement.txt", "Engagement letter of the auditors"),
}
OTHERS = {
    "encrypted": ("directors-pay.pdf", "A PDF that needs a password"),
    "picture": ("delivery-scan.pdf", "A PDF that is a picture, without any text"),
}
COPY = ("loan-signed.pdf", "The bytes of the loan agreement once more, as another document")

AUDIT_TITLE = "Quillmere Milling Machines Ltd: year-end audit 2025"
AUDIT_INSTRUCTIONS = """\
You prepare the audit of the financial statements for the year that ended on 31 December 2025. Compare the papers with \
each other and with the valuation run. Look for covenants that are not kept, and whether the company can go on; for \
amounts that are overdue, recorded twice or differ between records; for dealings with directors and persons connected \
with them, and whether they were approved; for disputes, security given and contracts that have ended; and for \
positions that the valuation leaves out."""


def document_scenes(client: str) -> list[Scene]:
    """Every scene of the documents flow; the copy goes out when the original has been embedded."""
    scenes = [scene(name, title, _uploaded(client, file)) for name, (file, title) in (READABLE | OTHERS).items()]
    file, title = COPY
    return [*scenes, scene("copy", title, _uploaded(client, file), after=["loan"])]


def audit_scene(client: str, documents: Sequence[Scene], run: Scene) -> Scene:
    """An audit of the readable ones of these documents, and of a run."""
    data = {
        "audit_id": str(uuid7()),
        "title": AUDIT_TITLE,
        "instructions": AUDIT_INSTRUCTIONS,
        "document_ids": [document.task_id for document in documents if document.name in READABLE],
        "run_ids": [run.task_id],
        "max_findings": 20,
        "budget_usd": 0.5,
    }
    return scene(
        "audit", "An audit of these papers and of the run of what the company holds", envelope("audit.created.v1", client, data)
    )


def _uploaded(client: str, filename: str) -> dict[str, Any]:
    path = FOLDER / "documents" / filename
    data = {
        "document_id": str(uuid7()),
        "version": 1,
        "uri": uri_of(f"documents/{filename}"),
        "filename": filename,
        "media_type": MEDIA_TYPES[PurePath(filename).suffix],
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }
    return envelope("document.uploaded.v1", client, data)
