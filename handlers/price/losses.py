"""Expected loss: what default is expected to take of the balance, period by period, discounted without any spread."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from handlers.price.arrays import Floats, Ints
from handlers.price.curves import Curves, Nodes
from handlers.price.names import NOTHING
from handlers.price.segments import flows_of, positions


@dataclass(frozen=True, slots=True)
class AtRisk:
    """What P positions may lose, each on its hazard curve (P; -1: none, and then no number comes of it).

    `exposure` (F) is lost but for what is recovered, if default comes between the days `since` and `until` (F), and counts at
    `until`, whose discount factors are those of `nodes` at `place` (F).
    """

    bounds: Ints
    hazard: Ints
    exposure: Floats
    since: Ints
    until: Ints
    nodes: Nodes
    place: Ints

    def expected(self, hazards: Curves) -> Floats:
        """Σ exposure · (Q(since) - Q(until)) · DF(until) of each position (P × S), Q being the chance to survive."""
        scenarios = self.nodes.discount.shape[1]
        losses = np.full((self.hazard.size, scenarios), np.nan)
        known = np.flatnonzero(self.hazard != NOTHING)
        flow, bounds = flows_of(self.bounds, known)
        curve = np.repeat(self.hazard[known], np.diff(bounds))
        days = np.concatenate((self.since[flow], self.until[flow]))
        if days.size == 0:
            return losses
        survival, place = hazards.nodes(np.concatenate((curve, curve)), days)
        begin, end = place[: flow.size], place[flow.size :]
        for chosen in positions(bounds, scenarios):
            some, own = flows_of(bounds, chosen)
            lost = survival.discount[begin[some]] - survival.discount[end[some]]
            lost *= self.nodes.discount[self.place[flow[some]]]
            lost *= self.exposure[flow[some]][:, None]
            losses[known[chosen]] = np.add.reduceat(lost, own[:-1], axis=0)
        return losses
