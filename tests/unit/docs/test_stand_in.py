from __future__ import annotations

from devstack.standin.faults import KINDS
from tests.support.markdown import first_cells, read, section


def test_the_faults_in_the_docs_are_all_there_are() -> None:
    assert first_cells(section(read("docs/stand-in.md"), "Faults")) == list(KINDS)
