"""How a command finds its servers, and what it says when one of them does not answer."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from millrace.failures import CommandError, Unreachable, WrongSetting

if TYPE_CHECKING:
    from millrace.settings import Settings
    from streams.kafka import KafkaConfig

ADDRESSES = ("database_url", "redis_url", "kafka_bootstrap_servers")
START_THEM = "Local servers start with `millrace stack start`; others are named by the environment (docs/configuration.md)."
ENSURE = "Topics are made by `millrace topics ensure`."
MIGRATE = "Tables are made by `millrace migrate`."


def settings(*needed: str) -> Settings:
    """The settings of this command, which cannot do without those `needed`.

    Where the environment names no server at all, in development and test, the addresses of the local stack hold if it
    runs: whoever tries Millrace has nothing to export. A key or a server for OpenAI that the environment names is used all
    the same.
    """
    from millrace.settings import load

    # It logs what will be said here, in one line.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    found = load()
    if found.environment in {"development", "test"} and not _names_a_server(found):
        found = load(**{name.lower(): value for name, value in beside_own_openai(running_stack(), found).items()})
    try:
        for name in needed:
            found.need(name)
    except WrongSetting as error:
        if not _names_a_server(found):
            raise Unreachable(f"{error}, and no local servers run", START_THEM) from None
        raise
    return found


def quiet() -> None:
    """Keeps the log lines of a worker's parts to themselves, for a command that uses them and says what happened itself."""
    import structlog

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


def running_stack() -> dict[str, str]:
    """The environment variables that name the local servers; empty where none of them runs.

    One that is down is named all the same: who needs it says so, or waits for it.
    """
    try:
        from devstack.failures import StackError
        from devstack.stack import Stack
    except ModuleNotFoundError:  # an image has none
        return {}
    try:
        stack = Stack()
        if not any(server["pid"] for server in stack.status().values()):
            return {}
        return stack.env()
    except StackError:
        return {}


def beside_own_openai(stack: dict[str, str], found: Settings) -> dict[str, str]:
    """What the stack exports, without its stand-in for OpenAI if the settings have a key or a server of their own."""
    if not stack:
        return stack
    from devstack.openai import is_own

    key = found.openai_api_key.get_secret_value() if found.openai_api_key else None
    if not is_own(key, found.openai_base_url):
        return stack
    return {name: value for name, value in stack.items() if not name.startswith("OPENAI_")}


def kafka_of(chosen: Settings) -> KafkaConfig:
    """How the chosen Kafka is reached."""
    from millrace.composition import kafka_config

    return kafka_config(chosen)


@contextmanager
def reaching_kafka(chosen: Settings) -> Iterator[None]:
    """Turns what means that Kafka is away, or has no topics, into one line that says so."""
    from events.failures import Outage
    from streams.away import kafka_errors_as_outages

    try:
        with kafka_errors_as_outages():
            yield
    except Outage as outage:
        raise _away("Kafka", chosen.need("kafka_bootstrap_servers"), outage.message) from None
    except LookupError as error:
        raise CommandError(f"Kafka lacks a topic: {error}", ENSURE) from None


@contextmanager
def reaching_database(url: str) -> Iterator[None]:
    """Turns what means that PostgreSQL is away, refuses the login or has no tables into one line that says so."""
    from storage.faults import OF_THE_CONNECTION, fault_of

    try:
        yield
    except CommandError:
        raise
    except Exception as error:
        if fault_of(error) not in OF_THE_CONNECTION:
            raise
        if getattr(error, "sqlstate", None) == "42P01":
            raise CommandError("the database has no tables of Millrace yet", MIGRATE) from None
        raise _away("PostgreSQL", url, str(error).partition("\n")[0] or type(error).__name__) from None


def _names_a_server(found: Settings) -> bool:
    return any(getattr(found, name) is not None for name in ADDRESSES)


def _away(server: str, address: str, reason: str) -> Unreachable:
    return Unreachable(f"{server} at {address} does not answer: {reason}", START_THEM)
