"""The judge: from topics and tables alone, whether everything came out as it must. It knows no code of the engine."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from tests.faults.rig import effects, sight, slices
from tests.faults.rig.fates import Fates, fates
from tests.faults.rig.finding import Finding
from tests.faults.rig.letters import judge_letters
from tests.faults.rig.manifest import COMPLETED_TOPIC_OF, SLICES, Asked, Manifest
from tests.faults.rig.portfolios import is_sliced
from tests.faults.rig.sight import Row, Sight
from tests.faults.rig.slices import Planned
from tests.faults.rig.tail import Seen, Tail

INBOX = "select event_key, flow, source, event_id, generation, client_id, payload_sha256, outcome from inbox"
DEAD = 'select topic, partition, "offset", reason, sha256(value) as digest, key, status from dead_letters'
AT_ONCE = 500


@dataclass(slots=True)
class Judgement:
    """What was found, and what was counted on the way."""

    findings: list[Finding] = field(default_factory=list)
    accepted: int = 0
    rejected: int = 0
    repeated_completions: int = 0
    repeated_letters: int = 0
    paid_twice: int = 0
    large_runs: int = 0
    runs_cancelled: int = 0
    slices_ended: int = 0
    slices_failed: int = 0
    repeated_requests: int = 0


class Judge:
    """Judges all that a manifest holds, once it has settled."""

    def __init__(self, manifest: Manifest, tail: Tail, look: Sight) -> None:
        self.manifest, self.tail, self.sight = manifest, tail, look
        self.planned: list[Planned] = []
        self.cancelled = set[str]()
        self.serials_of: defaultdict[UUID, list[int]] = defaultdict(list)
        for record in manifest.published():
            if record.asked is not None:
                self.serials_of[record.asked.key].append(record.serial)

    async def judge(self) -> Judgement:
        found = Judgement()
        stored = await self.sight.rows(INBOX)
        inbox = [row for row in stored if row["flow"] != SLICES]
        dead = await self.sight.rows(DEAD)
        told = self._fates(inbox)
        found.findings += told.findings
        found.accepted, found.rejected = len(told.accepted), len(dead)
        found.findings += self._lost_records()
        found.findings += self._inbox(inbox, told)
        found.findings += judge_letters(self.manifest, self.tail, told, dead)
        found.repeated_letters = max(0, len(self.tail.letters) - len(dead))
        said, complaints = self._completions(told)
        found.findings += complaints
        found.repeated_completions = max(0, len(self.tail.completions) - len(said))
        async for each in self._effects(told, said):
            found.findings.append(each)
        found.findings += self._slices(found, [row for row in stored if row["flow"] == SLICES])
        found.findings += await self._left_behind(told)
        found.paid_twice = await self.sight.value(sight.PAID_TWICE)
        return found

    def _fates(self, inbox: Sequence[Row]) -> Fates:
        payloads: defaultdict[UUID, list[bytes]] = defaultdict(list)
        for row in inbox:
            payloads[row["event_key"]].append(row["payload_sha256"])
        return fates(self.manifest.published(), payloads)

    def _lost_records(self) -> Iterator[Finding]:
        for record in self.manifest.published():
            if not self.tail.places[record.serial]:
                yield Finding("Kafka lost a record", f"{record.about} was acknowledged and is not there", (record.serial,))
        for seen in self.tail.strangers:
            yield Finding("a record nobody published", f"at {seen.place}")

    def _inbox(self, inbox: Sequence[Row], told: Fates) -> Iterator[Finding]:
        """Each row says who its event is, and how it ended."""
        for row in inbox:
            asked = told.accepted.get(row["event_key"])
            if asked is None:
                continue  # told of already
            wanted = (asked.flow, asked.source, asked.id, 0, asked.client, "failed" if asked.fails else "completed")
            names = ("flow", "source", "event_id", "generation", "client_id", "outcome")
            if (stored := tuple(row[name] for name in names)) != wanted:
                yield self._about(asked, "another outcome", f"the inbox says {stored}, not {wanted}")

    def _completions(self, told: Fates) -> tuple[dict[str, bytes], list[Finding]]:
        """What was said under each completion's id, always the same; every accepted event has one, nobody else."""
        wanted = {str(asked.completion): asked for asked in told.accepted.values()}
        said: dict[str, bytes] = {}
        findings = []
        for seen in self.tail.completions:
            completion = json.loads(seen.value or b"null") or {}
            name = str(completion.get("id"))
            if said.setdefault(name, seen.value or b"null") != seen.value:
                findings.append(Finding("one completion, two contents", name, self._serials(wanted.get(name))))
            findings += self._envelope(wanted.get(name), completion, seen)
        for name in wanted.keys() - said.keys():
            findings.append(self._about(wanted[name], "no completion", f"{name} was never published"))
        return said, findings

    def _envelope(self, asked: Asked | None, completion: Row, seen: Seen) -> Iterator[Finding]:
        if asked is None:
            cause = f"caused by {completion.get('causationid')}, at {seen.place}"
            yield Finding("a completion of no accepted event", f"{completion.get('id')} {cause}")
            return
        found = {name: completion.get(name) for name in ("causationid", "clientid", "generation", "correlationid")}
        wanted = {"causationid": asked.id, "clientid": asked.client, "generation": 0, "correlationid": asked.id}
        if found != wanted or seen.place[0] != COMPLETED_TOPIC_OF[asked.flow]:
            yield self._about(asked, "another completion", f"it says {found} on {seen.place[0]}, not {wanted}")

    async def _effects(self, told: Fates, said: dict[str, bytes]) -> Any:
        self.cancelled |= {asked.data["run_id"] for asked in told.accepted.values() if asked.cancels}
        by_flow: defaultdict[str, list[Asked]] = defaultdict(list)
        for asked in told.accepted.values():
            by_flow[asked.flow].append(asked)
        compare = {"runs": self._runs, "documents": self._documents, "audits": self._audits}
        for flow, events in by_flow.items():
            for start in range(0, len(events), AT_ONCE):
                some = events[start : start + AT_ONCE]
                async for asked, complaint in compare[flow](some, said):
                    yield self._about(asked, "another effect", complaint)

    async def _runs(self, events: Sequence[Asked], said: dict[str, bytes]) -> Any:
        ids = [UUID(asked.data["run_id"]) for asked in events]
        runs = {row["run_id"]: row for row in await self.sight.rows(sight.RUNS, ids)}
        results, parts, groups = [
            _grouped(await self.sight.rows(query, ids), "run_id")
            for query in (sight.RESULTS, sight.RUN_SLICES, sight.RUN_TOTALS)
        ]
        for asked, run_id in zip(events, ids, strict=True):
            run, told = runs.get(run_id), _data(asked, said)
            if asked.cancels:
                complaints = slices.of_a_cancel(run, told)
            elif run is not None and asked.fails is None and is_sliced(asked.whole):
                planned = Planned(asked, run, parts[run_id])
                if run["event_id"] == asked.id:  # the others ask for the same run
                    self.planned.append(planned)
                may_be_cancelled = str(run_id) in self.cancelled
                complaints = slices.of_a_large_run(
                    planned, results[run_id], groups[run_id], told, may_be_cancelled=may_be_cancelled
                )
            else:
                complaints = effects.of_a_run(asked, run, results[run_id], told)
            for each in complaints:
                yield asked, each

    async def _documents(self, events: Sequence[Asked], said: dict[str, bytes]) -> Any:
        ids = [UUID(asked.data["document_id"]) for asked in events]
        versions = _grouped(await self.sight.rows(sight.DOCUMENTS, ids), "document_id")
        chunks = _grouped(await self.sight.rows(sight.CHUNKS, ids), "document_id")
        for asked, document_id in zip(events, ids, strict=True):
            for each in effects.of_a_document(asked, versions[document_id], chunks[document_id], _data(asked, said)):
                yield asked, each

    async def _audits(self, events: Sequence[Asked], said: dict[str, bytes]) -> Any:
        ids = [UUID(asked.data["audit_id"]) for asked in events]
        audits = {row["audit_id"]: row for row in await self.sight.rows(sight.AUDITS, ids)}
        findings = _grouped(await self.sight.rows(sight.FINDINGS, ids), "audit_id")
        for asked, audit_id in zip(events, ids, strict=True):
            for each in effects.of_an_audit(asked, audits.get(audit_id), findings[audit_id], _data(asked, said)):
                yield asked, each

    def _slices(self, found: Judgement, inbox: Sequence[Row]) -> list[Finding]:
        """What was asked of the flow of slices, and what came of that."""
        requests = self.tail.requests
        found.large_runs = len(self.planned)
        found.runs_cancelled = sum(each.run["status"] == "cancelled" for each in self.planned)
        found.slices_ended = sum(len(each.ended) for each in self.planned)
        found.slices_failed = sum(len(each.failed) for each in self.planned)
        found.repeated_requests = len(requests) - len({seen.digest for seen in requests})
        return list(slices.judge_requests(self.planned, requests, inbox))

    async def _left_behind(self, told: Fates) -> list[Finding]:
        """Nothing waits, and there are no effects but those of accepted events."""
        outbox, retries = await self.sight.waiting()
        found = [("the outbox", outbox, 0), ("retries", retries, 0)]
        for table, flow, fields in (
            ("runs", "runs", ("run_id",)),
            ("documents", "documents", ("document_id", "version")),
            ("audits", "audits", ("audit_id",)),
        ):
            own = [asked for asked in told.accepted.values() if asked.flow == flow]
            wanted = {tuple(data[name] for name in fields) for data in (asked.data for asked in own)}
            found.append((table, await self.sight.value(f"select count(*) from {table}"), len(wanted)))
        return [
            Finding("left behind", f"{name} has {rows} rows, not {wanted}") for name, rows, wanted in found if rows != wanted
        ]

    def _about(self, asked: Asked, kind: str, told: str) -> Finding:
        return Finding(kind, f"{asked.flow} {asked.id}: {told}", self._serials(asked))

    def _serials(self, asked: Asked | None) -> tuple[int, ...]:
        return () if asked is None else tuple(self.serials_of[asked.key])


def _data(asked: Asked, said: dict[str, bytes]) -> Row:
    completion = json.loads(said.get(str(asked.completion), b"null")) or {}
    data: Row = completion.get("data") or {}
    return data


def _grouped(rows: Sequence[Row], name: str) -> defaultdict[Any, list[Row]]:
    grouped: defaultdict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        grouped[row[name]].append(row)
    return grouped
