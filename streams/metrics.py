"""What a worker counts. Labels are few and bounded: the flow, and words of our own."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

STAGE_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
GROUP_BUCKETS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)

CONSUMED = Counter("millrace_consumed_total", "Records taken from Kafka.", ["flow"])
COMPLETED = Counter("millrace_completed_total", "Events whose results and completion are stored.", ["flow"])
FAILED = Counter("millrace_failed_total", "Events stored as failed, with a dead letter.", ["flow"])
REJECTED = Counter("millrace_rejected_total", "Records rejected to a dead letter.", ["flow", "reason"])
RETRIED = Counter("millrace_retried_total", "Attempts that failed for a passing reason and will be repeated.", ["flow"])
DEDUPLICATED = Counter("millrace_deduplicated_total", "Records of events that were done already.", ["flow"])
PUBLISHED = Counter("millrace_published_total", "Records published from the outbox.", ["topic"])
PARKED = Counter("millrace_parked_total", "Outbox rows that Kafka refuses for good.", ["topic"])
OFFSET_COMMITS_FAILED = Counter("millrace_offset_commits_failed_total", "Offset commits that failed.", ["flow"])
OUTAGES = Counter("millrace_outages_total", "Times that work waited for a server that was away.", ["flow", "stage"])
BREAKER_OPEN = Gauge("millrace_breaker_open", "1 while a server does not answer and is waited for.", ["dependency"])
GROUPS_SPLIT = Counter("millrace_groups_split_total", "Groups split to find the outcome that cannot be stored.", ["flow"])

STAGE_SECONDS = Histogram("millrace_stage_seconds", "Time a batch spends in a stage.", ["flow", "stage"], buckets=STAGE_BUCKETS)
GROUP_SIZE = Histogram("millrace_group_size", "Outcomes stored in one transaction.", ["flow"], buckets=GROUP_BUCKETS)

HELD_RECORDS = Gauge("millrace_lane_records", "Records between intake and settlement.", ["flow"])
HELD_BYTES = Gauge("millrace_lane_bytes", "Bytes of records between intake and settlement.", ["flow"])
LAG = Gauge("millrace_lag_records", "Records in Kafka beyond those that are finished.", ["topic", "partition"])
OUTBOX_ROWS = Gauge("millrace_outbox_rows", "Rows waiting in the outbox.")
OUTBOX_AGE = Gauge("millrace_outbox_age_seconds", "Age of the oldest row in the outbox.")
INBOX_DROPPED = Counter("millrace_inbox_dropped_total", "Rows that the inbox has forgotten for their age.")
RUN_HISTORY_DROPPED = Counter(
    "millrace_run_history_dropped_total", "Rows of generations of runs that were dropped because nobody reads them any more."
)
LANE_STOPPED = Gauge("millrace_lane_stopped", "1 while a lane has stopped and waits for a person.", ["flow"])
CAREFUL_RECORDS = Gauge("millrace_careful_records", "Records that wait to be taken one at a time.", ["flow"])
KILLERS = Counter("millrace_killers_total", "Records ended because workers died at them.", ["flow"])
