"""The log lines of a command that others have to be able to trace."""

from __future__ import annotations

import logging as stdlib_logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from millrace.settings import Settings


def log_to_stderr(chosen: Settings) -> None:
    """Logs as a worker does; what Kafka's client says of an outage is said by the command itself, in one line."""
    from millrace import logging

    logging.configure(chosen.environment, chosen.log_level, secrets=chosen.secrets())
    stdlib_logging.getLogger("aiokafka").setLevel(stdlib_logging.CRITICAL)
