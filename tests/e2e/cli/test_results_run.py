"""A run on the command line: followed to its end, and exported whole or not at all."""

from __future__ import annotations

import asyncio
import json
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pyarrow.parquet
import pytest

from handlers.price.parquet import ResultsFile
from storage import exports
from storage.runs import RunRow
from streams.kafka import KafkaConfig
from tests.support.databases import execute
from tests.support.fresh_topics import fresh_topics
from tests.support.run_rows import run_row, store_run

RUN_ID = UUID("0199f3a2-7c1f-7d10-8a55-51d1b1f5c0de")
Desk = Callable[..., subprocess.CompletedProcess[str]]


def a_run(**columns: Any) -> RunRow:
    return run_row(**{"run_id": RUN_ID, "positions": 3} | columns)


@pytest.fixture
def desk(inside: Any, url: str) -> Desk:
    """`millrace results run` of the run."""
    return lambda *arguments: inside("results", "run", str(RUN_ID), *arguments, DATABASE_URL=url)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"status": "planned", "completed_at": None}, "is planned and has no values to export"),
        ({"status": "failed", "failure_code": "market_not_found", "failure_message": "m"}, "is failed and has no values"),
        ({"status": "cancelled"}, "is cancelled and has no values"),
    ],
)
def test_a_run_without_values_is_not_exported(desk: Desk, url: str, tmp_path: Path, columns: Any, message: str) -> None:
    store_run(url, a_run(**columns))
    result = desk("--parquet", str(tmp_path / "values.parquet"))
    assert (result.returncode, result.stdout) == (1, "")
    assert message in result.stderr
    assert list(tmp_path.glob("*.parquet*")) == []


@pytest.mark.parametrize("arguments", [[], ["--client", "rival"]])
def test_a_run_that_is_not_there_or_anothers_is_not_exported(
    desk: Desk, url: str, tmp_path: Path, arguments: list[str]
) -> None:
    if arguments:
        store_run(url, a_run(), [[1.0, 2.0]])
    result = desk("--parquet", str(tmp_path / "values.parquet"), *arguments)
    assert (result.returncode, result.stdout) == (1, "")
    assert f"there is no run {RUN_ID}" in result.stderr
    assert list(tmp_path.glob("*.parquet*")) == []


@pytest.mark.parametrize(
    ("file", "message"), [(".", ". cannot be written: it is a folder"), ("no/folder.parquet", "no such file")]
)
def test_a_place_that_cannot_be_written_is_one_line(desk: Desk, url: str, file: str, message: str) -> None:
    store_run(url, a_run(), [[1.0, 2.0]])
    result = desk("--parquet", file)
    assert (result.returncode, result.stdout) == (1, "")
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_the_values_are_in_the_file_and_the_run_in_what_is_printed(desk: Desk, url: str, tmp_path: Path) -> None:
    store_run(url, a_run(status="partial", errors=1), [[1.0, 2.0], [np.nan, np.nan], [5.0, 6.0]])
    file = tmp_path / "values.parquet"
    result = desk("--parquet", str(file), "--client", "acme", "--json")
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["parquet"] == {"file": str(file), "values": 6}
    assert "6 values in" in result.stderr
    table = pyarrow.parquet.read_table(file)
    assert table.column("value").to_pylist() == [1.0, 2.0, None, None, 5.0, 6.0]
    assert table.column("error").to_pylist() == [None, None, "UNSUPPORTED", "UNSUPPORTED", None, None]
    told = json.loads(table.schema.metadata[b"millrace.run"])
    assert (told["run_id"], told["input_sha256"], told["generation"]) == (str(RUN_ID), "69" * 32, 0)


SLICES = """
insert into run_slices (run_id, generation, slice_no, client_id, first_row, positions, byte_ranges, status, worker,
    pricer_version, started_at, finished_at)
select run_id, g, n, 'acme', 2 * n, 2, '{}', 'done', 'host-' || n || '-' || g, '2', now(), now()
from runs, generate_series(0, %d) as n, generate_series(0, 1) as g
"""
IN_A_SLICE = {"slice_no", "first_row", "positions", "status", "worker", "pricer_version", "started_at", "finished_at"}


@pytest.mark.parametrize("slices", [0, 3, exports.MOST_SLICES, exports.MOST_SLICES + 1])
def test_the_file_tells_who_priced_which_rows_or_where_that_stands(desk: Desk, url: str, tmp_path: Path, slices: int) -> None:
    store_run(url, a_run(slices=slices, slices_done=slices), [[1.0, 2.0]])
    asyncio.run(execute(url, SLICES % (slices - 1)))
    file = tmp_path / "values.parquet"
    result = desk("--parquet", str(file), "--client", "acme")
    assert result.returncode == 0, result.stderr
    told = json.loads(pyarrow.parquet.read_table(file).schema.metadata[b"millrace.run"])
    assert told["slices"] == slices
    if slices > exports.MOST_SLICES:
        assert "run_slices" not in told
        assert told["run_slices_are_in"] == f"the table run_slices, where run_id = '{RUN_ID}' and generation = 0"
        return
    assert "run_slices_are_in" not in told
    rows = [(each["slice_no"], each["first_row"], each["worker"]) for each in told["run_slices"]]
    assert rows == [(number, 2 * number, f"host-{number}-0") for number in range(slices)]
    assert all(set(each) == IN_A_SLICE and None not in each.values() for each in told["run_slices"])


def export_while(desk: Desk, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str) -> Any:
    """An export of two pages, between which something happens."""
    store_run(url, a_run(), [[1.0, 2.0], [3.0, 4.0]])
    monkeypatch.setattr(exports, "PAGE_ROWS", 1)
    write = ResultsFile.write

    def write_and_change(file: ResultsFile, page: exports.ResultPage) -> None:
        write(file, page)
        meanwhile = threading.Thread(target=lambda: asyncio.run(execute(url, change)))
        meanwhile.start()
        meanwhile.join()

    monkeypatch.setattr(ResultsFile, "write", write_and_change)
    return desk("--parquet", str(tmp_path / "values.parquet"))


def test_a_run_that_is_done_again_while_it_is_read_is_exported_as_it_was(
    desk: Desk, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = export_while(desk, url, tmp_path, monkeypatch, "update runs set generation = 1")
    assert result.returncode == 0, result.stderr
    table = pyarrow.parquet.read_table(tmp_path / "values.parquet")
    assert table["value"].to_pylist() == [1.0, 2.0, 3.0, 4.0]
    assert json.loads(table.schema.metadata[b"millrace.run"])["generation"] == 0


def test_rows_that_are_pruned_while_they_are_read_leave_no_file(
    desk: Desk, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = export_while(desk, url, tmp_path, monkeypatch, "delete from run_results where row_no = 1")
    assert (result.returncode, result.stdout) == (1, "")
    assert "2 rows of run" in result.stderr
    assert "but 1 could be read; nothing was written" in result.stderr
    assert list(tmp_path.glob("*values*")) == []


GROUPS = """
insert into run_totals (run_id, generation, group_values, measure, client_id, "values")
select run_id, 0, array['desk ' || to_char(n, 'FM000')], 'PV', 'acme', array[n, null] from runs, generate_series(1, 60) as n
"""


IN_WORK = """
with taken as (insert into run_generations select * from runs)
update runs set generation = 0, status = 'completed', completed_at = now(), slices = 0, slices_done = 0
"""


def test_a_run_that_is_done_again_says_so_beside_what_is_read(desk: Desk, url: str) -> None:
    store_run(url, a_run(generation=1, status="planned", completed_at=None, slices=4, slices_done=1))
    asyncio.run(execute(url, IN_WORK))
    shown, told = desk(), json.loads(desk("--json").stdout)
    assert "being done again as generation 1: 1 of 4 slices" in shown.stderr
    assert (told["generation"], told["status"], told["in_work"]["slices_done"]) == (0, "completed", 1)
    late = desk("--follow", "--timeout", "0.3")
    assert "planned: 1 of 4 slices" in late.stderr
    assert late.returncode == 1
    asyncio.run(execute(url, "delete from run_generations"))
    assert json.loads(desk("--follow", "--json").stdout)["in_work"] is None


END_ASIDE = """
update run_generations set status = '{0}', completed_at = now(), retired_at = now(),
    failure_code = case '{0}' when 'failed' then 'checksum_mismatch' end, failure_message = '2 of 4 slices failed'
"""
FINISHED = """
with ended as (delete from run_generations)
update runs set generation = 1, completed_at = now()
"""


@pytest.mark.parametrize(
    ("end", "code", "told"),
    [
        (
            END_ASIDE.format("failed"),
            1,
            "generation 1 is failed (checksum_mismatch: 2 of 4 slices failed): generation 0 is still",
        ),
        (END_ASIDE.format("cancelled"), 1, "generation 1 is cancelled: generation 0 is still what is read"),
        (FINISHED, 0, "completed: 3 positions"),
    ],
)
def test_a_reprocess_is_followed_to_its_own_end(bare: Any, url: str, end: str, code: int, told: str) -> None:
    store_run(url, a_run(generation=1, status="planned", completed_at=None, slices=4, slices_done=1))
    asyncio.run(execute(url, IN_WORK))
    arguments = bare.command("results", "run", str(RUN_ID), "--follow", "--timeout", "60", "--json")
    following = subprocess.Popen(arguments, env=bare.all({"DATABASE_URL": url}), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert following.stderr is not None
        assert b"planned: 1 of 4 slices" in following.stderr.readline()
        asyncio.run(execute(url, end))
        out, progress = following.communicate(timeout=60)
    finally:
        following.kill()
        following.wait()
    assert told in " ".join(progress.decode().split())
    assert b"Exception" not in progress
    assert (following.returncode, json.loads(out)["status"]) == (code, "completed")


def test_a_reprocess_can_be_cancelled_and_what_has_ended_cannot(inside: Any, url: str, kafka: str) -> None:
    asyncio.run(fresh_topics(KafkaConfig(kafka), 1))
    servers = {"DATABASE_URL": url, "KAFKA_BOOTSTRAP_SERVERS": kafka}
    store_run(url, a_run(generation=1, status="planned", completed_at=None, slices=4, slices_done=1))
    asyncio.run(execute(url, IN_WORK))
    asked = inside("run", "cancel", str(RUN_ID), **servers)
    assert asked.returncode == 0, asked.stderr
    asyncio.run(execute(url, "delete from run_generations"))
    refused = inside("run", "cancel", str(RUN_ID), **servers)
    assert (refused.returncode, refused.stdout) == (4, "")
    assert f"run {RUN_ID} has ended: it is completed" in refused.stderr


def test_totals_by_group_are_shown_as_far_as_anybody_reads_and_all_of_them_are_in_json(desk: Desk, url: str) -> None:
    store_run(url, a_run(group_by=["desk"]))
    asyncio.run(execute(url, GROUPS))
    shown, told = desk(), json.loads(desk("--json").stdout)["group_totals"]
    assert "Totals by desk in USD" in shown.stdout
    assert ("desk 050" in shown.stdout, "desk 051" in shown.stdout) == (True, False)
    assert "and 10 more totals by group: --json" in shown.stderr
    assert len(told) == 60
    assert told[1] == {"group": {"desk": "desk 002"}, "measure": "PV", "totals": {"base": 2.0, "up100": None}}


def test_a_run_that_is_not_there_in_time_is_exit_code_1(desk: Desk, url: str) -> None:
    result = desk("--follow", "--timeout", "0.3")
    assert (result.returncode, result.stdout) == (1, "")
    assert "not there yet" in result.stderr
    assert f"run {RUN_ID} has not ended within 0.3 s" in result.stderr


@pytest.mark.parametrize(("status", "code"), [("completed", 0), ("partial", 0), ("failed", 1), ("cancelled", 1)])
def test_the_exit_code_of_following_tells_how_the_run_ended(desk: Desk, url: str, status: str, code: int) -> None:
    failure = "internal" if status == "failed" else None
    store_run(url, a_run(status=status, failure_code=failure, errors=1))
    result = desk("--follow", "--json")
    assert (result.returncode, json.loads(result.stdout)["status"]) == (code, status)
    assert result.stderr.startswith(f"{status}: 3 positions, 1 errors, in 1.0 s")


def test_a_run_is_followed_to_its_end(bare: Any, url: str) -> None:
    store_run(url, a_run(status="planned", completed_at=None))
    arguments = bare.command("results", "run", str(RUN_ID), "--follow", "--timeout", "60", "--json")
    following = subprocess.Popen(arguments, env=bare.all({"DATABASE_URL": url}), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert following.stderr is not None
        assert b"planned: 3 positions, 0 errors" in following.stderr.readline()
        asyncio.run(execute(url, "update runs set status = 'completed', completed_at = now()"))
        out, progress = following.communicate(timeout=60)
    finally:
        following.kill()
        following.wait()
    assert (following.returncode, json.loads(out)["status"]) == (0, "completed")
    assert "completed: 3 positions" in progress.decode()


def test_rows_of_one_measure_are_printed_alone(desk: Desk, url: str) -> None:
    store_run(url, a_run(), [[1.0, 2.0]])
    assert len(json.loads(desk("--rows", "5", "--measure", "PV", "--json").stdout)["rows"]) == 1
    assert json.loads(desk("--rows", "5", "--measure", "KRD", "--json").stdout)["rows"] == []
