"""How a job's kernels are timed, in AutoTVM's terms."""

from __future__ import annotations

import dataclasses
from typing import Optional

from . import tilewright_pb2 as pb

# As proto/measure_options.h has them.
_LIMIT_SECONDS = 10.0
_LEAST_SAMPLES, _MOST_SAMPLES, _SAMPLING_SECONDS = 3, 50, 0.015


@dataclasses.dataclass(frozen=True)
class Measure:
    """`number` timed calls, each with cold weights, make a sample, more where they take less than
    `min_repeat_ms`; there are `repeat` samples, or 3 to 50, as many as 15 ms hold. A build and a
    run may take `timeout` seconds each. With `cache_flush` inputs are cold too (on CPUs).
    """

    number: int = 1
    repeat: Optional[int] = None
    min_repeat_ms: float = 0.0
    timeout: float = _LIMIT_SECONDS
    cache_flush: bool = False

    def message(self) -> pb.MeasureOptions:
        return pb.MeasureOptions(
            build_limit_seconds=self.timeout,
            run_limit_seconds=self.timeout,
            min_samples=self.repeat or _LEAST_SAMPLES,
            max_samples=self.repeat or _MOST_SAMPLES,
            sampling_seconds=0.0 if self.repeat else _SAMPLING_SECONDS,
            calls=self.number,
            min_sample_seconds=self.min_repeat_ms / 1e3,
            cold=self.cache_flush,
        )
