"""Which configs there are: the values of each parameter, and the constraints between them."""

from __future__ import annotations

import itertools
import json
import math
import random
from typing import Any, Callable, Iterable, Iterator, Mapping, Sequence, Union

from .constraint import Constraint

Config = dict  # parameter -> value
Key = tuple  # the indices of a config's values, in the parameters' order
Rule = Union[str, Callable[[Config], bool]]

MOST_PARAMETERS, MOST_VALUES = 256, 1 << 16
# Tries at random before configs are counted through, and how many are counted through at most.
_TRIES, _MOST_COUNTED = 1000, 1 << 20


class Domain:
    """Parameters with their values, at least one each, and constraints: expressions
    (constraint.py), or functions of a config. ValueError for what cannot be."""

    def __init__(self, parameters: Mapping[str, Sequence[Any]], constraints: Iterable[Rule] = ()):
        self.parameters = {name: list(values) for name, values in parameters.items()}
        self._check()
        self._index = [{_word(value): i for i, value in enumerate(values)}
                       for values in self.parameters.values()]
        self.constraints = list(constraints)
        texts = [Constraint(rule, self.parameters) for rule in self.constraints
                 if isinstance(rule, str)]
        self._functions = [rule for rule in self.constraints if not isinstance(rule, str)]
        self._counted: list[Key] | None = None  # the valid configs, once they were counted through
        # At each parameter, in their order, the constraints that can be judged from there on.
        names = list(self.parameters)
        self._ripe: list[list[Constraint]] = [[] for _ in names]
        for one in texts:
            self._ripe[max((names.index(name) for name in one.names), default=0)].append(one)

    def _check(self) -> None:
        if not 0 < len(self.parameters) <= MOST_PARAMETERS:
            raise ValueError(f"{len(self.parameters)} parameters, allowed are 1 to "
                             f"{MOST_PARAMETERS}")
        for name, values in self.parameters.items():
            if not isinstance(name, str) or not name.isidentifier():
                raise ValueError(f"parameter {name!r} is no name of letters, digits and _")
            if not 0 < len(values) <= MOST_VALUES:
                raise ValueError(f"{name} has {len(values)} values, allowed are 1 to {MOST_VALUES}")
            if any(not isinstance(value, (int, float, str, bool)) for value in values):
                raise ValueError(f"{name} has values that are no numbers, texts or booleans")
            if any(isinstance(value, float) and not math.isfinite(value) for value in values):
                raise ValueError(f"{name} has values that are not finite")
            if len({_word(value) for value in values}) != len(values):
                raise ValueError(f"{name} has a value twice")

    @property
    def product(self) -> int:
        """Configs there would be without constraints."""
        return math.prod(len(values) for values in self.parameters.values())

    def key(self, config: Mapping[str, Any]) -> Key:
        """ValueError for what is no config of the parameters; constraints are not looked at."""
        if set(config) != set(self.parameters):
            raise ValueError(f"a config of {', '.join(config) or 'nothing'}; the parameters are: "
                             f"{', '.join(self.parameters)}")
        try:
            return tuple(index[_word(config[name])]
                         for name, index in zip(self.parameters, self._index))
        except KeyError:
            wrong = next(name for name, index in zip(self.parameters, self._index)
                         if _word(config[name]) not in index)
            raise ValueError(f"{wrong} = {config[wrong]!r} is none of its values: "
                             f"{self.parameters[wrong][:20]}") from None

    def config(self, key: Key) -> Config:
        return {name: values[i] for (name, values), i in zip(self.parameters.items(), key)}

    def is_valid(self, key: Key) -> bool:
        config = self.config(key)
        return (all(one.holds(config) for ripe in self._ripe for one in ripe)
                and all(function(config) for function in self._functions))

    def __iter__(self) -> Iterator[Key]:
        """All valid configs; what cannot become one is left as soon as that is seen."""
        return self._below((), {})

    def _below(self, key: Key, config: Config) -> Iterator[Key]:
        if len(key) == len(self.parameters):
            if all(function(dict(config)) for function in self._functions):
                yield key
            return
        name = list(self.parameters)[len(key)]
        for i, value in enumerate(self.parameters[name]):
            config[name] = value
            if all(one.holds(config) for one in self._ripe[len(key)]):
                yield from self._below((*key, i), config)
        config.pop(name, None)

    def draw(self, rng: random.Random, known: set[Key]) -> Key | None:
        """A valid config that is not known, at random; None when there is none (of the first
        million, where there are that many)."""
        for _ in range(_TRIES):
            key = tuple(rng.randrange(len(values)) for values in self.parameters.values())
            if key not in known and self.is_valid(key):
                return key
        if self._counted is None:
            self._counted = list(itertools.islice(self, _MOST_COUNTED))
        unknown = [key for key in self._counted if key not in known]
        return rng.choice(unknown) if unknown else None

    def as_json(self) -> dict[str, Any]:
        """Functions are not part of it: a file cannot hold them."""
        return {"parameters": self.parameters,
                "constraints": [rule for rule in self.constraints if isinstance(rule, str)]}


def _word(value: Any) -> str:
    """1, 1.0, true and "1" are four values."""
    return json.dumps(value)
