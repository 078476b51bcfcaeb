"""Ask and tell: the search of a space of one's own, with kernels that Tilewright knows nothing of.

    space = Space.from_json("space.json", log="results.jsonl")
    for config in space.ask(4):
        space.tell(config, seconds=measure(config))
    space.best().config
"""

from __future__ import annotations

import json
import math
import os
import pathlib
import random
import time
from typing import Any, Callable, Iterable, Mapping, Optional, Sequence

from .domain import Config, Domain, Rule
from .results import Result, ResultLog
from .strategies import STRATEGIES

MOST_JSON_BYTES = 16 << 20


class Space:
    """Parameters with lists of values, constraints between them, and a search that goes on.

    `constraints` are expressions over the parameters ("block_x * block_y <= 1024") or functions of
    a config. `strategy` is "evolution" or "random". With `log` every result is kept in that file of
    JSON lines, and those that it has are known from the start: the same script goes on where it
    stopped. For one thread. ValueError for what cannot be.
    """

    def __init__(self, parameters: Mapping[str, Sequence[Any]], constraints: Iterable[Rule] = (),
                 *, strategy: str = "evolution", seed: int = 0,
                 log: Optional[str | os.PathLike] = None):
        if strategy not in STRATEGIES:
            raise ValueError(f"no strategy {strategy!r}; known: {', '.join(STRATEGIES)}")
        self._domain = Domain(parameters, constraints)
        self._strategy = STRATEGIES[strategy](self._domain, random.Random(seed))
        self._asked: set = set()  # and not told
        self._known: set = set()  # asked or told
        self.results: list[Result] = []
        self._log: Optional[ResultLog] = None
        if log is not None:
            opened = ResultLog(log, self._domain.as_json())
            for result in opened.results:
                self._observe(result)
            self._log = opened

    @classmethod
    def from_json(cls, source: str | os.PathLike | Mapping[str, Any], **options: Any) -> Space:
        """Of a file, a text or a value: {"parameters": {"tile": [8, 16]}, "constraints": [...]}.

        A text begins with "{". Constraints may be missing. Options as of the class.
        """
        value = source if isinstance(source, Mapping) else _parse(source)
        unknown = sorted(set(value) - {"parameters", "constraints"})
        if unknown or not isinstance(value.get("parameters"), Mapping):
            raise ValueError(f"a space is an object with \"parameters\" and perhaps "
                             f"\"constraints\"; found: {', '.join(unknown) or 'no parameters'}")
        constraints = value.get("constraints", [])
        if not isinstance(constraints, list) or any(not isinstance(c, str) for c in constraints):
            raise ValueError('"constraints" is a list of expressions')
        for name, values in value["parameters"].items():
            if not isinstance(values, list):
                raise ValueError(f"{name} has no list of values")
        return cls(value["parameters"], constraints, **options)

    def __enter__(self) -> Space:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._log is not None:
            self._log.close()

    @property
    def parameters(self) -> dict[str, list]:
        return self._domain.parameters

    def size(self) -> int:
        """Configs that meet the constraints; counts them through."""
        return sum(1 for _ in self._domain)

    def ask(self, n: int = 1) -> list[Config]:
        """Up to `n` configs to be measured, each once; fewer, or none, when all have been asked."""
        configs = []
        while len(configs) < n:
            key = self._strategy.propose(self._known)
            if key is None:
                break
            self._known.add(key)
            self._asked.add(key)
            configs.append(self._domain.config(key))
        return configs

    def tell(self, config: Mapping[str, Any], seconds: Optional[float] = None, *,
             failure: str = "", message: str = "", samples: Sequence[float] = ()) -> Result:
        """What came of a config, asked or one's own: its time, or how it failed."""
        if (seconds is None) == (not failure):
            raise ValueError("tell seconds, or a failure such as \"crash\"")
        if seconds is not None and not (math.isfinite(seconds) and seconds > 0):
            raise ValueError(f"{seconds} seconds; a time is above 0 and finite")
        result = Result(dict(config), seconds, failure, message, tuple(samples))
        self._domain.key(result.config)  # before anything is kept
        if self._log is not None:
            self._log.add(result)
        self._observe(result)
        return result

    def _observe(self, result: Result) -> None:
        key = self._domain.key(result.config)
        self._known.add(key)
        self._asked.discard(key)
        self._strategy.observe(key, result.seconds)
        self.results.append(result)

    def best(self) -> Optional[Result]:
        """The fastest so far."""
        timed = [result for result in self.results if result.seconds is not None]
        return min(timed, key=lambda result: result.seconds or math.inf, default=None)

    def tune(self, runner: Callable[[Config], Result], *, trials: int,
             seconds: float = math.inf) -> Optional[Result]:
        """Asks, runs (see runner.py) and tells, until there are `trials` results, those of the log
        included, `seconds` are over, or every config was tried; the best."""
        end = time.monotonic() + seconds
        while len(self.results) < trials and time.monotonic() < end:
            configs = self.ask(1)
            if not configs:
                break
            done = runner(configs[0])
            self.tell(done.config, done.seconds, failure=done.failure, message=done.message,
                      samples=done.samples)
        return self.best()

    def rows(self) -> list[dict[str, Any]]:
        """A row a result, as Kernel Tuner gives them: the parameters, "time" in milliseconds (or
        the name of the failure), "times". `pandas.DataFrame(space.rows())`."""
        return [{**result.config,
                 "time": result.failure if result.seconds is None else result.seconds * 1e3,
                 "times": [sample * 1e3 for sample in result.samples]}
                for result in self.results]


def _parse(source: str | os.PathLike) -> Mapping[str, Any]:
    is_text = isinstance(source, str) and source.lstrip().startswith("{")
    if not is_text and os.path.getsize(source) > MOST_JSON_BYTES:
        raise ValueError(f"{os.fspath(source)} has more than {MOST_JSON_BYTES} bytes")
    value = json.loads(source if is_text else pathlib.Path(source).read_text(encoding="utf-8"))
    if not isinstance(value, Mapping):
        raise ValueError("a space is an object")
    return value
