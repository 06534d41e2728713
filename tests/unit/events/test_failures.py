from __future__ import annotations

import pickle

import pytest

from events.failures import (
    Conflict,
    Failure,
    Kind,
    MillraceError,
    NotAsked,
    Outage,
    Permanent,
    Reason,
    Rejection,
    Transient,
    UnknownVersion,
)
from events.identity import Identity

IDENTITY = Identity("runs", "run.requested.v2", "/p", "e1", 0, "acme", bytes(16), bytes(32))


@pytest.mark.parametrize(
    ("failure", "kind", "rejects"),
    [
        (Permanent("corrupt", "x"), Kind.PERMANENT, False),
        (Rejection(Reason.GARBAGE, "x"), Kind.PERMANENT, True),
        (Transient("timeout", "x"), Kind.TRANSIENT, False),
        (UnknownVersion(Reason.UNKNOWN_VERSION, "x", IDENTITY), Kind.TRANSIENT, True),
        (Outage("database", "x"), Kind.OUTAGE, False),
        (NotAsked("database", "x"), Kind.OUTAGE, False),
        (Conflict(Reason.PAYLOAD_CONFLICT, "x"), Kind.CONFLICT, True),
    ],
)
def test_each_failure_says_its_kind_and_whether_the_record_was_accepted(failure: Failure, kind: Kind, rejects: bool) -> None:
    assert isinstance(failure, MillraceError)
    assert (failure.kind, failure.rejects) == (kind, rejects)


def test_a_message_can_be_kept_in_any_column() -> None:
    failure = Permanent("corrupt", "a\x00b\n" + "x" * 10_000)
    assert failure.message.startswith("a\\x00b\\n")
    assert len(failure.message) <= 500
    assert str(failure) == f"corrupt: {failure.message}"


@pytest.mark.parametrize(
    "failure", [Permanent("corrupt", "x\x00"), Rejection(Reason.INVALID_DATA, "x", IDENTITY), Outage("database", "x")]
)
def test_a_failure_comes_back_whole_from_another_process(failure: Failure) -> None:
    back = pickle.loads(pickle.dumps(failure))
    assert type(back) is type(failure)
    assert back.__dict__ == failure.__dict__


def test_an_unknown_version_comes_back_whole_from_another_process() -> None:
    back = pickle.loads(pickle.dumps(UnknownVersion(Reason.UNKNOWN_VERSION, "x", IDENTITY)))
    assert back.identity == IDENTITY
