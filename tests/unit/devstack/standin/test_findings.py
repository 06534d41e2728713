from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from devstack.standin.evidence import Chunk, Evidence
from devstack.standin.findings import MAX_CITATIONS, find, invent_chunk, invent_quote, summary
from devstack.standin.rules import RULES

TEXTS = st.lists(st.sampled_from(["the rent is overdue.", "no breach.", "A breach!\n", "1.5 million", "\n", "é “x” ", "a; b "]))


def chunks(*texts: str) -> list[Chunk]:
    return [Chunk(f"c{number}", "d", "1", text) for number, text in enumerate(texts)]


def find_in(*texts: str) -> list[str]:
    return [each.title for each in find(Evidence(chunks(*texts), ""))]


def test_findings_come_most_severe_first_and_cite_the_sentences_that_say_so() -> None:
    texts = "Rent is paid. Two invoices are overdue. More.", "The company is in breach of its covenant."
    breach, overdue = find(Evidence(chunks(*texts), ""))
    assert (breach.severity, overdue.severity) == ("critical", "high")
    assert [each.quote for each in overdue.citations] == ["Two invoices are overdue."]
    assert [each.chunk.id for each in breach.citations] == ["c1"]


@given(st.lists(TEXTS.map("".join), max_size=6))
def test_every_quote_stands_in_its_chunk_as_it_is(texts: list[str]) -> None:
    for finding in find(Evidence(chunks(*texts), "breach")):
        assert 1 <= len(finding.citations) <= MAX_CITATIONS
        assert all(each.quote and each.quote in each.chunk.text for each in finding.citations)


def test_what_is_denied_is_not_found() -> None:
    assert find_in("There was no breach of the covenants.") == ["Nearest passage"]
    assert find_in("No rent was paid; the company is in breach.") == ["Covenant breached"]


def test_where_no_rule_applies_the_passage_nearest_to_the_question_is_cited() -> None:
    evidence = Evidence(chunks("The chair opened the meeting.", "Sales rose. Interest is 5 % a year."), "What is the interest?")
    (finding,) = find(evidence)
    assert (finding.severity, finding.citations[0].quote) == ("info", "Interest is 5 % a year.")


def test_a_quote_is_no_mere_number_of_a_heading_and_ends_with_a_word() -> None:
    long = "The company is in breach of its covenant, " + "as it was told " * 30
    [breach] = find(Evidence(chunks(f"13. {long}"), ""))
    assert long.startswith(f"{breach.citations[0].quote} ")
    assert find_in("13. Breach") == []


def test_without_evidence_there_is_nothing_to_find() -> None:
    assert find_in() == []
    assert find_in(" \n ") == []
    assert "no findings" in summary([], 0)


def test_the_summary_says_who_speaks() -> None:
    found = find(Evidence(chunks("It is overdue.", "Insolvency."), ""))
    assert "stand-in" in summary(found, 2)
    assert "2 findings (1 critical, 1 high)" in summary(found, 2)


def test_an_invented_chunk_is_none_of_those_given() -> None:
    given_ = chunks("It is overdue.")
    for found in find(Evidence(given_, "")), []:
        assert invent_chunk(found)[0].citations[0].chunk not in given_


def test_an_invented_quote_is_not_in_its_chunk() -> None:
    citation = invent_quote(find(Evidence(chunks("It is overdue."), "")))[0].citations[0]
    assert citation.chunk.id == "c0"
    assert citation.quote not in citation.chunk.text


def test_rules_are_ordered_by_severity() -> None:
    order = ["critical", "high", "medium", "low"]
    assert sorted(RULES, key=lambda rule: order.index(rule.severity)) == list(RULES)
