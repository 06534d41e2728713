"""`millrace worker`: the process that does the work."""

from __future__ import annotations

from typing import Annotated

import typer


def worker(
    flows: Annotated[str, typer.Option(help="The kinds of work to do, joined by commas; all by default.")] = "",
) -> None:
    """Consume events until SIGTERM or Ctrl-C; then finish what is in hand."""
    from millrace.cli.servers import settings

    chosen = settings("database_url", "redis_url", "kafka_bootstrap_servers", "object_store_url")
    # Takes a while, so a wrong setting is told first.
    from millrace.worker import run

    raise typer.Exit(run(chosen, [name.strip() for name in flows.split(",") if name.strip()]))
