"""`millrace results audit`: what an audit found, on which quotes it rests, and what a person should look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from millrace.cli.asking import ask
from millrace.cli.output import Json, data, harmless, print_facts, print_json
from millrace.cli.wording import SEVERITIES, STAND_IN_REMARK, is_stand_in, severities, usd

if TYPE_CHECKING:
    from storage.audits import AuditRow, StoredAudit
    from storage.database import Connection

FACTS = (
    "audit_id", "client_id", "status", "title", "model", "prompt_version", "input_tokens", "output_tokens", "cost_usd",
    "evidence_chunks", "evidence_left_out", "failure_code", "failure_message", "started_at", "completed_at",
)  # fmt: skip
COLOURS = {"critical": "red", "high": "red", "medium": "yellow", "low": "cyan", "info": "blue"}
DOUBTS = {
    "unknown_chunk": "cites a chunk that was not given",
    "quote_not_found": "quotes what its chunk does not say",
    "no_citation": "cites nothing",
    "too_many_findings": "and those after it were left out: more than were asked for",
}

Names = Mapping[UUID, str]


def audit(
    audit_id: Annotated[UUID, typer.Argument(metavar="ID")],
    client: Annotated[str | None, typer.Option(help="Read as this client, who sees its own audits only.")] = None,
    as_json: Json = False,
) -> None:
    """Print an audit: its summary, the findings with their quotes, what needs review and why, and what it cost."""
    from millrace.failures import CommandError

    found, names = ask(lambda connection: _read(connection, audit_id), client)
    if found is None:
        raise CommandError(
            f"there is no audit {audit_id}" + (f" of client {client}" if client else ""),
            "One that was just asked for is there once it has been worked on: millrace lag",
        )
    if as_json:
        print_json(as_plain(found, names))
    else:
        _print(found, names)


async def _read(connection: Connection, audit_id: UUID) -> tuple[StoredAudit | None, dict[UUID, str]]:
    from storage.audits import read_audit
    from storage.document_views import filenames

    found = await read_audit(connection, audit_id)
    cited = {UUID(cited["document_id"]) for finding in found.findings for cited in finding["citations"]} if found else set()
    return found, await filenames(connection, cited)


def as_plain(found: StoredAudit, names: Names) -> dict[str, Any]:
    """The audit by the names of its columns, as JSON has it, the worst findings first; citations name their files too."""
    row = found.row
    digests = {"input_sha256": row.input_sha256.hex(), "request_sha256": row.request_sha256.hex()}
    findings = [
        finding | {"place": place, "citations": [cited | {"filename": _name(cited, names)} for cited in finding["citations"]]}
        for place, finding in by_severity(found.findings)
    ]
    costs = {"cost_usd": float(row.cost_usd), "stand_in": is_stand_in(row.model)}
    return row._asdict() | digests | costs | {"findings": findings}


def by_severity(findings: Sequence[Mapping[str, Any]]) -> list[tuple[int, dict[str, Any]]]:
    """The findings with the place, from 0, at which the model named them; the worst first, else in that order."""
    return sorted(
        ((place, dict(finding)) for place, finding in enumerate(findings)),
        key=lambda each: SEVERITIES.index(each[1]["severity"]),
    )


def _print(found: StoredAudit, names: Names) -> None:
    row = found.row
    facts = row._asdict() | {"cost_usd": usd(row.cost_usd), "evidence_left_out": row.evidence_left_out or None}
    print_facts({name: facts[name] for name in FACTS if facts[name] is not None})
    if row.input_tokens and is_stand_in(row.model):
        data().print(STAND_IN_REMARK)
    if row.summary:
        _say(f"\n{row.summary}")
    if row.failure_code is None:
        _say(f"\n{severities(finding['severity'] for finding in found.findings)}")
    for place, finding in by_severity(found.findings):
        _print_finding(place, finding, names)
    _print_review(row)


def _print_finding(place: int, finding: Mapping[str, Any], names: Names) -> None:
    severity = finding["severity"]
    data().print(f"\n[bold]{place + 1}[/]  [{COLOURS[severity]}]{severity}[/]  ", end="")
    _say(finding["title"])
    for text in (finding["description"], finding["recommendation"]):
        if text:
            _say(f"   {text}")
    for cited in finding["citations"]:
        page = f", page {cited['page']}" if cited["page"] else ""
        _say(f"   > {cited['quote']}")
        _say(f"     {_name(cited, names)}{page}")


def _print_review(row: AuditRow) -> None:
    if not row.review:
        return
    _say("\nNeeds review, since a citation or a finding was left out, or a citation is missing:")
    for doubt in row.review:
        quote = f": {doubt['quote']}" if doubt["quote"] else ""
        _say(f"   finding {doubt['finding'] + 1} {DOUBTS.get(doubt['reason'], doubt['reason'])}{quote}")


def _name(cited: Mapping[str, Any], names: Names) -> str:
    """The file's name; of a run, which has none, its id."""
    return names.get(UUID(cited["document_id"])) or f"run {cited['document_id']}"


def _say(text: str) -> None:
    """Words of the model or of a document, without what would steer the terminal or the markup."""
    data().print(harmless(text), markup=False, soft_wrap=True)
