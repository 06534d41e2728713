"""The servers that the flows of one worker depend on, each with the one breaker that everybody here asks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial

from handlers.flow import FlowSpec
from handlers.llm.model import Target
from handlers.resources import Resources
from streams.dependency import Dependency, Probe
from streams.gate import Gate
from streams.outages import Outages

DATABASE, REDIS, KAFKA, OBJECTS, OPENAI = "database", "redis", "kafka", "objects", "openai"

# What is saved needs no more than this: Redis saves work and is not waited for, the relay waits for Kafka by itself.
SAVING_NEEDS = (DATABASE, OBJECTS)
# A model takes longer to answer than a server that stores, and a look at one that has failed may be paid for.
MODEL_TIMEOUT, MODEL_EVERY = 10.0, 30.0


class Dependencies:
    """A breaker for each server, and one for each model at its endpoint, because one model may be away alone."""

    def __init__(self, probes: Mapping[str, Probe], flows: Sequence[FlowSpec], resources: Resources) -> None:
        self.servers = {name: Dependency(name, probe) for name, probe in probes.items()}
        self._targets = {spec.name: list(spec.asks(resources)) for spec in flows if OPENAI in spec.needs}
        self.models = {target: _of_model(target, resources) for asked in self._targets.values() for target in asked}
        self.saving = self.named(SAVING_NEEDS)

    def named(self, names: Iterable[str]) -> Outages:
        """The outages of these servers."""
        return Outages(self.servers[name] for name in names)

    def of_lane(self, spec: FlowSpec, gate: Gate) -> Outages:
        """The outages that the work of a flow waits for; the gate of its lane is shut while one of them, or of saving, lasts.

        Costly work begins under a lease, so it waits for Redis too. Nothing stands still for Kafka: what is here can be
        worked on and saved meanwhile, and there is nothing to fetch.
        """
        names = [name for name in spec.needs if name != OPENAI] + [REDIS] * spec.costly
        needed = [self.servers[name] for name in names]
        needed += [self.models[target] for target in self._targets.get(spec.name, ())]
        for each in dict.fromkeys((*needed, *self.saving.dependencies)):
            each.stop(gate)
        return Outages(needed)

    def watches(self) -> list[Awaitable[None]]:
        """What keeps looking, to be run until cancelled."""
        return [each.watch() for each in self._all()]

    async def told(self) -> dict[str, str]:
        """Each server and "ok" or the error with which it does not answer; of OpenAI, the first of its models that does not."""
        for each in self._all():
            await each.first_look()
        told = {name: each.told() or "ok" for name, each in self.servers.items()}
        if self.models:
            errors = [error for each in self.models.values() if (error := each.told()) is not None]
            told[OPENAI] = next(iter(errors), "ok")
        return told

    async def hinder(self, flow: str) -> bool:
        """Whether a server does not answer that the lane of this flow has to do with: any but the models of other flows."""
        concerned = [*self.servers.values(), *(self.models[target] for target in self._targets.get(flow, ()))]
        for each in concerned:
            await each.first_look()
        return any(each.told() is not None for each in concerned)

    def close(self) -> None:
        """Ends what is looking still."""
        for each in self._all():
            each.close()

    def _all(self) -> list[Dependency]:
        return [*self.servers.values(), *self.models.values()]


def _of_model(target: Target, resources: Resources) -> Dependency:
    probe: Callable[[], Awaitable[None]] = partial(resources.need_llm().probe, [target])
    return Dependency(f"{OPENAI}/{'/'.join(target)}", probe, timeout=MODEL_TIMEOUT, every=MODEL_EVERY)
