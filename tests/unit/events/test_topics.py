from __future__ import annotations

from events.run import RunRequested
from events.slices import RunCancelRequested, SliceRequested
from events.topics import CONSUMED_TYPES, TOPIC_OF_TYPE, TOPICS, dlq, models_of


def test_types_are_unique() -> None:
    assert len(TOPIC_OF_TYPE) == len(TOPICS)


def test_types_that_share_a_topic_share_all_else() -> None:
    known = {(topic.name, topic.key, topic.sender, topic.flow, topic.partitions, topic.retention_ms) for topic in TOPICS}
    assert len(known) == len({topic.name for topic in TOPICS})


def test_each_flow_consumes_its_own_types() -> None:
    assert models_of("runs") == {"run.requested.v1": RunRequested, "run.cancel.requested.v1": RunCancelRequested}
    assert models_of("slices") == {"run.slice.requested.v1": SliceRequested}
    assert models_of("nothing") == {}
    flows = {topic.flow for topic in TOPICS if topic.flow}
    assert sum(len(models_of(flow)) for flow in flows) == len(CONSUMED_TYPES)


def test_what_is_consumed_has_a_natural_key() -> None:
    assert all(model.key_fields for model in CONSUMED_TYPES.values())


def test_dead_letters_have_a_topic_beside_the_input() -> None:
    assert dlq("runs.requested") == "runs.requested.dlq"
