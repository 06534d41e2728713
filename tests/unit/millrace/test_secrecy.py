from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millrace.secrecy import HIDDEN, Scrubber, without_passwords

PASSWORDS = st.text(alphabet=string.ascii_letters + string.digits + "%!$-_.~+;=", min_size=6, max_size=40)


@given(PASSWORDS)
def test_the_password_of_any_url_is_hidden_and_the_rest_is_kept(password: str) -> None:
    for url in ("postgresql://user:{}@host:5432/db", "redis://:{}@host/0", "https://key:{}@sentry.example/1"):
        assert without_passwords(f"cannot reach {url.format(password)}, giving up") == (
            f"cannot reach {url.format(HIDDEN)}, giving up"
        )


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("password=abc, next", f"password={HIDDEN}, next"),
        ("Authorization: Bearer abc.def", f"Authorization: Bearer {HIDDEN}"),
        ('{"api_key": "abc", "n": 1}', f'{{"api_key": "{HIDDEN}", "n": 1}}'),
        ("AWS_SECRET_ACCESS_KEY=abc", f"AWS_SECRET_ACCESS_KEY={HIDDEN}"),
        ("key sk-abcdefgh1234 was refused", f"key {HIDDEN} was refused"),
        ("password authentication failed for user millrace", "password authentication failed for user millrace"),
        ("http://127.0.0.1:8000/health", "http://127.0.0.1:8000/health"),
    ],
)
def test_what_looks_like_a_secret_is_hidden(text: str, clean: str) -> None:
    assert without_passwords(text) == clean


def scrubbed(line: dict[str, object], *secrets: str) -> dict[str, object]:
    return dict(Scrubber(secrets)(None, "info", line))


def test_a_known_secret_is_hidden_wherever_it_stands() -> None:
    line = scrubbed(
        {"event": "got s3cr3t-value", "more": {"list": ["s3cr3t-value", 1]}, "error": ValueError("s3cr3t-value")},
        "s3cr3t-value",
    )
    assert line == {"event": f"got {HIDDEN}", "more": {"list": [HIDDEN, 1]}, "error": HIDDEN}


def test_the_password_of_a_known_url_is_a_secret_by_itself_also_decoded() -> None:
    line = scrubbed({"event": "p%40ssword and p@ssword"}, "postgresql://u:p%40ssword@h/d")
    assert line == {"event": f"{HIDDEN} and {HIDDEN}"}


def test_names_that_tell_of_a_secret_hide_their_values() -> None:
    line = scrubbed({"api_key": "x", "sasl_password": b"x", "dsn": "x", "tokens": 12, "topic": "runs.requested"})
    assert line == {"api_key": HIDDEN, "sasl_password": HIDDEN, "dsn": HIDDEN, "tokens": 12, "topic": "runs.requested"}


def test_numbers_and_nothing_stay_what_they_are() -> None:
    assert scrubbed({"partition": 3, "seconds": 0.5, "ok": True, "client_id": None}) == {
        "partition": 3, "seconds": 0.5, "ok": True, "client_id": None,
    }  # fmt: skip


def test_a_short_secret_does_not_blank_out_every_line() -> None:
    assert scrubbed({"event": "started"}, "a") == {"event": "started"}
