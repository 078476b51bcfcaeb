"""Strategies for a space of one's own. `propose` gives a config that is not known, or None."""

from __future__ import annotations

import random
from typing import Optional, Protocol

from .domain import Domain, Key

POPULATION = 16
_TRIES = 60  # to find a child that is valid and new, before one is drawn at random


class Strategy(Protocol):
    def propose(self, known: set[Key]) -> Optional[Key]: ...
    def observe(self, key: Key, seconds: Optional[float]) -> None: ...


class RandomSearch:
    """Each config at most once, all alike."""

    def __init__(self, domain: Domain, rng: random.Random):
        self._domain, self._rng = domain, rng

    def propose(self, known: set[Key]) -> Optional[Key]:
        return self._domain.draw(self._rng, known)

    def observe(self, key: Key, seconds: Optional[float]) -> None:
        pass


class Evolution:
    """Local search from the best and crossing of good ones.

    At first at random, two for each parameter and eight at least. Then half of the proposals are
    neighbours of a good config (one parameter a step or more away), most others are children of two
    good ones, and one in ten is drawn at random. Good ones are the sixteen fastest; of two, chosen
    at random, the faster is taken. Failures are never parents.
    """

    def __init__(self, domain: Domain, rng: random.Random):
        self._domain, self._rng = domain, rng
        self._first = max(8, 2 * len(domain.parameters))
        self._sizes = [len(values) for values in domain.parameters.values()]
        self._best: list[tuple[float, Key]] = []

    def observe(self, key: Key, seconds: Optional[float]) -> None:
        if seconds is not None:
            self._best = sorted([*self._best, (seconds, key)])[:POPULATION]

    def propose(self, known: set[Key]) -> Optional[Key]:
        if len(known) >= self._first and self._best:
            for _ in range(_TRIES):
                key = self._child()
                if key not in known and self._domain.is_valid(key):
                    return key
        return self._domain.draw(self._rng, known)

    def _child(self) -> Key:
        luck = self._rng.random()
        if luck < 0.5:
            return self._neighbour(self._parent())
        if luck < 0.9:
            return self._cross(self._parent(), self._parent())
        return tuple(self._rng.randrange(size) for size in self._sizes)

    def _parent(self) -> Key:
        return min(self._rng.choice(self._best), self._rng.choice(self._best))[1]

    def _neighbour(self, key: Key) -> Key:
        """Values are listed in an order that means something, more often than not."""
        at = self._rng.randrange(len(key))
        step = self._rng.choice((-1, 1)) if self._rng.random() < 0.7 else \
            self._rng.randrange(self._sizes[at])
        return (*key[:at], min(max(key[at] + step, 0), self._sizes[at] - 1), *key[at + 1:])

    def _cross(self, one: Key, other: Key) -> Key:
        mixed = [self._rng.choice(pair) for pair in zip(one, other)]
        for at, size in enumerate(self._sizes):
            if self._rng.random() < 1 / len(mixed):
                mixed[at] = self._rng.randrange(size)
        return tuple(mixed)


STRATEGIES = {"random": RandomSearch, "evolution": Evolution}
