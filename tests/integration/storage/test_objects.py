"""One contract, two kinds of store: a folder, and S3 as moto serves it."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from urllib.request import Request, urlopen
from uuid import uuid4

import pytest
from moto.server import ThreadedMotoServer

from events.failures import Outage, Transient
from storage.objects import ObjectNotFound, ObjectStore, ObjectTooLarge, ObjectTooShort
from storage.uris import ForbiddenUri

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any", "AWS_REGION": "us-east-1"}
MEGABYTE = 1 << 20


@dataclass
class Place:
    """A store, and the address of one that is not there."""

    store: ObjectStore
    missing: ObjectStore


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "objects and more"
    folder.mkdir()
    return folder


@pytest.fixture(params=["file", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "file":
        folder = request.getfixturevalue("folder")
        return Place(ObjectStore(folder.as_uri()), ObjectStore((tmp_path / "absent").as_uri()))
    endpoint = request.getfixturevalue("s3_endpoint")
    bucket = f"b-{uuid4().hex}"
    with urlopen(Request(f"{endpoint}/{bucket}", method="PUT", data=b"")) as answer:
        assert answer.status == 200
    options = CREDENTIALS | {"AWS_ENDPOINT_URL": endpoint}
    return Place(ObjectStore(f"s3://{bucket}/some/prefix", options), ObjectStore(f"s3://{bucket}-absent", options))


@pytest.mark.parametrize("uri", ["book.parquet", "books/2026/credit book.parquet", "a%20b#?ü.csv"])
async def test_what_was_put_is_got(place: Place, uri: str) -> None:
    content = os.urandom(300_000)

    await place.store.put(uri, content)

    assert await place.store.get(uri, MEGABYTE) == content


@pytest.mark.parametrize("size", [0, 1, 12 * MEGABYTE])
async def test_a_file_is_stored_as_it_is(place: Place, tmp_path: Path, size: int) -> None:
    file = tmp_path / "local.parquet"
    file.write_bytes(os.urandom(size))
    await place.store.put("book.parquet", b"before")

    await place.store.put_file("book.parquet", file)

    assert await place.store.get("book.parquet", size) == file.read_bytes()


async def test_a_file_goes_nowhere_else_than_bytes_do(place: Place, tmp_path: Path) -> None:
    file = tmp_path / "local.parquet"
    file.write_bytes(b"x")

    with pytest.raises(ForbiddenUri):
        await place.store.put_file("../book.parquet", file)
    with pytest.raises(Outage):
        await place.missing.put_file("book.parquet", file)
    with pytest.raises(Transient):
        await place.store.put_file("book.parquet", tmp_path / "gone.parquet")


async def test_a_size_is_told_without_reading(place: Place) -> None:
    await place.store.put("book.parquet", bytes(300_000))

    assert await place.store.size("book.parquet") == 300_000
    with pytest.raises(ObjectNotFound):
        await place.store.size("none.parquet")
    with pytest.raises(ForbiddenUri):
        await place.store.size("../book.parquet")
    with pytest.raises(Outage):
        await place.missing.size("book.parquet")


async def test_parts_are_read_as_they_are_asked_for(place: Place) -> None:
    await place.store.put("book.csv", bytes(range(100)))

    parts = await place.store.ranges("book.csv", [(90, 100), (0, 3)])

    assert parts == [bytes(range(90, 100)), bytes([0, 1, 2])]
    assert await place.store.ranges("book.csv", []) == []
    with pytest.raises(ObjectNotFound):
        await place.store.ranges("none.csv", [(0, 1)])
    with pytest.raises(Outage):
        await place.missing.ranges("book.csv", [(0, 1)])


@pytest.mark.parametrize("wanted", [[(0, 101)], [(98, 120), (0, 3)], [(0, 3), (100, 101)], [(0, 3), (500, 510)], [(500, 510)]])
async def test_parts_behind_the_end_of_an_object_are_not_there(place: Place, wanted: list[tuple[int, int]]) -> None:
    await place.store.put("book.csv", bytes(range(100)))

    with pytest.raises(ObjectTooShort, match=r"'book\.csv' has 100 bytes, and is to be read up to byte \d+") as caught:
        await place.store.ranges("book.csv", wanted)
    assert caught.value.code == "object_store_failed"
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


async def test_a_second_put_replaces_the_first(place: Place) -> None:
    await place.store.put("x", b"a longer first")
    await place.store.put("x", b"second")

    assert await place.store.get("x", MEGABYTE) == b"second"


async def test_an_empty_object_is_an_object(place: Place) -> None:
    await place.store.put("empty", b"")

    assert await place.store.get("empty", 0) == b""


async def test_an_object_over_the_bound_is_refused_and_one_at_the_bound_is_read(place: Place) -> None:
    await place.store.put("x", b"12345")

    assert await place.store.get("x", 5) == b"12345"
    with pytest.raises(ObjectTooLarge, match="has 5 bytes, at most 4"):
        await place.store.get("x", 4)


@pytest.mark.parametrize("uri", ["absent", "absent/below", "books", "books/x/below", "a" * 300])
async def test_what_is_not_there_is_not_found(place: Place, uri: str) -> None:
    await place.store.put("books/x", b"content")

    with pytest.raises(ObjectNotFound) as caught:
        await place.store.get(uri, MEGABYTE)
    assert caught.value.code == "not_found"


@pytest.mark.parametrize("uri", ["../x", "/x", "s3://other/x", "file:///x", "a/%2e%2e/x", "a\x00"])
async def test_a_uri_that_leaves_the_store_is_forbidden_to_read_and_to_write(place: Place, uri: str) -> None:
    with pytest.raises(ForbiddenUri):
        await place.store.get(uri, MEGABYTE)
    with pytest.raises(ForbiddenUri):
        await place.store.put(uri, b"")


async def test_a_store_that_is_not_there_is_an_outage_not_a_missing_object(place: Place) -> None:
    with pytest.raises(Outage):
        await place.missing.get("x", MEGABYTE)
    with pytest.raises(Outage):
        await place.missing.put("x", b"")
    with pytest.raises(Outage):
        await place.missing.ping()


async def test_a_store_that_is_there_answers_a_ping_full_or_empty(place: Place) -> None:
    await place.store.ping()
    await place.store.put("x", b"")
    await place.store.ping()


@pytest.mark.parametrize("link", ["link", "folder/x", "up/outside"])
async def test_a_link_out_of_the_folder_is_forbidden(folder: Path, link: str) -> None:
    (folder.parent / "outside").write_bytes(b"secret")
    (folder.parent / "other").mkdir()
    (folder.parent / "other" / "x").write_bytes(b"secret")
    (folder / "link").symlink_to("../outside")
    (folder / "folder").symlink_to(folder.parent / "other")
    (folder / "up").symlink_to("..")
    store = ObjectStore(folder.as_uri())

    with pytest.raises(ForbiddenUri, match="leads out"):
        await store.get(link, MEGABYTE)
    with pytest.raises(ForbiddenUri, match="leads out"):
        await store.put(link, b"changed")
    assert (folder.parent / "outside").read_bytes() == b"secret"


async def test_a_link_within_the_folder_is_followed_also_when_the_root_is_one(folder: Path) -> None:
    (folder / "v1").write_bytes(b"content")
    (folder / "latest").symlink_to("v1")
    (folder.parent / "root").symlink_to(folder)

    assert await ObjectStore((folder.parent / "root").as_uri()).get("latest", MEGABYTE) == b"content"


async def test_a_pipe_and_a_loop_of_links_are_not_found(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    (folder / "a").symlink_to("b")
    (folder / "b").symlink_to("a")
    store = ObjectStore(folder.as_uri())

    for uri in ("pipe", "a"):
        with pytest.raises(ObjectNotFound):
            await store.get(uri, MEGABYTE)


async def test_a_server_that_refuses_connections_is_an_outage() -> None:
    store = ObjectStore("s3://bucket", CREDENTIALS | {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"})

    with pytest.raises(Outage) as caught:
        await store.get("x", MEGABYTE)
    assert caught.value.code == "object_store_unreachable"


async def test_an_error_of_one_object_while_the_store_answers_is_transient() -> None:
    with refusing_objects() as endpoint:
        store = ObjectStore("s3://bucket", CREDENTIALS | {"AWS_ENDPOINT_URL": endpoint})

        with pytest.raises(Transient) as caught:
            await store.get("x", MEGABYTE)
    assert caught.value.code == "object_store_failed"


@contextmanager
def refusing_objects() -> Iterator[str]:
    """An S3 server that lists its bucket but forbids each object."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            listing = "list-type=2" in self.path
            self.send_response(200 if listing else 403)
            body = b"<ListBucketResult></ListBucketResult>" if listing else b"<Error/>"
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
