"""Tail risk: what is asked of the days of the past, and what they say."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, Tag

from events.model import Count, Data, StoredObject, one_form
from events.scenario import MAX_SCENARIOS, Scenario, unique_scenarios

MAX_LEVELS = 100


class InlineDays(Data):
    """The moves of each day in the event itself: a scenario whose id is the day."""

    days: Annotated[
        list[Scenario], Field(fail_fast=True, min_length=1, max_length=MAX_SCENARIOS), AfterValidator(unique_scenarios)
    ]


def _unique(levels: list[float]) -> list[float]:
    if len(set(levels)) < len(levels):
        raise ValueError("levels must be unique")
    return levels


class TailRiskRequested(Data):
    """Value at risk and expected shortfall of the whole book at these levels, such as 0.99, by historical simulation.

    The days become scenarios of the run, after its own, the first of which must be the market without shocks.
    """

    moves: Annotated[
        Annotated[InlineDays, Tag("inline")] | Annotated[StoredObject, Tag("stored")], one_form(inline="days", stored="uri")
    ]
    levels: Annotated[
        list[Annotated[float, Field(gt=0, lt=1)]],
        Field(fail_fast=True, min_length=1, max_length=MAX_LEVELS),
        AfterValidator(_unique),
    ]


class TailRisk(Data):
    """Losses, as positive numbers in the reporting currency, by level; null where a day's total is missing."""

    days: Count
    value_at_risk: dict[str, float | None]
    expected_shortfall: dict[str, float | None]
