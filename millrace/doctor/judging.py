"""What was found, judged: is it as it has to be, and what is to be done; pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from events.failures import Failure, Outage
from millrace.settings import Settings, is_secret

if TYPE_CHECKING:
    from storage.condition import Condition
    from storage.lanes import LaneState
    from streams.topics import Difference

PGVECTOR: Final = (0, 8, 4)
CLOCK_SECONDS: Final = 2.0
DAY_MILLISECONDS: Final = 24 * 60 * 60 * 1000
AFTER_THE_INBOX: Final = "What comes again after that is told by its natural key alone: docs/operations.md."

# The code of an outage in which nothing answers; the others are answers.
OPENAI_AWAY: Final = "openai_away"

# What every worker needs, with what to do where it is missing.
NEEDED: Final = {
    "database_url": "Name PostgreSQL, or start local servers: millrace stack start",
    "redis_url": "Name Redis, or start local servers: millrace stack start",
    "kafka_bootstrap_servers": "Name Kafka, or start local servers: millrace stack start",
    "object_store_url": "Name a folder or an S3 bucket, or start local servers: millrace stack start",
    "openai_api_key": "Documents and audits need it; runs do not: millrace worker --flows runs,slices",
}


class State(StrEnum):
    """How a thing is. A remark is nothing to mend."""

    OK = "ok"
    REMARK = "remark"
    WRONG = "wrong"
    AWAY = "away"


class Check(NamedTuple):
    """One thing that was looked at, what was found, and what to do about it."""

    name: str
    state: State
    message: str
    advice: str = ""


def exit_code(checks: Iterable[Check]) -> int:
    """5 when a server cannot be reached, else 1 when something is wrong, else 0."""
    states = {check.state for check in checks}
    return 5 if State.AWAY in states else 1 if State.WRONG in states else 0


def of_settings(named: Settings, chosen: Settings) -> list[Check]:
    """Whether what every worker needs is set: by the environment, as in `named`, or else by the local stack."""
    checks = [_setting(name, named, chosen) for name in NEEDED]
    others = sorted(named.model_fields_set - NEEDED.keys())
    if others:
        checks.append(Check("others", State.OK, "set: " + ", ".join(name.upper() for name in others)))
    return checks


def of_database(found: Condition, newest: str | None, older: Collection[str]) -> list[Check]:
    """The database's checks; `newest` is the revision that this code works with, `older` those before it."""
    return [
        Check("database", State.OK, f"PostgreSQL {found.server}"),
        _tables(found.revision, newest, older),
        _pgvector(found),
        _tenant(found),
        _owner(found),
        _clock(found.clock_ahead),
    ]


def of_topics(missing: Sequence[str], differing: Sequence[Difference]) -> list[Check]:
    """Whether all topics are there, and where they are not as they would be made."""
    if missing:
        found = Check("topics", State.WRONG, f"missing: {', '.join(missing)}", "Make them: millrace topics ensure")
    else:
        found = Check("topics", State.OK, "all are there")
    by_setting: dict[tuple[str, int, int], list[str]] = {}
    for each in differing:
        by_setting.setdefault((each.setting, each.found, each.wanted), []).append(each.topic)
    return [found] + [
        Check("topics", State.REMARK, f"{setting} {having}, not {wanted}: {', '.join(topics)}", "They are left as they are.")
        for (setting, having, wanted), topics in by_setting.items()
    ]


def of_lanes(lanes: Iterable[LaneState]) -> list[Check]:
    """Whether a flow is stopped."""
    stopped = [lane for lane in lanes if lane.is_stopped]
    if not stopped:
        return [Check("lanes", State.OK, "none is stopped")]
    return [
        Check(
            "lanes", State.WRONG, f"{lane.flow} is stopped: {lane.reason}", f"Mend it, then: millrace lane resume {lane.flow}"
        )
        for lane in stopped
    ]


def of_inbox(days: float, retention_days: float, differing: Sequence[Difference]) -> Check:
    """Whether the inbox remembers events for longer than Kafka can bring them again."""
    found = [each.found / DAY_MILLISECONDS for each in differing if each.setting == "retention.ms"]
    if any(kept < 0 for kept in found):
        message = f"INBOX_DAYS is {days:g}, and Kafka keeps some records for ever"
        return Check("inbox", State.REMARK, message, AFTER_THE_INBOX)
    longest = max([retention_days, *found])
    if days <= longest:
        message = f"INBOX_DAYS is {days:g}, and Kafka keeps records for {longest:g} days"
        return Check("inbox", State.WRONG, message, f"Raise it above that. {AFTER_THE_INBOX}")
    return Check("inbox", State.OK, f"remembers events for {days:g} days, Kafka records for {longest:g}")


def of_openai(provider: str, *, stand_in: bool) -> Check:
    """Who answers in OpenAI's place."""
    if stand_in:
        advice = "Set OPENAI_API_KEY to use OpenAI."
        return Check("openai", State.REMARK, "the local stand-in answers: for trying, not for use", advice)
    return Check("openai", State.OK, f"{provider} answers and takes the key")


def of_openai_failure(failure: Failure) -> Check:
    """An outage is one of three: nothing answers, the key is refused, the quota is used up."""
    if failure.code == OPENAI_AWAY:
        return Check("openai", State.AWAY, f"does not answer: {failure.message}", "See OPENAI_BASE_URL and the way there.")
    if isinstance(failure, Outage):
        return Check("openai", State.WRONG, str(failure), "See OPENAI_API_KEY and its account.")
    return Check("openai", State.REMARK, str(failure), "Ask again in a moment.")


def _setting(name: str, named: Settings, chosen: Settings) -> Check:
    value = getattr(chosen, name)
    if value is None:
        return Check(name.upper(), State.WRONG, "is not set", NEEDED[name])
    shown = "set" if is_secret(type(chosen).model_fields[name]) else str(value)
    return Check(name.upper(), State.OK, shown if getattr(named, name) is not None else f"{shown}, by the local stack")


def _tables(revision: str | None, newest: str | None, older: Collection[str]) -> Check:
    migrate = "Bring them up to date: millrace migrate"
    if revision is None:
        return Check("tables", State.WRONG, "there are none yet", "Make them: millrace migrate")
    if revision in older:
        return Check("tables", State.WRONG, f"at revision {revision}, not at {newest}", migrate)
    if revision != newest:
        message = f"at revision {revision}, which is newer than this code, whose newest is {newest}"
        return Check("tables", State.REMARK, message, "Update Millrace.")
    return Check("tables", State.OK, f"at the newest revision, {revision}")


def _pgvector(found: Condition) -> Check:
    version = found.pgvector or found.pgvector_offered
    needed = ".".join(map(str, PGVECTOR))
    if version is None:
        return Check("pgvector", State.WRONG, "is not installed on the server", f"Install {needed} or newer.")
    if _numbers(version) < PGVECTOR:
        update = "alter extension vector update" if _numbers(found.pgvector_offered or "") >= PGVECTOR else f"install {needed}"
        return Check("pgvector", State.WRONG, f"{version} can corrupt an index; {needed} is needed", f"Mend it: {update}")
    if found.pgvector is None:
        return Check("pgvector", State.WRONG, f"{version} is there, not yet in this database", "Make it: millrace migrate")
    return Check("pgvector", State.OK, version)


def _tenant(found: Condition) -> Check:
    if not found.has_tenant_role:
        return Check("tenant role", State.WRONG, "there is no role millrace_tenant", "Make it: millrace migrate")
    if not found.may_become_tenant:
        advice = "grant millrace_tenant to the role of DATABASE_URL"
        return Check("tenant role", State.WRONG, "this role may not become millrace_tenant", advice)
    return Check("tenant role", State.OK, "clients' sessions can be had")


def _owner(found: Condition) -> Check:
    if not found.owns_tables:
        advice = "DATABASE_URL must name the role that ran the migrations."
        return Check("owner", State.WRONG, "another role owns the tables, so rows cannot be written by COPY", advice)
    return Check("owner", State.OK, "the tables belong to this role")


def _clock(ahead: float) -> Check:
    if abs(ahead) > CLOCK_SECONDS:
        side = "ahead of" if ahead > 0 else "behind"
        advice = "Set the clocks: marks in Redis and times of events follow this one, retries the other."
        return Check("clock", State.WRONG, f"the database's is {abs(ahead):.1f} s {side} this machine's", advice)
    return Check("clock", State.OK, f"the database's and this machine's differ by {abs(ahead):.2f} s")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])
