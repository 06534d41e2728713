"""`millrace replay`: records of a topic are published once more, as planned and under control."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from millrace.cli.asking import ask
from millrace.cli.output import Json, data, note, print_json, table
from millrace.cli.replay_apply import apply
from millrace.cli.replay_plan import plan
from millrace.cli.replay_wording import as_plain, line, print_replay, state

if TYPE_CHECKING:
    from storage.database import Connection
    from storage.replays import Replay

app = typer.Typer(
    help="Records of a topic once more: what is done is skipped by the workers, gaps are filled.", no_args_is_help=True
)
Plan = Annotated[UUID, typer.Argument(metavar="PLAN", help="The id that `replay plan` printed.")]

app.command("plan")(plan)
app.command("apply")(apply)


@app.command()
def status(plan_id: Plan, as_json: Json = False) -> None:
    """Show a replay: what was selected and predicted, how far it is, who did what."""
    from storage import replays

    replay = _found(ask(lambda connection: replays.one(connection, plan_id)), plan_id)
    if as_json:
        print_json(as_plain(replay))
    else:
        print_replay(replay)


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(min=1, max=50, help="At most so many.")] = 20,
    offset: Annotated[int, typer.Option(min=0, max=1_000_000_000, help="Leave out so many of the newest.")] = 0,
    as_json: Json = False,
) -> None:
    """List replays, newest first."""
    from storage import replays

    found, total = ask(lambda connection: replays.page(connection, offset=offset, limit=limit))
    if as_json:
        place = {"offset": offset, "limit": limit, "total": total, "has_more": offset + len(found) < total}
        print_json({"data": [as_plain(each) for each in found]} | place)
        return
    if not found:
        note("No replays.")
        return
    columns = ("plan", "created", "by", "topic", "records", "state", "read")
    data().print(
        table(columns, map(line, found), numbers=("records", "read"), whole=("plan", "created", "topic", "records", "read"))
    )
    note(f"[dim]{offset + 1}-{offset + len(found)} of {total}. One of them in full: millrace replay status PLAN[/]")


@app.command()
def pause(plan_id: Plan, as_json: Json = False) -> None:
    """Have whoever applies it wait, after the batch in hand, until it is resumed."""
    from storage import replays

    _change(plan_id, replays.pause, "is not being applied", as_json=as_json)


@app.command()
def resume(plan_id: Plan, as_json: Json = False) -> None:
    """Have the one who waits go on. Where nobody waits any more, `replay apply` goes on."""
    from storage import replays

    _change(plan_id, replays.resume, "has nobody who waits to go on with it", as_json=as_json)


@app.command()
def abort(plan_id: Plan, as_json: Json = False) -> None:
    """End it for good, after the batch in hand. What was published stays published."""
    from storage import replays

    _change(plan_id, replays.abort, "has ended already", as_json=as_json)


def _change(plan_id: UUID, change: Callable[[Connection, UUID, str], Awaitable[bool]], refusal: str, *, as_json: bool) -> None:
    from millrace.cli.retry import operator
    from millrace.failures import Refused
    from storage import replays

    async def changed(connection: Connection) -> tuple[bool, Replay | None]:
        return await change(connection, plan_id, operator()), await replays.one(connection, plan_id)

    done, replay = ask(changed)
    found = _found(replay, plan_id)
    if not done:
        advice = f"Go on: millrace replay apply {plan_id}" if found.status in {"planned", "paused"} else ""
        raise Refused(f"replay {plan_id} {refusal}: it is {state(found)}", advice)
    if as_json:
        print_json(as_plain(found))
    else:
        typer.echo(f"{found.status}  {plan_id}")


def _found(replay: Replay | None, plan_id: UUID) -> Replay:
    from millrace.failures import CommandError

    if replay is None:
        raise CommandError(f"there is no replay {plan_id}", "All of them: millrace replay list")
    return replay
