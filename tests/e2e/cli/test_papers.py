"""Documents and audits as people handle them: one worker, and the stand-in for OpenAI."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from millrace.demo.objects import objects

MINUTES = "Minutes of the board.\n\nThe company is in breach of the covenant on interest cover under its term loan.\n"
LEDGER = "invoice,amount,state\n17,140000,disputed\n18,95000,overdue\n"


def lines(result: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


@dataclass(frozen=True)
class Papers:
    """A client's files, and the documents that they have become."""

    desk: Any
    client: str
    minutes: Path
    ledger: Path
    picture: Path

    def upload(self, *paths: Path) -> tuple[int, dict[str, dict[str, Any]]]:
        """The exit code, and each file's answer by its name."""
        result = self.desk("upload", *map(str, paths), "--client", self.client, "--wait", "--json")
        return result.returncode, {answer["filename"]: answer for answer in lines(result)}

    def search(self, text: str, client: str = "") -> dict[str, Any]:
        return dict(json.loads(self.desk("search", text, "--client", client or self.client, "--json").stdout))


@pytest.fixture
def papers(millrace: Any, tmp_path: Path) -> Papers:
    made = Papers(
        millrace, f"client-{uuid4().hex[:8]}", *(tmp_path / name for name in ("minutes.md", "ledger.csv", "scan.png"))
    )
    made.minutes.write_text(MINUTES)
    made.ledger.write_text(LEDGER)
    made.picture.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    return made


def test_files_are_embedded_found_audited_and_replaced(papers: Papers, start_worker: Any) -> None:
    worker = start_worker(papers.desk)
    worker.wait_until("/health/deep")
    document_id = embedded(papers)
    found(papers)
    exemplified(papers)
    audited(papers)
    replaced(papers, document_id)
    shown(papers, document_id)
    assert worker.end() == 0
    assert "Traceback" not in worker.log.read_text()


def embedded(papers: Papers) -> str:
    """Two of three files are; the id of the minutes."""
    code, answers = papers.upload(papers.minutes, papers.ledger, papers.picture)
    assert {name: answer["status"] for name, answer in answers.items()} == {
        "minutes.md": "embedded",
        "ledger.csv": "embedded",
        "scan.png": "failed",
    }
    assert (code, answers["scan.png"]["reason"]) == (3, "unsupported")
    assert "unsupported" in papers.desk("results", "document", answers["scan.png"]["document_id"]).stdout
    return str(answers["minutes.md"]["document_id"])


def found(papers: Papers) -> None:
    """By their client alone."""
    said = papers.search("breach of a covenant")
    assert (said["data"][0]["filename"], said["stand_in"], said["of_other_models"]) == ("minutes.md", True, 0)
    assert papers.search("breach of a covenant", "another")["data"] == []
    for_people = papers.desk("search", "breach of a covenant", "--client", papers.client, "--limit", "1")
    assert "minutes.md, page 1" in for_people.stdout
    assert "ledger.csv" not in for_people.stdout
    assert "stand-in" in for_people.stderr


def exemplified(papers: Papers) -> None:
    """The example is of a document that the demonstration stores."""
    for uri, content in objects():
        path = Path(papers.desk.environment["OBJECT_STORE_URL"].removeprefix("file://")) / uri
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    example = papers.desk("example", "document.uploaded.v1", "--client", papers.client).stdout
    told = papers.desk("publish", "-", "--wait", text=example)
    assert told.returncode == 0, told.stdout + told.stderr
    assert told.stdout.startswith("embedded")
    assert "chunks, $0.00" in told.stdout


def audited(papers: Papers) -> None:
    """The example asks for all documents of its client."""
    audit = papers.desk("example", "audit.created.v1", "--client", papers.client).stdout
    told = papers.desk("publish", "-", "--wait", "--timeout", "80", text=audit)
    assert told.returncode == 0, told.stdout + told.stderr
    assert "by the stand-in for OpenAI" in told.stdout
    audit_id = json.loads(audit)["data"]["audit_id"]
    for_people = papers.desk("results", "audit", audit_id).stdout
    assert "stand-in for OpenAI answered" in for_people
    assert "minutes.md, page 1" in for_people
    plain = json.loads(papers.desk("results", "audit", audit_id, "--client", papers.client, "--json").stdout)
    assert any("breach of the covenant" in cited["quote"] for each in plain["findings"] for cited in each["citations"])
    assert plain["cost_usd"] > 0
    assert papers.desk("results", "audit", audit_id, "--client", "another").returncode == 1


def replaced(papers: Papers, document_id: str) -> None:
    """First by the same bytes, which cost nothing, then by others."""
    code, answers = papers.upload(papers.minutes)
    said = answers["minutes.md"]
    assert (code, said["status"], said["version"], said["document_id"]) == (0, "unchanged", 2, document_id)
    assert said["completion"]["data"]["cost_usd"] == 0
    papers.minutes.write_text(MINUTES + "\nA dividend of USD 120,000 was declared.\n")
    code, answers = papers.upload(papers.minutes)
    assert (code, answers["minutes.md"]["status"], answers["minutes.md"]["version"]) == (0, "embedded", 3)
    assert "dividend" in papers.search("dividend declared")["data"][0]["content"]


def shown(papers: Papers, document_id: str) -> None:
    """To whom it belongs."""
    plain = json.loads(papers.desk("results", "document", document_id, "--chunks", "5", "--json").stdout)
    assert [row["status"] for row in plain["versions"]] == ["embedded", "unchanged", "embedded"]
    assert (plain["current_version"], "dividend" in plain["chunks"][0]["content"]) == (3, True)
    assert "embedded, current" in papers.desk("results", "document", document_id, "--client", papers.client).stdout
    assert papers.desk("results", "document", document_id, "--client", "another").returncode == 1
    taken = papers.desk("upload", str(papers.ledger), "--client", "another", "--document-id", document_id)
    assert taken.returncode == 4
    assert "another client's" in taken.stderr


def test_a_search_without_a_key_is_one_line(millrace: Any) -> None:
    result = millrace("search", "covenant", "--client", "acme", OPENAI_API_KEY="")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("millrace: OPENAI_API_KEY: is not set")


def test_a_search_while_openai_is_away_is_exit_code_5(millrace: Any) -> None:
    result = millrace("search", "covenant", "--client", "acme", OPENAI_BASE_URL="http://127.0.0.1:1/v1")
    assert (result.returncode, result.stdout) == (5, "")
    assert "OpenAI" in result.stderr


NONSENSE = [["covenant"], ["covenant", "--client", "no spaces"], [" ", "--client", "acme"], ["\udcff", "--client", "acme"]]


@pytest.mark.parametrize("arguments", NONSENSE)
def test_a_search_that_makes_no_sense_is_exit_code_2(bare: Any, arguments: list[str]) -> None:
    result = bare("search", *arguments)
    assert (result.returncode, result.stdout) == (2, "")
