"""What the errors of Kafka's clients mean to one who asks a single thing of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from aiokafka.errors import KafkaConnectionError, KafkaError, UnknownTopicOrPartitionError

from events.failures import Outage


@contextmanager
def kafka_errors_as_outages() -> Iterator[None]:
    """Raises Outage for what keeps Kafka from answering (connection, login, leader, time), LookupError for a missing topic."""
    try:
        yield
    except UnknownTopicOrPartitionError as error:
        raise LookupError(str(error)) from error
    except KafkaConnectionError as error:
        raise Outage("kafka_unreachable", "nothing answers there") from error
    except (KafkaError, OSError, TimeoutError) as error:
        raise Outage("kafka_unreachable", f"{type(error).__name__}: {error}") from error
