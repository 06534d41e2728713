"""A replay in words, for people and for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from millrace.cli.output import data, note, print_facts, table

if TYPE_CHECKING:
    from storage.replays import Replay, Span

SKIP = "published; the workers skip them"
# Standing → what becomes of such a record when it is published.
EFFECTS = {
    "new": "published, and worked on",
    "done": SKIP,
    "dead": f"{SKIP}; `millrace dlq retry` works on them again",
    "waiting": f"{SKIP}; their next attempt stands",
    "conflicting": "published, and rejected: each leaves one more dead letter",
    "rejected": "published, and rejected: each leaves one more dead letter",
}
# The same of a reprocess.
EFFECTS_AGAIN = {
    "new": "left out: the workers do them, or a replay without --reprocess",
    "done": "published as their next generations, and worked on again",
    "dead": "left out; `millrace dlq retry` works on them again",
    "waiting": "left out; their next attempt stands",
    "conflicting": "left out",
    "rejected": "left out",
}
LEFT_OUT = "left out: each would leave one more dead letter (--include-rejected)"


def as_plain(replay: Replay) -> dict[str, Any]:
    """A replay for programs."""
    told = {name: getattr(replay, name) for name in replay.__slots__}
    return told | {"state": state(replay), "spans": [span._asdict() for span in replay.spans]} | totals(replay.spans)


def state(replay: Replay) -> str:
    """Its status, and whether anybody has it."""
    if replay.status == "applying" and not replay.claim_left:
        return "interrupted"
    if replay.status == "paused":
        return "paused, and waited with" if replay.claim_left else "paused, with nobody waiting"
    return replay.status


def totals(spans: Sequence[Span]) -> dict[str, int]:
    """Over all partitions: offsets, those of them read, and what became of their records."""
    return {
        "offsets": sum(span.end_offset - span.first_offset for span in spans),
        "read": sum(span.next_offset - span.first_offset for span in spans),
        "published": sum(span.published for span in spans),
        "skipped": sum(span.skipped for span in spans),
        "refused": sum(span.refused for span in spans),
    }


def share(spans: Sequence[Span]) -> str:
    """How much has been read, in per cent, rounded down."""
    told = totals(spans)
    return f"{100 * told['read'] // max(1, told['offsets'])} %"


def line(replay: Replay) -> tuple[Any, ...]:
    """A row of the list."""
    created = replay.created_at.strftime("%Y-%m-%d %H:%M:%S")
    records = f"{replay.prediction['records']:,}"
    return replay.id, created, replay.requested_by, replay.topic, records, state(replay), share(replay.spans)


def in_words(selection: Mapping[str, Any]) -> str:
    """What was chosen of the topic."""
    words = [f"partition {', '.join(map(str, selection['partitions']))}"] if "partitions" in selection else []
    names = {"from_offset": "from offset", "to_offset": "to offset", "since": "since", "until": "until", "client_id": "client"}
    words += [f"{name} {selection[key]}" for key, name in names.items() if key in selection]
    words += [f"event {', '.join(selection['event_ids'])}"] if "event_ids" in selection else []
    words += ["with what is rejected"] if selection["include_rejected"] else []
    words += ["to be reprocessed"] if selection.get("reprocess") else []
    return ", ".join(words) or "all that Kafka has"


def print_prediction(prediction: Mapping[str, Any], selection: Mapping[str, Any]) -> None:
    """The counts, each with what becomes of such records, and what else should be known."""
    rows = []
    is_again = bool(selection.get("reprocess"))
    for standing, effect in (EFFECTS_AGAIN if is_again else EFFECTS).items():
        is_left_out = standing in {"conflicting", "rejected"} and not (selection["include_rejected"] or is_again)
        rows.append((f"{prediction[standing]:,}", standing, LEFT_OUT if is_left_out else effect))
    data().print(table(("records", "are", "and would be"), rows, numbers=("records",), whole=("are",)))
    for remark in remarks(prediction):
        note(remark)


def remarks(prediction: Mapping[str, Any]) -> list[str]:
    """What the counts do not tell by themselves."""
    told = {
        "deleted": "[yellow]Kafka no longer has {:,} of the offsets that were chosen.[/]",
        "not_reached": "{:,} of the new records have not been reached by the workers yet, which do them anyhow.",
        "repeated": "{:,} records repeat an event that stands in the selection before.",
        "other_clients": "{:,} records are of other clients or events, or of none, and are left out.",
        "not_again": "{:,} of the done records ask to cancel a run, or would be larger than an event may be, and are left out.",
    }
    return [text.format(prediction[name]) for name, text in told.items() if prediction.get(name)]


def print_replay(replay: Replay) -> None:
    """All that there is to know of it."""
    told = totals(replay.spans)
    facts = {
        "plan": replay.id,
        "state": state(replay),
        "topic": replay.topic,
        "mode": replay.mode,
        "selection": in_words(replay.selection),
        "records": f"{replay.prediction['records']:,} when it was planned",
        "read": f"{share(replay.spans)} of {told['offsets']:,} offsets",
        "published": f"{told['published']:,}, {told['skipped']:,} left out, {told['refused']:,} refused by Kafka",
    }
    if replay.claim_left:
        facts["held by"] = f"{replay.applied_by}, for {replay.claim_left:.0f} s unless it is heard of"
    print_facts(facts)
    print_prediction(replay.prediction, replay.selection)
    spans = [(span.partition, span.first_offset, span.next_offset, span.end_offset, *span[4:]) for span in replay.spans]
    columns = ("partition", "from", "next", "to", "published", "left out", "refused")
    data().print(table(columns, spans, numbers=columns))
    data().print(table(("when", "who", "what"), [(each["at"][:19], each["by"], each["what"]) for each in replay.history]))
