"""Findings by keyword: what an auditor would at least look at, each with the sentences that say so, verbatim."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from operator import mul

from devstack.standin.evidence import Chunk, Evidence
from devstack.standin.rules import RULES, Rule
from devstack.standin.vectors import embed

SEVERITIES = ("critical", "high", "medium", "low", "info")
MAX_CITATIONS = 3
QUOTE_CHARACTERS = 300
# Letters and digits; what has fewer, such as the number of a heading, is found almost anywhere.
FEWEST_CHARACTERS = 8
DIMENSIONS = 256
SENTENCE_END = re.compile(r"(?<=[.!?;])\s+|\s*\n+\s*")


@dataclass(frozen=True, slots=True)
class Citation:
    """A sentence of a chunk, as it stands there."""

    chunk: Chunk
    quote: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule that applies, and where."""

    severity: str
    title: str
    description: str
    recommendation: str
    citations: tuple[Citation, ...]


def find(evidence: Evidence) -> list[Finding]:
    """What the rules find, most severe first; if none applies, the sentence nearest to what was asked."""
    found = [_finding(rule, citations) for rule in RULES if (citations := tuple(_citations(rule, evidence.chunks)))]
    return found or _nearest(evidence)


def summary(findings: Sequence[Finding], chunks: int) -> str:
    """One line that says who speaks, and how many findings there are."""
    counts = [
        f"{count} {severity}" for severity in SEVERITIES if (count := sum(each.severity == severity for each in findings))
    ]
    found = f"{len(findings)} findings ({', '.join(counts)})" if findings else "no findings"
    return f"By the OpenAI stand-in of the local stack, by keywords in {chunks} chunks of evidence: {found}."


def invent_chunk(findings: Sequence[Finding]) -> list[Finding]:
    """The findings, the first citing a chunk that nobody gave."""
    stranger = Chunk("00000000-0000-7000-8000-000000000000", "00000000-0000-7000-8000-000000000000", "1", "")
    return _with_first_citation(findings, lambda citation: replace(citation, chunk=stranger))


def invent_quote(findings: Sequence[Finding]) -> list[Finding]:
    """The findings, the first quoting what its chunk does not say."""
    return _with_first_citation(findings, lambda citation: replace(citation, quote="The stand-in made this sentence up."))


def _finding(rule: Rule, citations: tuple[Citation, ...]) -> Finding:
    return Finding(rule.severity, rule.title, rule.description, rule.recommendation, citations)


def _citations(rule: Rule, chunks: Sequence[Chunk]) -> Iterator[Citation]:
    """The first sentences to which the rule applies, one of each chunk."""
    quotes = (next((Citation(chunk, each) for each in _sentences(chunk) if rule.applies_to(each)), None) for chunk in chunks)
    return islice((quote for quote in quotes if quote is not None), MAX_CITATIONS)


def _nearest(evidence: Evidence) -> list[Finding]:
    candidates = [Citation(chunk, sentence) for chunk in evidence.chunks for sentence in _sentences(chunk)]
    if not candidates:
        return []
    asked = embed(evidence.question, DIMENSIONS)
    best = max(candidates, key=lambda each: sum(map(mul, asked, embed(each.quote, DIMENSIONS))))
    description = "No rule of the stand-in applies; of all the evidence this is nearest to what was asked."
    return [Finding("info", "Nearest passage", description, "Read the passage in its context.", (best,))]


def _sentences(chunk: Chunk) -> list[str]:
    """The sentences or lines of a chunk that say something, long ones cut after a word; each stands in it as it is."""
    parts = (part.strip() for part in SENTENCE_END.split(chunk.text))
    return [_cut(part) for part in parts if len(re.findall(r"[^\W_]", part)) >= FEWEST_CHARACTERS]


def _cut(sentence: str) -> str:
    return sentence if len(sentence) <= QUOTE_CHARACTERS else sentence[:QUOTE_CHARACTERS].rsplit(maxsplit=1)[0]


def _with_first_citation(findings: Sequence[Finding], change: Callable[[Citation], Citation]) -> list[Finding]:
    nothing = Citation(Chunk("", "", "", ""), "")
    made_up = Finding("low", "Made up", "The stand-in was asked to invent.", "Do not rely on this.", (nothing,))
    first, *rest = findings or [made_up]
    return [replace(first, citations=(change(first.citations[0]), *first.citations[1:])), *rest]
