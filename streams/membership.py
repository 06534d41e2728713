"""How a consumer stands to its group, read from inside aiokafka, which tells nobody.

Found in aiokafka 0.14: a consumer that was silent for its poll interval leaves the group by itself, has no member id from
then on and joins again only once it is polled; one that the broker has put out has none until it has joined again. When
the coordination task ends by an error, polling raises that error for ever, and FastStream logs it and polls again.
"""

from __future__ import annotations

from typing import Any

from streams.progress import Membership


def membership(subscriber: Any) -> Membership:
    """The membership of a FastStream subscriber's consumer; one that has not been started counts as inside."""
    consumer, tasks = subscriber.consumer, subscriber.tasks
    if consumer is None or not tasks:
        return Membership.INSIDE
    coordinator = consumer._coordinator  # noqa: SLF001 - there is no other way to know
    # A task that failed is replaced by another at once.
    if all(task.done() for task in tasks) or coordinator._coordination_task.done():  # noqa: SLF001
        return Membership.ENDED
    joined = coordinator.member_id and not coordinator.need_rejoin(consumer._subscription.subscription)  # noqa: SLF001
    return Membership.INSIDE if joined else Membership.OUTSIDE
