"""The probe against a broker that answers as Kafka would in each phase of its start."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator

import pytest

from devstack import kafka_probe
from devstack.kafka_probe import serves_groups

NO_ERROR, COORDINATOR_LOADING, COORDINATOR_MISSING = 0, 14, 15

Broker = Callable[[list[bytes]], int]


def coordinator(error: int) -> bytes:
    return struct.pack(">hih", error, 1, 0) + struct.pack(">i", 9092)


def offsets(error: int) -> bytes:
    return struct.pack(">ih", 0, error)


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Broker]:
    """Listens on a port and answers the requests of one connection with the given bodies, then hangs up.

    It may be slow about it where the machine is: who asks has all the time.
    """
    monkeypatch.setattr(kafka_probe, "TIMEOUT_SECONDS", 200.0)
    listener = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []

    def answer(bodies: list[bytes]) -> None:
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as requests:
            for body in bodies:
                request = requests.read(struct.unpack(">i", requests.read(4))[0])
                correlation_id = request[4:8]
                connection.sendall(struct.pack(">i", 4 + len(body)) + correlation_id + body)

    def begin(bodies: list[bytes]) -> int:
        threads.append(threading.Thread(target=answer, args=(bodies,)))
        threads[0].start()
        return int(listener.getsockname()[1])

    yield begin
    threads[0].join()
    listener.close()


def test_a_coordinator_that_gives_offsets_serves_groups(broker: Broker) -> None:
    assert serves_groups("127.0.0.1", broker([coordinator(NO_ERROR), offsets(NO_ERROR)]))


def test_a_missing_coordinator_does_not(broker: Broker) -> None:
    assert not serves_groups("127.0.0.1", broker([coordinator(COORDINATOR_MISSING)]))


def test_a_coordinator_that_still_loads_does_not(broker: Broker) -> None:
    assert not serves_groups("127.0.0.1", broker([coordinator(NO_ERROR), offsets(COORDINATOR_LOADING)]))


def test_a_broker_that_hangs_up_does_not(broker: Broker) -> None:
    assert not serves_groups("127.0.0.1", broker([]))
