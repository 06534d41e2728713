"""Writing the manifest: events of all flows, good, bad, twice and contradictory, drawn from one seed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

from tests.faults.rig import papers
from tests.faults.rig.asking import Asker
from tests.faults.rig.formulas import payload_sha256
from tests.faults.rig.manifest import TOPIC_OF, Asked, Record
from tests.faults.rig.odd import LARGEST, NEWER, ODD
from tests.faults.rig.portfolios import large_run_data, run_data

FAR = 120  # records between an event and its duplicate, where that is to be far
BAD_EVERY = 13  # so that no lane sees many failures in a row
LARGE_EVERY = 150
PAPER_SHARE = 0.08
PAPERS_A_SECOND = 3.0  # more than that the stand-in does not answer
DAY_MS = 86_400_000


class Author:
    """Makes records in the order in which they are to be published; the same seed makes the same ones.

    `objects` is the folder of the object store, which documents are written to. `now_ms` dates records that come late or
    early. `paper_share` is that of documents and audits.
    """

    def __init__(self, seed: int, objects: Path, now_ms: int) -> None:
        self.paper_share = PAPER_SHARE
        self.draw, self.objects, self.now_ms = Random(seed), objects, now_ms
        self.ask = Asker(seed)
        self._odd = cycle(ODD.items())
        self._twists = cycle(
            (self._near, self._far, self._elsewhere, self._contradiction, self._rival, self._stranger, self._echo)
        )
        self._papers = cycle(papers.KINDS)
        self._later: deque[tuple[int, Record]] = deque()
        self._soon: deque[Record] = deque()
        self.serial = 0

    def take(self, count: int) -> list[Record]:
        """The next `count` records."""
        return [self._next() for _ in range(count)]

    def rest(self) -> list[Record]:
        """The duplicates that are still to come."""
        left = [*self._soon, *(record for _, record in self._later)]
        self._soon.clear()
        self._later.clear()
        return [self._numbered(record) for record in left]

    def large(self) -> Record:
        """A run that keeps a core busy and fills most of what an event may have."""
        data = large_run_data(self.draw, self._uuid(), positions=4_000, scenarios=8)
        return self._numbered(self._record(self.ask.run(data), "a large run"))

    def poison(self) -> Record:
        """A run that ends every worker that works on it."""
        data = run_data(self.draw, self._uuid())
        asked = self.ask.run(data, event_id=f"poison-{self.serial + 1}", fails="kills_worker")
        return self._numbered(self._record(asked, "an event that kills"))

    def audit(self) -> list[Record]:
        """A document and an audit of it."""
        return [self._numbered(record) for record in papers.audit(self, papers.AUDITED)]

    def _next(self) -> Record:
        if self._soon:
            return self._numbered(self._soon.popleft())
        if self._later and self._later[0][0] <= self.serial:
            return self._numbered(self._later.popleft()[1])
        place = self.serial + 1
        if place % LARGE_EVERY == 0:
            return self._numbered(self._just_small_enough())
        if place % BAD_EVERY == 0:
            return self._numbered(self._bad())
        if self.draw.random() < self.paper_share:
            first, *others = next(self._papers)(self)
            self._soon += others
            return self._numbered(first)
        return self._numbered(self._run())

    def _run(self) -> Record:
        data = run_data(self.draw, self._uuid())
        if self.draw.random() < 0.02:
            data["portfolio"] = {"uri": f"nowhere/{data['run_id']}.jsonl"}
            return self._record(self.ask.run(data, fails="portfolio_not_found"), "a run whose portfolio is not there")
        asked = self.ask.run(data)
        record = self._record(asked, "a run")
        if self.draw.random() < 0.25:
            self._dress(record)
        if self.draw.random() < 0.2:
            next(self._twists)(record, asked)
        return record

    # what comes beside a run

    def _near(self, record: Record, asked: Asked) -> None:
        self._soon.append(self._record(asked, "a duplicate, next to it", key=record.key))

    def _far(self, record: Record, asked: Asked) -> None:
        self._later.append((self.serial + FAR, self._record(asked, "a duplicate, far away", key=record.key)))

    def _elsewhere(self, _record: Record, asked: Asked) -> None:
        self._soon.append(self._record(asked, "a duplicate under another key", key=self.draw.randbytes(8)))

    def _contradiction(self, record: Record, asked: Asked) -> None:
        other = asked.data | {"reporting_currency": "GBP"}
        again = self.ask.run(other, event_id=asked.id, natural_key=f"{asked.natural_key}, said otherwise")
        key = self.draw.choice([record.key, self.draw.randbytes(8)])
        self._soon.append(self._record(again, "the same id with another payload", key=key))

    def _rival(self, record: Record, asked: Asked) -> None:
        other = self.ask.run(asked.data | {"valuation_date": "2026-01-16"})
        self._soon.append(self._record(other, "the same run_id with another input", key=record.key))

    def _stranger(self, record: Record, asked: Asked) -> None:
        other = self.ask.run(asked.data, client="somebody-else")
        self._soon.append(self._record(other, "the same run_id of another client", key=record.key))

    def _echo(self, _record: Record, asked: Asked) -> None:
        other = self.ask.run(asked.data)
        self._later.append((self.serial + FAR // 4, self._record(other, "the same run asked for by another event")))

    # what is odd

    def _dress(self, record: Record) -> None:
        """Headers and times that are odd, and do no harm."""
        record.headers = [("nothing", None), ("bytes", b"\xff\x00\xfe"), ("twice", b"1"), ("twice", b"2")]
        record.timestamp_ms = self.draw.choice([self.now_ms - 3 * DAY_MS, self.now_ms + 1_800_000, self.now_ms])

    def _bad(self) -> Record:
        about, (reason, spoil) = next(self._odd)
        data = run_data(self.draw, self._uuid())
        asked = self.ask.run(data)
        value = spoil(self.draw, self.ask.envelope(asked))
        record = Record(0, TOPIC_OF["runs"], self.draw.randbytes(8), value, about, reason=reason)
        if reason == "unknown_version":
            record.kept_as = asked.key, payload_sha256(NEWER, asked.client, data)
        return record

    def _just_small_enough(self) -> Record:
        data = run_data(self.draw, self._uuid()) | {"padding": ""}
        bare = self.ask.run(data)
        data["padding"] = "x" * (LARGEST - len(self.ask.value(bare)))
        return self._record(self.ask.run(data, event_id=bare.id), "a run of exactly 900 KB")

    # what all are made with

    def _record(self, asked: Asked, about: str, *, key: bytes | None = None) -> Record:
        own = asked.natural_key.partition(" ")[2].encode()
        return Record(0, TOPIC_OF[asked.flow], own if key is None else key, self.ask.value(asked), about, asked)

    def paper_record(self, asked: Asked, about: str, openai: tuple[dict[str, Any], ...] = ()) -> Record:
        """A record of a document or an audit."""
        record = self._record(asked, about)
        record.openai = openai
        return record

    def put(self, uri: str, text: str) -> None:
        """Writes an object."""
        path = self.objects / uri
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def _uuid(self) -> str:
        return str(UUID(int=self.draw.getrandbits(128), version=4))

    new_id: Callable[[], str] = _uuid

    def _numbered(self, record: Record) -> Record:
        self.serial += 1
        record.serial = self.serial
        return record
