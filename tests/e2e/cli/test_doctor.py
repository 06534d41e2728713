from __future__ import annotations

import json
from typing import Any


def by_name(stdout: str) -> dict[str, dict[str, str]]:
    return {check["name"]: check for check in json.loads(stdout)["checks"]}


def test_nothing_that_is_set_is_told_setting_by_setting(bare: Any) -> None:
    result = bare("doctor", "--json")
    assert result.returncode == 1
    checks = by_name(result.stdout)
    assert {check["state"] for name, check in checks.items() if name.endswith(("URL", "SERVERS", "KEY"))} == {"wrong"}
    assert "DATABASE_URL" in bare("doctor").stdout


def test_servers_that_are_away_are_exit_code_5_each_in_a_line_without_its_password(bare: Any) -> None:
    away = {
        "DATABASE_URL": "postgresql://u:hunter2@127.0.0.1:1/x", "REDIS_URL": "redis://:hunter2@127.0.0.1:1/0",
        "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "OBJECT_STORE_URL": (bare.folder / "nowhere").as_uri(),
    }  # fmt: skip
    result = bare("doctor", "--json", **away)
    assert result.returncode == 5
    assert "hunter2" not in result.stdout + result.stderr
    assert "Traceback" not in result.stderr
    checks = by_name(result.stdout)
    assert [checks[name]["state"] for name in ("database", "redis", "kafka", "object store")] == ["away"] * 4
    assert all(checks[name]["advice"] for name in ("database", "redis", "kafka", "object store"))


def test_tables_and_a_key_that_are_missing_are_told_with_what_to_do(millrace: Any, empty_database_url: str) -> None:
    result = millrace("doctor", "--json", DATABASE_URL=empty_database_url, OPENAI_API_KEY="", TOPIC_PARTITIONS="3")
    assert result.returncode == 1
    checks = by_name(result.stdout)
    assert (checks["tables"]["state"], checks["tables"]["advice"]) == ("wrong", "Make them: millrace migrate")
    assert checks["OPENAI_API_KEY"]["state"] == "wrong"
    assert {checks[name]["state"] for name in ("database", "redis", "kafka", "topics", "object store", "clock")} == {"ok"}


def test_all_is_well_where_all_is_well(millrace: Any) -> None:
    result = millrace("doctor", "--json", TOPIC_PARTITIONS="3")
    assert result.returncode == 0, result.stdout
    assert json.loads(result.stdout)["ok"]
    checks = by_name(result.stdout)
    assert {check["state"] for check in checks.values()} <= {"ok", "remark"}
    assert "stand-in" in checks["openai"]["message"]
    for_people = millrace("doctor", TOPIC_PARTITIONS="3")
    assert for_people.returncode == 0
    assert "differ by" in for_people.stdout


def test_a_key_that_is_refused_is_wrong_and_an_openai_that_is_away_is_exit_code_5(millrace: Any) -> None:
    refused = millrace("doctor", "--json", OPENAI_API_KEY="sk-hunter2-hunter2")
    assert (refused.returncode, by_name(refused.stdout)["openai"]["state"]) == (1, "wrong"), refused.stdout
    assert "hunter2" not in refused.stdout + refused.stderr
    away = millrace("doctor", "--json", OPENAI_BASE_URL="http://127.0.0.1:1/v1")
    assert (away.returncode, by_name(away.stdout)["openai"]["state"]) == (5, "away"), away.stdout


def test_other_partitions_than_wanted_are_a_remark(millrace: Any) -> None:
    result = millrace("doctor", "--json", TOPIC_PARTITIONS="5")
    assert result.returncode == 0
    assert by_name(result.stdout)["topics"]["state"] == "remark"
