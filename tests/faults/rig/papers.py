"""Documents of a few sentences and audits of them, some of which meet a fault of OpenAI that is theirs alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tests.faults.rig.manifest import Asked, Record

if TYPE_CHECKING:
    from tests.faults.rig.author import Author

CLIENT = "acme"
SENTENCES = (
    "The borrower is in breach of the covenant on its interest cover.",
    "Invoices of four customers are overdue by more than ninety days.",
    "The loan to the director carries no interest and has no term.",
    "The ledger does not agree with the statement of the bank.",
    "A lawsuit about the delivery of two mills is still open.",
    "The auditor has seen the minutes of all meetings of the year.",
)
EMBEDDED = frozenset({"embedded"})
NO_TEXT_LEFT = frozenset({"embedded", "superseded"})
AUDITED = frozenset({"completed"})

Faults = tuple[dict[str, Any], ...]


def _document(author: Author, statuses: frozenset[str] = EMBEDDED, document_id: str | None = None, version: int = 1) -> Asked:
    data = {"document_id": document_id or author.new_id(), "version": version, "filename": "paper.txt"}
    data["uri"] = f"papers/{data['document_id']}-{version}.txt"
    marked = f"Paper {data['document_id']} in its version {version}."
    text = "\n".join([marked, *author.draw.sample(SENTENCES, 3)])
    author.put(data["uri"], text)
    return author.ask.event("documents", data, CLIENT, statuses, text=text)


def _one(author: Author) -> list[Record]:
    return [author.paper_record(_document(author), "a document")]


def _long(author: Author) -> list[Record]:
    """A text of several chunks."""
    asked = _document(author)
    lines = [f"{number}. {author.draw.choice(SENTENCES)}" for number in range(120)]
    text = asked.text + "\n" + "\n".join(lines)
    author.put(asked.data["uri"], text)
    longer = author.ask.event("documents", asked.data, CLIENT, EMBEDDED, text=text)
    return [author.paper_record(longer, "a long document")]


def _twice(author: Author) -> list[Record]:
    asked = _document(author)
    return [author.paper_record(asked, "a document"), author.paper_record(asked, "a duplicate of a document")]


def _backwards(author: Author) -> list[Record]:
    """The newer version comes first."""
    newer = _document(author, version=2)
    older = _document(author, NO_TEXT_LEFT, newer.data["document_id"], 1)
    return [author.paper_record(newer, "version 2"), author.paper_record(older, "version 1, after version 2")]


def _missing(author: Author) -> list[Record]:
    data = {"document_id": author.new_id(), "version": 1, "filename": "gone.txt", "uri": f"nowhere/{author.new_id()}.txt"}
    asked = author.ask.event("documents", data, CLIENT, frozenset({"failed"}), fails="not_found")
    return [author.paper_record(asked, "a document that is not there")]


def _contradicted(author: Author) -> list[Record]:
    """Two inputs for one version: one of them has it."""
    asked = _document(author)
    other = author.ask.event("documents", asked.data | {"filename": "other.txt"}, CLIENT, EMBEDDED, text=asked.text)
    return [author.paper_record(asked, "a document"), author.paper_record(other, "the same version with another filename")]


def audit(
    author: Author, statuses: frozenset[str], *faults: str, fails: str | None = None, times: int | None = None
) -> list[Record]:
    """An audit of a document of its own, and the faults that strike it by its marker."""
    document = _document(author)
    marker = f"marker-{author.new_id()}"
    data = {
        "audit_id": author.new_id(),
        "title": "What may keep us from signing",
        "instructions": f"Look for what is wrong. {marker}",
        "document_ids": [document.data["document_id"]],
        "budget_usd": 5.0,
    }
    asked = author.ask.event("audits", data, CLIENT, statuses, fails=fails, text=document.text)
    struck = tuple({"kind": kind, "endpoint": "responses", "contains": marker, "times": times} for kind in faults)
    about = f"an audit that meets {', '.join(faults)}" if faults else "an audit"
    return [author.paper_record(document, "a document to audit"), author.paper_record(asked, about, struck)]


def _audit_twice(author: Author) -> list[Record]:
    document, about = audit(author, AUDITED)
    assert about.asked is not None
    return [about, document, author.paper_record(about.asked, "a duplicate of an audit")]


KINDS: tuple[Callable[[Author], list[Record]], ...] = (
    _one,
    lambda author: audit(author, AUDITED),
    _twice,
    lambda author: audit(author, frozenset({"refused"}), "refusal"),
    _backwards,
    lambda author: audit(author, AUDITED, "malformed_json", times=2),
    _audit_twice,
    lambda author: audit(author, frozenset({"failed"}), "truncated_json", fails="truncated"),
    _missing,
    lambda author: audit(author, frozenset({"needs_review"}), "invented_quote"),
    _long,
    lambda author: audit(author, AUDITED, "malformed_body", times=1),
    _contradicted,
    lambda author: audit(author, frozenset({"needs_review"}), "invented_chunk"),
)
