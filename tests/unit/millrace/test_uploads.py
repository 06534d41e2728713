from __future__ import annotations

import os
from pathlib import Path
from uuid import uuid4

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.document import DocumentUploaded
from events.event import decode
from events.topics import models_of
from handlers.embed import kinds
from handlers.embed.kinds import EXTENSIONS
from millrace.failures import CommandError
from millrace.uploads import MEDIA_TYPES, LocalFile, document_id_of, examine, key_name, read_unchanged, uploaded, uri_of
from storage.uris import resolve


def complaint(path: Path, max_bytes: int = 100) -> str:
    found = examine([path], max_bytes)
    assert not found.files
    (only,) = found.complaints
    return only.message


def test_a_file_of_one_name_is_one_document_of_its_client() -> None:
    assert document_id_of("acme", "a.pdf") == document_id_of("acme", "a.pdf")
    assert len({document_id_of("acme", "a.pdf"), document_id_of("acme", "b.pdf"), document_id_of("beta", "a.pdf")}) == 3


def test_the_documents_of_released_versions_are_found_again() -> None:
    assert str(document_id_of("acme", "loan agreement.pdf")) == "a9882428-561f-532a-b900-c545ba15d43b"


def test_client_and_name_do_not_run_into_each_other() -> None:
    assert document_id_of("a", "b.c") != document_id_of("a.b", "c")


def test_every_file_is_looked_at_and_every_complaint_told(tmp_path: Path) -> None:
    good, empty, large = tmp_path / "good.txt", tmp_path / "empty.txt", tmp_path / "large.txt"
    good.write_text("text")
    empty.touch()
    large.write_bytes(b"x" * 101)
    found = examine([good, tmp_path, tmp_path / "missing", empty, large], 100)
    assert [file.path for file in found.files] == [good]
    assert [complaint.message for complaint in found.complaints] == [
        "is a folder", "no such file or directory", "is empty", "has 101 bytes, at most 100 are read",
    ]  # fmt: skip


def test_a_file_of_just_the_limit_is_taken(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 100)
    assert len(examine([tmp_path / "a"], 100).files) == 1


def test_what_is_no_regular_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert complaint(tmp_path / "pipe") == "is no regular file"


def test_a_link_is_what_it_leads_to_under_its_own_name(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("text")
    (tmp_path / "b.txt").symlink_to(tmp_path / "a")
    (file,) = examine([tmp_path / "b.txt"], 100).files
    assert file.filename == "b.txt"
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    assert complaint(tmp_path / "dangling") == "no such file or directory"


@pytest.mark.parametrize("name", [b"\xff.txt", b"a\nb.txt", b"\x1b[2J.txt"])
def test_a_name_that_is_not_printable_is_a_complaint(tmp_path: Path, name: bytes) -> None:
    path = tmp_path / os.fsdecode(name)
    path.write_text("text")
    assert complaint(path) == "has a name that is not printable"


def test_two_files_of_one_name_are_a_complaint_unless_they_are_to_be_apart(tmp_path: Path) -> None:
    paths = [tmp_path / folder / "report.txt" for folder in ("a", "b")]
    for path in paths:
        path.parent.mkdir()
        path.write_text(path.parent.name)
    together = examine(paths, 100)
    assert ([file.path for file in together.files], [each.path for each in together.complaints]) == (paths[:1], paths[1:])
    assert str(paths[0]) in together.complaints[0].message
    assert len(examine(paths, 100, apart=True).files) == 2


def test_composed_and_decomposed_names_are_one_name(tmp_path: Path) -> None:
    path = tmp_path / "Bu\u0308rgschaft.pdf"
    path.write_text("x")
    assert examine([path], 100).files[0].filename == "B\u00fcrgschaft.pdf"


def test_a_file_that_changes_meanwhile_is_not_stored(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("before")
    (file,) = examine([path], 100).files
    assert read_unchanged(file) == b"before"
    path.write_text("after")
    with pytest.raises(CommandError, match="has changed"):
        read_unchanged(file)
    path.unlink()
    with pytest.raises(CommandError, match="No such file"):
        read_unchanged(file)


def test_other_bytes_lie_elsewhere() -> None:
    one, other = (LocalFile(Path("a.pdf"), "a.pdf", digest * 64) for digest in "ab")
    assert uri_of("acme", one) == f"uploads/acme/{'a' * 64}/a.pdf"
    assert uri_of("acme", other) != uri_of("acme", one) != uri_of("beta", one)


@given(st.text(min_size=1, max_size=300))
def test_any_name_makes_a_plain_uri(filename: str) -> None:
    uri = uri_of("acme", LocalFile(Path("x"), filename, "0" * 64))
    assert resolve(uri) == uri
    assert len(uri) <= 1024
    assert uri.isascii()


@pytest.mark.parametrize(
    ("filename", "name"),
    [
        ("loan agreement (signed).pdf", "loan_agreement_signed_.pdf"),
        (".hidden", "hidden"),
        ("...", "file"),
        ("x" * 300 + ".docx", "x" * 95 + ".docx"),
        ("a#1", "a_1"),
    ],
)
def test_names_keep_what_a_plain_name_may_have(filename: str, name: str) -> None:
    assert key_name(filename) == name


def test_the_event_is_valid_and_names_the_bytes() -> None:
    document_id = uuid4()
    made = uploaded("acme", LocalFile(Path("x/a.pdf"), "a.pdf", "a" * 64), document_id, 3)
    event = decode(orjson.dumps(made), "documents", models_of("documents"))
    assert isinstance(event.data, DocumentUploaded)
    assert (event.client_id, event.subject) == ("acme", str(document_id))
    assert (event.data.version, event.data.sha256, event.data.media_type) == (3, "a" * 64, "application/pdf")


def test_a_file_without_a_known_extension_goes_without_a_media_type() -> None:
    assert "media_type" not in uploaded("acme", LocalFile(Path("x"), "x", "a" * 64), uuid4(), 1)["data"]


def test_every_extension_that_is_read_has_the_media_type_of_what_it_is_read_as() -> None:
    assert set(MEDIA_TYPES) == set(EXTENSIONS)
    for extension, kind in EXTENSIONS.items():
        assert kinds.MEDIA_TYPES.get(MEDIA_TYPES[extension], kinds.Kind.TEXT) == kind
