from __future__ import annotations

import re
from pathlib import Path

import pytest

from millrace.environment import bounds
from millrace.failures import WrongSetting
from millrace.settings import Settings, load, secret_names

pytestmark = pytest.mark.usefixtures("no_environment")

PASSWORD = "hunter2-hunter2"
URL = f"postgresql://millrace:{PASSWORD}@db.example:5432/millrace"


def test_an_empty_environment_gives_the_defaults() -> None:
    settings = load()
    assert (settings.environment, settings.http_host, settings.http_port) == ("development", "127.0.0.1", 8000)
    assert settings.run_slice_cells == 1_000_000
    assert settings.topic_retention_days == 14
    assert settings.embedding_model == "text-embedding-3-small"


def test_a_value_of_the_environment_wins_over_the_file_and_both_over_what_is_passed(
    monkeypatch: pytest.MonkeyPatch, no_environment: Path
) -> None:
    (no_environment / ".env").write_text("HTTP_PORT=1111\nHTTP_HOST=0.0.0.0\n")
    monkeypatch.setenv("HTTP_PORT", "2222")
    settings = load(http_port=3333, http_host="::1", log_level="ERROR")
    assert (settings.http_port, settings.http_host, settings.log_level) == (2222, "0.0.0.0", "ERROR")


def test_an_empty_value_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PORT", "")
    assert load().http_port == 8000


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("HTTP_PORT", "abc", "HTTP_PORT: must be between 1 and 65535, got 'abc'"),
        ("HTTP_PORT", "0", "HTTP_PORT: must be between 1 and 65535, got '0'"),
        ("HTTP_PORT", "65536", "HTTP_PORT: must be between 1 and 65535, got '65536'"),
        ("RETRY_BASE_SECONDS", "nan", "RETRY_BASE_SECONDS: must be between 0.01 and 3600, got 'nan'"),
        ("ENVIRONMENT", "prod", "ENVIRONMENT: must be one of development, test, staging, production, got 'prod'"),
        ("KAFKA_BOOTSTRAP_SERVERS", "kafka", "KAFKA_BOOTSTRAP_SERVERS: must look like host:9092,other:9092, got 'kafka'"),
        (
            "KAFKA_BOOTSTRAP_SERVERS",
            "a:9092,b:65536",
            "KAFKA_BOOTSTRAP_SERVERS: must look like host:9092,other:9092, got 'a:9092,b:65536'",
        ),
        ("KAFKA_SSL_CAFILE", "/no/file", "KAFKA_SSL_CAFILE: cannot be read: No such file or directory, got '/no/file'"),
        ("KAFKA_SSL_CAFILE", __file__, f"KAFKA_SSL_CAFILE: holds no certificates, got {__file__[:80]!r}"),
        ("SENTRY_DSN", PASSWORD, "SENTRY_DSN: must look like https://key@host/1"),
        ("OBJECT_STORE_URL", "ftp://x", "OBJECT_STORE_URL: must look like file:///folder or s3://bucket/prefix, got 'ftp://x'"),
        ("REDIS_URL", PASSWORD, "REDIS_URL: must look like redis://:password@host:6379/0"),
        ("DATABASE_URL", PASSWORD, "DATABASE_URL: must look like postgresql://user:password@host:5432/database"),
    ],
)
def test_a_wrong_value_is_one_line_that_names_it(monkeypatch: pytest.MonkeyPatch, name: str, value: str, line: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(WrongSetting, match=f"^{re.escape(line)}$"):
        load()


def test_the_ends_of_the_bounds_are_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    for port in (1, 65_535):
        monkeypatch.setenv("HTTP_PORT", str(port))
        assert load().http_port == port


def test_all_wrong_values_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PORT", "abc")
    monkeypatch.setenv("LOG_LEVEL", "LOUD")
    with pytest.raises(WrongSetting) as caught:
        load()
    assert "\n" not in str(caught.value)
    assert {"HTTP_PORT", "LOG_LEVEL"} <= set(re.findall(r"[A-Z_]{5,}", str(caught.value)))


def test_secrets_are_in_no_representation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", URL)
    monkeypatch.setenv("KAFKA_SASL_PASSWORD", PASSWORD)
    settings = load()
    assert PASSWORD not in repr(settings) + str(settings) + settings.model_dump_json()
    assert settings.need("database_url") == URL
    assert set(settings.secrets()) == {URL, PASSWORD}


def test_every_setting_that_can_hold_a_password_is_a_secret() -> None:
    assert secret_names() == {
        "database_url", "migrations_database_url", "redis_url", "kafka_sasl_password", "openai_api_key", "sentry_dsn",
    }  # fmt: skip


def test_a_secret_can_come_from_a_file_without_its_line_end(monkeypatch: pytest.MonkeyPatch, no_environment: Path) -> None:
    secret = no_environment / "secret"
    secret.write_text(f"{URL}\n")
    monkeypatch.setenv("DATABASE_URL_FILE", str(secret))
    assert load().need("database_url") == URL


def test_the_path_of_a_secret_can_stand_in_the_env_file(no_environment: Path) -> None:
    (no_environment / "secret").write_text(PASSWORD)
    (no_environment / ".env").write_text("KAFKA_SASL_PASSWORD_FILE=secret\n")
    assert load().need("kafka_sasl_password") == PASSWORD


def test_a_secret_from_the_environment_wins_over_a_file_that_the_env_file_names(
    monkeypatch: pytest.MonkeyPatch, no_environment: Path
) -> None:
    (no_environment / ".env").write_text("DATABASE_URL_FILE=/nowhere\n")
    monkeypatch.setenv("DATABASE_URL", URL)
    with pytest.raises(WrongSetting, match="DATABASE_URL_FILE: cannot read /nowhere"):
        load()
    (no_environment / "secret").write_text("postgresql://other/other")
    (no_environment / ".env").write_text("DATABASE_URL_FILE=secret\n")
    assert load().need("database_url") == URL


def test_a_secret_that_is_given_twice_is_refused(monkeypatch: pytest.MonkeyPatch, no_environment: Path) -> None:
    (no_environment / "secret").write_text(PASSWORD)
    monkeypatch.setenv("KAFKA_SASL_PASSWORD", PASSWORD)
    monkeypatch.setenv("KAFKA_SASL_PASSWORD_FILE", "secret")
    with pytest.raises(WrongSetting, match=r"^KAFKA_SASL_PASSWORD: is set twice"):
        load()


def test_only_secrets_come_from_files(monkeypatch: pytest.MonkeyPatch, no_environment: Path) -> None:
    (no_environment / "port").write_text("9")
    monkeypatch.setenv("HTTP_PORT_FILE", "port")
    assert load().http_port == 8000


def test_a_protocol_with_passwords_needs_user_and_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_SECURITY_PROTOCOL", "SASL_SSL")
    with pytest.raises(WrongSetting, match=r"^KAFKA_SASL_USERNAME: is needed when KAFKA_SECURITY_PROTOCOL is SASL_SSL$"):
        load()
    monkeypatch.setenv("KAFKA_SASL_USERNAME", "millrace")
    with pytest.raises(WrongSetting, match=r"^KAFKA_SASL_PASSWORD: is needed"):
        load()


def test_a_setting_that_is_needed_and_missing_is_named() -> None:
    with pytest.raises(WrongSetting, match=r"^DATABASE_URL: is not set$"):
        load().need("database_url")


def test_settings_do_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load().http_port = 1  # type: ignore[misc]


def test_every_number_has_a_default_within_its_bounds() -> None:
    for name, field in Settings.model_fields.items():
        limits = bounds(field)
        if field.annotation in (int, float):
            assert limits is not None, name
            assert limits[0] <= field.default <= limits[1], name


@pytest.mark.parametrize("port", ["99999", "abc"])
@pytest.mark.parametrize(
    ("name", "url"), [("DATABASE_URL", "postgresql://u:p@host:{}/d"), ("REDIS_URL", "redis://:p@host:{}/0")]
)
def test_a_port_that_is_none_is_told_before_anything_starts(
    monkeypatch: pytest.MonkeyPatch, name: str, url: str, port: str
) -> None:
    monkeypatch.setenv(name, url.format(port))
    with pytest.raises(WrongSetting, match=f"^{name}: must have a port of at most 65535"):
        load()
