"""What calls to OpenAI count. Labels are few and bounded: the endpoint, the models that are configured, words of our own."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

SECONDS_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320)

CALLS = Counter("millrace_llm_calls_total", "Calls to OpenAI, by what came of them.", ["endpoint", "model", "outcome"])
TOKENS = Counter("millrace_llm_tokens_total", "Tokens that were paid for.", ["endpoint", "model", "kind"])
COST = Counter("millrace_llm_cost_usd_total", "US dollars that answers cost.", ["endpoint", "model"])
SECONDS = Histogram("millrace_llm_seconds", "Time an answer takes.", ["endpoint"], buckets=SECONDS_BUCKETS)
