"""Stacks whose servers, callers and neighbours come and go at the wrong moment."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest
import redis

from devstack.failures import NeverStarted, NotMainThread, ServerFailed
from devstack.locks import is_held
from devstack.ports import pick
from devstack.processes import is_alive
from devstack.room import Room
from devstack.stack import Stack
from devstack.temporary import temporary_stack

QUICK = ["postgres", "redis"]
PATIENCE = 120

Script = Callable[[str, Path], "subprocess.Popen[str]"]


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, "it did not come to hold"
        time.sleep(0.02)


def pid_of(stack: Stack, name: str) -> int:
    pid = stack.status()[name]["pid"]
    assert pid is not None
    return pid


async def assert_serves(stack: Stack) -> None:
    owner = await asyncpg.connect(stack.env()["DATABASE_URL"])
    assert await owner.fetchval("select 1") == 1
    await owner.close()
    with redis.Redis.from_url(stack.env()["REDIS_URL"]) as client:
        assert client.ping()


def servers_in(folder: Path) -> list[str]:
    """The names of the live servers that work in the folder; children of a server do not count."""
    found: dict[int, tuple[int, str]] = {}
    for entry in Path("/proc").iterdir():
        try:
            if (entry / "cwd").readlink().is_relative_to(folder):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                found[int(entry.name)] = parent, (entry / "exe").readlink().name
        except OSError:
            continue
    return sorted(name for parent, name in found.values() if parent not in found)


@pytest.mark.parametrize("delay", [0.03, 0.08, 0.15, 0.3, 0.6])
async def test_a_start_that_was_killed_can_be_repeated(folder: Path, script: Script, delay: float) -> None:
    process = script("print('here', flush=True); Stack(folder).start(['postgres', 'redis'])", folder)
    assert process.stdout is not None
    process.stdout.readline()
    await asyncio.sleep(delay)
    process.kill()
    stack = Stack(folder)
    stack.start(QUICK)
    await assert_serves(stack)
    assert servers_in(folder) == ["postgres", "redis-server"]


async def test_two_starts_at_once_start_each_server_once(folder: Path, script: Script) -> None:
    starts = [script("Stack(folder).start(['postgres', 'redis'])", folder) for _ in range(2)]
    assert [start.wait(PATIENCE) for start in starts] == [0, 0]
    await assert_serves(Stack(folder))
    assert servers_in(folder) == ["postgres", "redis-server"]


def test_servers_outlive_the_process_that_started_them(folder: Path, script: Script) -> None:
    assert script("Stack(folder).start(['redis'])", folder).wait(PATIENCE) == 0
    assert is_alive(pid_of(Stack(folder), "redis"))


def test_attached_servers_die_with_their_parent(folder: Path, script: Script) -> None:
    code = "Stack(folder, attached=True).start(['postgres', 'redis']); print('up', flush=True); input()"
    process = script(code, folder)
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    stack = Stack(folder)
    servers = [pid_of(stack, name) for name in QUICK]
    process.kill()
    wait_until(lambda: not any(is_alive(pid) for pid in servers))


def test_attached_servers_are_refused_to_threads(folder: Path) -> None:
    raised: list[BaseException] = []

    def start() -> None:
        try:
            Stack(folder, attached=True).start(["redis"])
        except NotMainThread as error:
            raised.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert len(raised) == 1


async def test_what_a_killed_postgres_leaves_behind_is_ended(folder: Path) -> None:
    stack = Stack(folder)
    stack.start(["postgres"])
    owner = await asyncpg.connect(stack.env()["DATABASE_URL"])
    backend = owner.get_server_pid()
    os.kill(backend, signal.SIGSTOP)  # so it does not notice that its parent is gone
    os.kill(pid_of(stack, "postgres"), signal.SIGKILL)
    wait_until(lambda: stack.status()["postgres"]["pid"] is None)
    stack.start(QUICK)
    assert not is_alive(backend)
    owner.terminate()
    await assert_serves(stack)


def test_a_port_taken_meanwhile_is_picked_anew(folder: Path) -> None:
    stack = Stack(folder)
    before = stack.start(["redis"]).env["REDIS_URL"]
    port = redis.connection.parse_url(before)["port"]
    stack.stop()
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
        taken.listen()
        after = stack.start(["redis"]).env["REDIS_URL"]
    assert redis.connection.parse_url(after)["port"] != port
    with redis.Redis.from_url(after) as client:
        assert client.ping()


def test_a_port_lost_after_it_was_picked_is_picked_anew(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        lost = taken.getsockname()[1]
        picks = iter([{"client": lost}])
        monkeypatch.setattr("devstack.room.pick", lambda names, kept: next(picks, None) or pick(names, kept))
        address = Stack(folder).start(["redis"]).env["REDIS_URL"]
    assert redis.connection.parse_url(address)["port"] != lost
    with redis.Redis.from_url(address) as client:
        assert client.ping()


def test_a_neighbour_on_the_port_is_not_taken_for_the_server(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    neighbour, stack = Stack(folder / "neighbour"), Stack(folder / "own")
    neighbours = neighbour.start(["redis"]).env["REDIS_URL"]
    (stack.folder / "redis").mkdir()
    (stack.folder / "redis" / "password").write_text((neighbour.folder / "redis" / "password").read_text())
    picks = iter([{"client": redis.connection.parse_url(neighbours)["port"]}])
    monkeypatch.setattr("devstack.room.pick", lambda names, kept: next(picks, None) or pick(names, kept))
    assert stack.start(["redis"]).env["REDIS_URL"] != neighbours
    neighbour.stop()
    stack.stop()


def test_a_server_holds_the_lock_of_its_room_as_long_as_it_lives(folder: Path) -> None:
    stack = Stack(folder)
    stack.start(["redis"])
    assert is_held(folder / "redis" / "server.lock")
    stack.stop()
    assert not is_held(folder / "redis" / "server.lock")


async def test_servers_whose_record_was_lost_are_replaced_where_they_were(folder: Path) -> None:
    stack = Stack(folder)
    before = stack.start(QUICK).env
    for name in QUICK:
        (folder / name / "process.json").unlink()
    assert stack.start(QUICK).env == before
    await assert_serves(stack)
    assert servers_in(folder) == ["postgres", "redis-server"]


def test_ports_are_kept_when_they_are_free(folder: Path) -> None:
    stack = Stack(folder)
    before = stack.start(["redis"]).env
    stack.stop()
    assert stack.start(["redis"]).env == before


def test_two_stacks_run_beside_each_other(folder: Path) -> None:
    one, two = Stack(folder / "one"), Stack(folder / "two")
    first, second = one.start(["redis"]), two.start(["redis"])
    one.stop()
    assert first.env["REDIS_URL"] != second.env["REDIS_URL"]
    with redis.Redis.from_url(second.env["REDIS_URL"]) as client:
        assert client.ping()
    two.stop()


def test_a_later_process_of_the_same_number_is_left_alone(folder: Path) -> None:
    stack = Stack(folder)
    stack.start(["redis"])
    record = Room(folder / "redis", None).record
    kept = json.loads(record.read_text())
    stack.stop()
    with subprocess.Popen(["sleep", "3600"]) as stranger:
        try:
            record.write_text(json.dumps(kept | {"pid": stranger.pid}))
            assert stack.status()["redis"]["pid"] is None
            stack.stop()
            stack.start(["redis"])
            assert is_alive(stranger.pid)
        finally:
            stranger.kill()


def test_a_server_that_cannot_start_shows_the_end_of_its_log(folder: Path) -> None:
    stack = Stack(folder)
    stack.start(["postgres"])
    stack.stop()
    (folder / "postgres" / "data" / "PG_VERSION").write_text("7")
    with pytest.raises(ServerFailed, match="postgres ended while it was starting") as caught:
        stack.start(["postgres"])
    assert "incompatible with server" in str(caught.value)
    assert str(folder / "postgres" / "log") in str(caught.value)


def test_a_stack_that_was_never_started_has_no_addresses(folder: Path) -> None:
    stack = Stack(folder)
    assert stack.status()["redis"] == {"pid": None, "url": None, "data": f"{folder}/redis/data"}
    with pytest.raises(NeverStarted):
        stack.env()
    with pytest.raises(NeverStarted):
        stack.superuser_url()


def test_a_temporary_stack_leaves_nothing(folder: Path) -> None:
    with temporary_stack(folder) as stack:
        stack.start(["redis"])
        server = pid_of(stack, "redis")
    assert not is_alive(server)
    assert not stack.folder.exists()


def test_what_a_killed_session_left_is_removed_by_the_next(folder: Path) -> None:
    left = folder / "stack-left"
    Stack(left).start(["redis"])
    server = pid_of(Stack(left), "redis")
    with temporary_stack(folder) as stack:
        assert not left.exists()
        assert not is_alive(server)
        assert is_held(stack.folder / "owner.lock")


def test_temporary_stacks_leave_each_other_alone(folder: Path) -> None:
    with temporary_stack(folder) as one, temporary_stack(folder) as two:
        assert one.folder.exists()
        assert two.folder.exists()
