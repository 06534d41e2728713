"""Ports are kept, unless somebody else has them."""

import socket
from collections.abc import Iterator

import pytest

from devstack.ports import FIRST, HOST, LAST, is_free, pick


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as holder:
        holder.bind((HOST, 0))
        holder.listen()
        yield holder.getsockname()[1]


def test_a_port_that_somebody_listens_on_is_not_free(taken: int) -> None:
    assert not is_free(taken)


def test_a_taken_port_is_replaced_and_the_free_one_kept(taken: int) -> None:
    kept = pick(("one",), {})["one"]
    ports = pick(("one", "two"), {"one": kept, "two": taken})
    assert ports["one"] == kept
    assert ports["two"] != taken


def test_new_ports_are_different_and_out_of_the_way_of_outgoing_connections() -> None:
    ports = pick(tuple("abcdefgh"), {})
    assert len(set(ports.values())) == len(ports)
    assert all(FIRST <= port <= LAST < 32_768 for port in ports.values())


def test_two_servers_never_share_a_kept_port() -> None:
    port = pick(("one",), {})["one"]
    ports = pick(("one", "two"), {"one": port, "two": port})
    assert ports["one"] != ports["two"]
