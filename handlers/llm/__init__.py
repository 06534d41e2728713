"""The one client of OpenAI: asks on behalf of an event, keeps what was paid for, asks nothing twice.

model     who asks, what comes back
config    where, and how long and how often it is tried
prices    what tokens cost
request   what is sent, and its hash
reading   what a body says. Pure
usage     how many tokens a body says it took. Pure
budget    what the tries of one call may cost together. Pure
errors    what can go wrong with one call, what follows from it. Pure
routes    what is known of the account and of each model. Pure
breaker   when to stop asking for a moment. Pure
sdk       the only module that imports openai; loaded when a client is made, because that takes a second
calling   one call: a slot, the breakers, the probe
ledger    each answer into `llm_calls`, over outages of Postgres
client    all of it together
"""

from __future__ import annotations

from handlers.llm.client import Llm
from handlers.llm.config import LlmConfig
from handlers.llm.model import Asker, EmbeddedBatch, LlmAnswer, Usage
from handlers.llm.prices import Price, Prices, priced

__all__ = ["Asker", "EmbeddedBatch", "Llm", "LlmAnswer", "LlmConfig", "Price", "Prices", "Usage", "priced"]
