"""Measurements: the farm's AutoTVM log lines as rows."""

from __future__ import annotations

import dataclasses
import json
import statistics
from typing import Any, Iterable, Optional

# Classes of records that may be the best of their workload (records/record.h, IsUsable).
_USABLE = {"ok", "late", "imported"}
# Our names of AutoTVM's error numbers (MeasureErrorNo of apache/tvm v0.18); 0 is none.
_FAILURES = {
    1: "instantiation_error",
    2: "build_error",
    3: "build_error",
    4: "crash",
    5: "wrong_result",
    6: "build_timeout",
    7: "run_timeout",
    8: "unknown_error",
}


@dataclasses.dataclass(frozen=True)
class Record:
    """One measurement. `dataclasses.asdict` of it is a row for pandas."""

    run_id: str
    workload: str  # operator and arguments, as AutoTVM's logs carry them, as JSON
    op: str
    template: str
    target: str
    config: tuple  # AutoTVM's entities: ("tile_oc", "sp", [-1, 16]), ...
    index: int
    seconds: Optional[float]  # median of the samples; None for a failure
    samples: tuple[float, ...]
    failure: str  # "" when timed
    message: str
    device_key: str
    device: str
    worker: str
    job: str
    threads: int
    seed: int
    build_seconds: float
    run_seconds: float
    unix_time: float
    record_class: str
    software: str

    @property
    def usable(self) -> bool:
        return self.seconds is not None and self.record_class in _USABLE


def parse_line(line: str) -> Record:
    """The record of a log line in AutoTVM's format 0.2. ValueError for anything else."""
    try:
        return _record(json.loads(line))
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise ValueError(f"no line of an AutoTVM log 0.2: {line[:200]}") from error


def _record(row: dict[str, Any]) -> Record:
    target, template, args = row["input"][:3]
    costs, error, seconds, unix_time = row["result"]
    ours = row.get("tilewright", {})
    fused = args[-1] if args and isinstance(args[-1], str) else template
    samples = () if error else tuple(costs)
    build, run = ours.get("seconds", (0.0, seconds))
    return Record(
        run_id=ours.get("run_id", ""),
        workload=json.dumps(args),
        op=fused.split("+")[0].split(";")[0],
        template=template,
        target="cpu" + target[len("llvm"):] if target.startswith("llvm") else target,
        config=tuple(tuple(entity) for entity in row["config"]["entity"]),
        index=row["config"]["index"],
        seconds=statistics.median(samples) if samples else None,
        samples=samples,
        failure=_FAILURES.get(error, "unknown_error") if error else "",
        message=ours.get("message", ""),
        device_key=ours.get("device_key", ""),
        device=ours.get("device", ""),
        worker=ours.get("worker", ""),
        job=ours.get("job", ""),
        threads=ours.get("threads", 1),
        seed=ours.get("seed", 0),
        build_seconds=build,
        run_seconds=run,
        unix_time=unix_time,
        record_class=ours.get("class", "imported"),
        software=row.get("tvm_version", ""),
    )


def rows(records: Iterable[Record]) -> list[dict[str, Any]]:
    """Rows of plain values: `pandas.DataFrame(rows(farm.history()))`."""
    return [{**dataclasses.asdict(r), "config": json.dumps(r.config)} for r in records]


def best(records: Iterable[Record]) -> list[Record]:
    """The record of the fastest config of each workload and target.

    A config that was measured several times counts with the middle of its medians (of two the
    faster), as the farm itself judges (records/store/record_store.h, Best).
    """
    measured: dict[tuple[str, str], dict[tuple[str, str], list[Record]]] = {}
    for record in records:
        if record.usable:
            configs = measured.setdefault((record.workload, record.target), {})
            configs.setdefault((record.template, json.dumps(record.config)), []).append(record)
    return [min(map(_typical, configs.values()), key=_seconds) for configs in measured.values()]


def _seconds(record: Record) -> float:
    return record.seconds if record.seconds is not None else float("inf")


def _typical(measurements: list[Record]) -> Record:
    return sorted(measurements, key=_seconds)[(len(measurements) - 1) // 2]
