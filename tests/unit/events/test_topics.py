from __future__ import annotations

from events.run import RunRequested
from events.topics import CONSUMED_TYPES, TOPIC_OF_TYPE, TOPICS, dlq, models_of


def test_names_and_types_are_unique() -> None:
    assert len({topic.name for topic in TOPICS}) == len(TOPICS) == len(TOPIC_OF_TYPE)


def test_each_flow_consumes_its_own_types() -> None:
    assert models_of("runs") == {"run.requested.v1": RunRequested}
    assert models_of("nothing") == {}
    flows = {topic.flow for topic in TOPICS if topic.flow}
    assert sum(len(models_of(flow)) for flow in flows) == len(CONSUMED_TYPES)


def test_what_is_consumed_has_a_natural_key() -> None:
    assert all(model.key_fields for model in CONSUMED_TYPES.values())


def test_dead_letters_have_a_topic_beside_the_input() -> None:
    assert dlq("runs.requested") == "runs.requested.dlq"
