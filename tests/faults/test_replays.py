"""A replay takes effect once, whatever dies, stops or runs beside it, and nobody applies it who should not."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from events.failures import Outage
from ops.replay.applying import Ending, Pace, Watcher
from ops.replay.failures import GaveUp, Gone, NotApplicable, TakenOver, UnderWay
from storage import replays
from streams.publish import Outgoing, publish
from streams.read import Incoming
from streams.redelivery import NotTaken
from tests.support.notes import note
from tests.support.operators import Command, apply, applying, planned, replay_of, start_command
from tests.support.rig import Rig, eventually
from tests.support.servers import Servers
from tests.support.worker_process import Workers

OVER = "update replays set claimed_until = now() where id = $1"
# Records of a batch where the rate is as many a second.
BATCH = 100
TAKE = "update replays set owner = gen_random_uuid(), claimed_until = now() where id = $1"


async def publish_notes(rig: Rig, number: int, first: int = 0, **record: Any) -> None:
    values = [note(f"e-{each}", text=f"text {each}") for each in range(first, first + number)]
    await publish(rig.kafka, [Outgoing(rig.spec.topic, b"%d" % each, value, **record) for each, value in enumerate(values)])


async def judge(rig: Rig, number: int) -> None:
    """Each of so many notes has one outcome, one effect and one logical completion; nothing is stuck or dead."""
    await rig.until("select count(*) from inbox", number)
    await rig.idle()
    completions = {each["id"]: each["causationid"] for each in await rig.completions(number)}
    assert Counter(completions.values()) == Counter(f"e-{each}" for each in range(number))
    assert await rig.rows("select event_id, text from notes order by event_id") == sorted(
        ({"event_id": f"e-{each}", "text": f"text {each}"} for each in range(number)), key=lambda row: row["event_id"]
    )
    assert [await rig.count(table) for table in ("outbox", "retries", "dead_letters")] == [0, 0, 0]


async def progress(rig: Rig, plan_id: UUID) -> int:
    return sum(span.published for span in (await replay_of(rig, plan_id)).spans)


async def forget(rig: Rig, every: int) -> int:
    """Undoes the effect of some of the notes, as a restored database would; returns how many."""
    async with rig.database.transaction() as connection:
        gone = await connection.fetch(f"delete from inbox where substr(event_id, 3)::int % {every} = 0 returning event_id")
        await connection.execute("delete from notes where event_id = any($1)", [row["event_id"] for row in gone])
    return len(gone)


async def test_a_gap_is_filled_under_live_traffic_and_what_is_done_is_skipped(rig: Rig, note_workers: Workers) -> None:
    await note_workers.start()
    await note_workers.start()
    await publish_notes(rig, 1000)
    await rig.until("select count(*) from inbox", 1000)
    await rig.idle()
    gone = await forget(rig, every=3)
    plan_id = await planned(rig)
    assert (await replay_of(rig, plan_id)).prediction["new"] == gone

    ending, _ = await asyncio.gather(apply(rig, plan_id, Pace(rate=2000)), publish_notes(rig, 1000, first=1000))

    assert ending is Ending.APPLIED
    assert await progress(rig, plan_id) == 1000
    await judge(rig, 2000)


async def applied_by_process(rig: Rig, plan_id: UUID, *arguments: str) -> Command:
    return await start_command(rig, "replay", "apply", str(plan_id), *arguments)


async def test_an_apply_that_is_killed_goes_on_where_it_was(runs_rig: Rig) -> None:
    rig, number = runs_rig, 3000
    await publish_notes(rig, number)
    plan_id = await planned(rig, include_rejected=True)

    # So slow that it has work for half a minute when it is killed, however late that is.
    process = await applied_by_process(rig, plan_id, "--rate", f"{BATCH}")
    await eventually(lambda: more_than(rig, plan_id, BATCH), expected=True)
    process.kill()
    await process.communicate()
    done = await progress(rig, plan_id)
    with pytest.raises(UnderWay, match=f"process {process.pid} has it"):
        await apply(rig, plan_id)
    async with rig.database.connection() as connection:
        await connection.execute(OVER, plan_id)
    assert await apply(rig, plan_id) is Ending.APPLIED

    assert BATCH < done < number, "the kill did not land in the middle"
    replay = await replay_of(rig, plan_id)
    assert (replay.status, await progress(rig, plan_id)) == ("applied", number)
    repeated = Counter(each.value for each in await rig.published(rig.spec.topic, 2 * number))
    assert len(repeated) == number
    assert set(repeated.values()) <= {2, 3}
    assert sum(count == 3 for count in repeated.values()) <= BATCH, "more than one batch was repeated"


async def more_than(rig: Rig, plan_id: UUID, number: int) -> bool:
    return await progress(rig, plan_id) > number


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_an_apply_that_is_told_to_stop_pauses_in_good_order(runs_rig: Rig, number: signal.Signals) -> None:
    rig = runs_rig
    await publish_notes(rig, 2000)
    plan_id = await planned(rig, include_rejected=True)
    process = await applied_by_process(rig, plan_id, "--rate", "40")
    await eventually(lambda: more_than(rig, plan_id, 40), expected=True)

    process.send_signal(number)
    said, errors = await process.communicate()

    assert process.returncode == 3, errors
    assert said.startswith(b"stopped")
    assert f"millrace replay apply {plan_id}".encode() in errors
    replay, done = await replay_of(rig, plan_id), await progress(rig, plan_id)
    assert (replay.status, replay.claim_left) == ("paused", 0)
    assert len(await rig.published(rig.spec.topic, 2000 + done)) == 2000 + done
    assert await apply(rig, plan_id) is Ending.APPLIED
    assert len(await rig.published(rig.spec.topic, 4000)) == 4000


async def test_a_replay_is_paused_resumed_and_aborted_from_elsewhere(runs_rig: Rig) -> None:
    rig = runs_rig
    await publish_notes(rig, 2000)
    plan_id = await planned(rig, include_rejected=True)
    process = await applied_by_process(rig, plan_id, "--rate", "20")
    await eventually(lambda: more_than(rig, plan_id, 19), expected=True)

    assert (await command(rig, "pause", plan_id))[0] == 0
    await eventually(lambda: is_at_rest(rig, plan_id), expected=True)
    with pytest.raises(UnderWay):
        await apply(rig, plan_id)
    resumed_from = await progress(rig, plan_id)
    async with rig.database.connection() as connection:
        assert await replays.resume(connection, plan_id, "me")
    await eventually(lambda: more_than(rig, plan_id, resumed_from), expected=True)
    assert (await command(rig, "abort", plan_id))[0] == 0
    said, errors = await process.communicate()

    assert process.returncode == 3, errors
    assert said.startswith(b"aborted")
    done = await progress(rig, plan_id)
    assert done < 2000
    assert len(await rig.published(rig.spec.topic, 2000 + done)) == 2000 + done
    with pytest.raises(NotApplicable, match="was aborted at"):
        await apply(rig, plan_id)
    replay = await replay_of(rig, plan_id)
    assert [each["what"] for each in replay.history] == ["plan", "apply", "pause", "resume", "abort", "aborted"]


async def command(rig: Rig, name: str, plan_id: UUID, *arguments: str) -> tuple[int | None, bytes, bytes]:
    process = await start_command(rig, "replay", name, str(plan_id), *arguments)
    said, errors = await process.communicate()
    return process.returncode, said, errors


async def is_at_rest(rig: Rig, plan_id: UUID) -> bool:
    before = await progress(rig, plan_id)
    await asyncio.sleep(1.5)
    return before == await progress(rig, plan_id)


async def test_of_several_at_once_one_applies_and_the_others_are_told_who(rig: Rig) -> None:
    await publish_notes(rig, 500)
    plan_id = await planned(rig)
    gate, several = asyncio.Event(), [await applying(rig, plan_id, Pace(rate=500)) for _ in range(4)]
    for one in several:
        one._publish = at_the_gate(gate, one._publish)  # type: ignore[method-assign]
    tasks = [asyncio.create_task(one.run()) for one in several]
    await eventually(lambda: how_many_have_ended(tasks), 3)
    gate.set()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert Counter(map(type, answers)) == {Ending: 1, UnderWay: 3}
    assert all("you@there has it" in str(each) for each in answers if isinstance(each, UnderWay))
    assert len(await rig.published(rig.spec.topic, 1000)) == 1000
    with pytest.raises(NotApplicable, match="was applied at"):
        await apply(rig, plan_id)
    assert len(await rig.published(rig.spec.topic, 1000)) == 1000


def at_the_gate(gate: asyncio.Event, publish: Any) -> Any:
    """Publishes a batch once the gate is open."""

    async def published(records: Sequence[Incoming]) -> Any:
        await gate.wait()
        return await publish(records)

    return published


async def how_many_have_ended(tasks: Sequence[asyncio.Task[Any]]) -> int:
    return sum(task.done() for task in tasks)


async def test_one_whose_claim_has_run_out_stops_when_another_has_it(rig: Rig) -> None:
    await publish_notes(rig, 1000)
    plan_id = await planned(rig)
    sleeper = asyncio.create_task(apply(rig, plan_id, Pace(rate=100)))
    await eventually(lambda: more_than(rig, plan_id, 50), expected=True)
    async with rig.database.connection() as connection:
        await connection.execute(TAKE, plan_id)
    with pytest.raises(TakenOver):
        await sleeper
    assert await apply(rig, plan_id) is Ending.APPLIED
    replay = await replay_of(rig, plan_id)
    assert (replay.status, await progress(rig, plan_id)) == ("applied", 1000)


async def delete_before(rig: Rig, partition: int, offset: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=rig.kafka.bootstrap_servers)
    await admin.start()
    try:
        await admin.delete_records({TopicPartition(rig.spec.topic, partition): RecordsToDelete(before_offset=offset)})
    finally:
        await admin.close()


async def test_records_that_are_gone_since_the_plan_are_refused_and_the_plan_stays(rig: Rig) -> None:
    await rig.publish_keyed([(b"one key", note(f"e-{each}")) for each in range(20)])
    [partition] = await rig.partitions_in_use()
    plan_id = await planned(rig)
    await delete_before(rig, partition, 5)
    with pytest.raises(Gone, match=f"partition {partition}: .* from offset 0 on; those it has begin at 5"):
        await apply(rig, plan_id)
    replay = await replay_of(rig, plan_id)
    assert (replay.status, replay.claim_left, await progress(rig, plan_id)) == ("planned", 0, 0)


async def test_records_that_go_while_it_is_applied_end_it_with_its_progress_kept(rig: Rig) -> None:
    large = b"x" * 500_000
    await publish(rig.kafka, [Outgoing(rig.spec.topic, b"one key", note(f"e-{each}", text="x") + large) for each in range(40)])
    [partition] = await rig.partitions_in_use()
    plan_id = await planned(rig, include_rejected=True)
    one = await applying(rig, plan_id, Pace(rate=4))
    going = asyncio.create_task(one.run())
    await eventually(lambda: more_than(rig, plan_id, 3), expected=True)
    await delete_before(rig, partition, 39)
    with pytest.raises(Gone):
        await going
    replay = await replay_of(rig, plan_id)
    assert (replay.status, replay.claim_left) == ("paused", 0)
    assert 3 < await progress(rig, plan_id) < 39


async def test_an_outage_is_waited_through(stack: Servers, fragile: Rig) -> None:
    rig = fragile
    await publish_notes(rig, 600)
    plan_id, remarks = await planned(rig), list[str]()
    # Servers that are started again may take a minute on a busy machine.
    one = await applying(rig, plan_id, Pace(rate=100, patience=240.0), watcher=Watcher(remark=remarks.append))
    going = asyncio.create_task(one.run())
    await eventually(lambda: more_than(rig, plan_id, 100), expected=True)
    stack.kill("kafka")
    await eventually(lambda: said(remarks, "Kafka is away"), expected=True)
    stack.start()
    await eventually(lambda: said(remarks, "answers again"), expected=True)
    remarks.clear()
    stack.kill("postgres")
    await eventually(lambda: said(remarks, "PostgreSQL is away"), expected=True)
    stack.start()
    assert await going is Ending.APPLIED
    async with rig.engine():
        await judge(rig, 600)


async def said(remarks: Sequence[str], text: str) -> bool:
    return any(text in each for each in remarks)


async def test_an_outage_that_is_too_long_ends_it_with_its_progress_kept(rig: Rig) -> None:
    await publish_notes(rig, 300)
    plan_id = await planned(rig)
    one = await applying(rig, plan_id, Pace(rate=100, patience=0.5))
    publish_one, batches = one._publish, list[int]()

    async def then_away(records: Sequence[Incoming]) -> list[NotTaken]:
        if sum(batches) + len(records) > 150:
            raise Outage("kafka_unreachable", "nothing answers there")
        batches.append(len(records))
        return await publish_one(records)

    one._publish = then_away  # type: ignore[method-assign]
    with pytest.raises(GaveUp, match="Kafka is away: nothing answers there"):
        await one.run()

    replay = await replay_of(rig, plan_id)
    assert (replay.status, replay.claim_left, await progress(rig, plan_id)) == ("paused", 0, sum(batches))
    assert await apply(rig, plan_id) is Ending.APPLIED
    async with rig.engine():
        await judge(rig, 300)
    assert len(await rig.published(rig.spec.topic, 600)) == 600


async def test_records_go_out_no_faster_than_they_may(rig: Rig) -> None:
    await publish_notes(rig, 300)
    plan_id = await planned(rig)
    clock = asyncio.get_running_loop().time
    began = clock()
    await apply(rig, plan_id, Pace(rate=100))
    assert clock() - began >= 1.0, "200 of 300 records are more than the first second allows"


async def test_headers_of_a_dead_letter_topic_are_left_out_and_others_kept(rig: Rig) -> None:
    headers = [("trace", b"\xff"), ("dlq-reason", b"by hand"), ("empty", b"")]
    await publish(rig.kafka, [Outgoing(rig.spec.topic, b"key", note("e"), headers)])
    await apply(rig, await planned(rig))
    _, again = await rig.published(rig.spec.topic, 2)
    assert (again.key, again.value, list(again.headers)) == (b"key", note("e"), [headers[0], headers[2]])


async def test_a_pause_that_comes_with_the_last_batch_does_not_keep_it_from_ending(rig: Rig) -> None:
    await publish_notes(rig, 10)
    plan_id = await planned(rig)
    one = await applying(rig, plan_id)

    async def pause_first(records: Any) -> Any:
        async with rig.database.connection() as connection:
            assert await replays.pause(connection, plan_id, "me")
        return records

    original = one._publish
    one._publish = lambda records: then(pause_first(records), original)  # type: ignore[method-assign]
    one.pace = replace(one.pace, rate=100_000)
    assert await one.run() is Ending.APPLIED


async def then(first: Any, second: Any) -> Any:
    return await second(await first)
