"""`millrace migrate`: the tables, as this version of Millrace wants them."""

from __future__ import annotations

import asyncio

from millrace.cli.output import Json, note, print_json


def migrate(as_json: Json = False) -> None:
    """Bring the tables up to date; does nothing where they are."""
    from millrace.cli.servers import reaching_database, settings
    from storage.migrate import migrate as bring_up_to_date

    chosen = settings("database_url")
    url = chosen.need("migrations_database_url" if chosen.migrations_database_url else "database_url")
    with reaching_database(url):
        done = asyncio.run(bring_up_to_date(url))
    if as_json:
        print_json({"before": done.before, "after": done.after})
    elif done.before == done.after:
        note(f"The tables are up to date, at [bold]{done.after}[/].")
    else:
        note(f"The tables went from [bold]{done.before or 'nothing'}[/] to [bold]{done.after}[/].")
