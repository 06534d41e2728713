"""The docs of the fault rig name every fault, and no other."""

from __future__ import annotations

import re

from tests.faults.rig.scenarios import ALL
from tests.support.markdown import read, section


def test_the_faults_in_the_docs_are_all_there_are() -> None:
    table = section(read("docs/faults.md"), "What is caused").partition("`before_ack`")[0]
    assert re.findall(r"`([a-z_]+)`", table) == list(dict.fromkeys(re.findall(r"`([a-z_]+)`", table)))
    assert set(re.findall(r"`([a-z_]+)`", table)) == set(ALL)
