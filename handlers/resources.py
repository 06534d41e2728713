"""What flows are built from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from handlers.audit.settings import AuditSettings
from handlers.embed.settings import DocumentSettings
from handlers.parsed import Parsed
from storage.database import Database
from storage.objects import ObjectStore

if TYPE_CHECKING:
    from handlers.embed.parsing import ParserPool
    from handlers.llm import Llm


@dataclass(frozen=True, slots=True)
class Resources:
    """The stores and servers that flows may use, and their bounds.

    `object_max_bytes`: the largest object, or part of a portfolio, that is read at once. `run_slice_cells`: positions ×
    scenarios × measures that are priced at once. `worker`: the name by which results know who made them. `parsed`: what flows
    have parsed before. `llm` and `parsers` are None where no flow is enabled that needs them.
    """

    database: Database
    objects: ObjectStore
    object_max_bytes: int = 256 * 1024 * 1024
    run_slice_cells: int = 1_000_000
    worker: str = ""
    parsed: Parsed = field(default_factory=Parsed)
    llm: Llm | None = None
    parsers: ParserPool | None = None
    documents: DocumentSettings = field(default_factory=DocumentSettings)
    audits: AuditSettings = field(default_factory=AuditSettings)

    def need_llm(self) -> Llm:
        """The client of OpenAI. Raises LookupError where there is none."""
        if self.llm is None:
            raise LookupError("this flow needs a client of OpenAI")
        return self.llm

    def need_parsers(self) -> ParserPool:
        """The processes that read documents. Raises LookupError where there are none."""
        if self.parsers is None:
            raise LookupError("this flow needs processes that read documents")
        return self.parsers

    async def close(self) -> None:
        """Ends what was started for the flows: the one whatever becomes of the other, which may have answers to store."""
        try:
            if self.parsers is not None:
                await self.parsers.close()
        finally:
            if self.llm is not None:
                await self.llm.close()
