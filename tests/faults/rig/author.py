"""Writing the manifest: events of all flows, good, bad, twice and contradictory, drawn from one seed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from itertools import cycle
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

from tests.faults.rig import large_runs, papers
from tests.faults.rig.asking import Asker
from tests.faults.rig.formulas import payload_sha256
from tests.faults.rig.manifest import TOPIC_OF, Asked, Record
from tests.faults.rig.odd import LARGEST, NEWER, ODD
from tests.faults.rig.portfolios import large_run_data, run_data

FAR = 120  # records between an event and its duplicate, where that is to be far
BAD_EVERY = 13  # so that no lane sees many failures in a row
LARGE_EVERY = 150
SLICED_EVERY = 100
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
        self._papers, self._sliced = cycle(papers.KINDS), cycle(large_runs.KINDS)
        self._later: deque[tuple[int, Record]] = deque()
        self._soon: deque[Record] = deque()
        self.serial, self._sliced_at = 0, SLICED_EVERY // 2

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
        data = large_run_data(self.draw, self._uuid(), positions=4_000, scenarios=2)
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
        return self._numbered(self._new(self.serial + 1))

    def _new(self, place: int) -> Record:
        if place % LARGE_EVERY == 0:
            return self._just_small_enough()
        if place % BAD_EVERY == 0:
            return self._bad()
        if place >= self._sliced_at:
            self._sliced_at += SLICED_EVERY
            return self._first_of(next(self._sliced)(self))
        if self.draw.random() < self.paper_share:
            return self._first_of(next(self._papers)(self))
        return self._run()

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
            self.twist(record, asked)
        return record

    def _first_of(self, records: Sequence[Record]) -> Record:
        first, *others = records
        self._soon += others
        return first

    # what comes beside a run

    def twist(self, record: Record, asked: Asked) -> None:
        """Has something follow a run that is like it: the same, or nearly so."""
        next(self._twists)(record, asked)

    def _near(self, record: Record, asked: Asked) -> None:
        self._soon.append(self._record(asked, "a duplicate, next to it", key=record.key))

    def _far(self, record: Record, asked: Asked) -> None:
        self._later.append((self.serial + FAR, self._record(asked, "a duplicate, far away", key=record.key)))

    def _elsewhere(self, _record: Record, asked: Asked) -> None:
        self._soon.append(self._record(asked, "a duplicate under another key", key=self.draw.randbytes(8)))

    def _contradiction(self, record: Record, asked: Asked) -> None:
        other, otherwise = asked.data | {"reporting_currency": "GBP"}, f"{asked.natural_key}, said otherwise"
        again = self.ask.run(other, event_id=asked.id, natural_key=otherwise, book=asked.book)
        key = self.draw.choice([record.key, self.draw.randbytes(8)])
        self._soon.append(self._record(again, "the same id with another payload", key=key))

    def _rival(self, record: Record, asked: Asked) -> None:
        other = self.ask.run(asked.data | {"valuation_date": "2026-01-16"}, book=asked.book)
        self._soon.append(self._record(other, "the same run_id with another input", key=record.key))

    def _stranger(self, record: Record, asked: Asked) -> None:
        other = self.ask.run(asked.data, client="somebody-else", book=asked.book)
        self._soon.append(self._record(other, "the same run_id of another client", key=record.key))

    def _echo(self, _record: Record, asked: Asked) -> None:
        other = self.ask.run(asked.data, book=asked.book)
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

    def record(self, asked: Asked, about: str) -> Record:
        """A record of a run, or of its end."""
        return self._record(asked, about, key=asked.data["run_id"].encode())

    def numbered(self, records: Sequence[Record]) -> list[Record]:
        """Records that go out beside the others."""
        return [self._numbered(record) for record in records]

    def put(self, uri: str, content: str | bytes) -> None:
        """Writes an object, whole at once."""
        path = self.objects / uri
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f"{path.name}#1")
        unfinished.write_bytes(content.encode() if isinstance(content, str) else content)
        unfinished.rename(path)

    def spoil(self, asked: Asked, spoilt: Callable[[bytes], bytes | None]) -> None:
        """The portfolio of a run becomes what `spoilt` makes of its bytes; None: it is gone."""
        uri = asked.data["portfolio"]["uri"]
        path = self.objects / uri
        left = spoilt(path.read_bytes())
        if left is None:
            path.unlink()
        else:
            self.put(uri, left)

    def _uuid(self) -> str:
        return str(UUID(int=self.draw.getrandbits(128), version=4))

    new_id: Callable[[], str] = _uuid

    def _numbered(self, record: Record) -> Record:
        self.serial += 1
        record.serial = self.serial
        return record
