"""What the farm tells and is told, as plain values. Seconds are wall seconds, times unix times."""

from __future__ import annotations

import dataclasses
from typing import Optional

from .records import Record


@dataclasses.dataclass(frozen=True)
class Task:
    """One search space: a workload, a template and a target, and how often the model calls it."""

    workload: str
    template: str
    target: str
    layers: int = 1


@dataclasses.dataclass(frozen=True)
class Job:
    """A job as `Farm.jobs` lists it."""

    id: str
    name: str
    key: str
    state: str  # "queued", "running", "paused", "done", "cancelled", "failed"
    tasks: int
    trials: int
    failures: int
    budget: int  # trials; 0 = none
    model_seconds: Optional[float]  # predicted for one inference; None: not all tasks are known
    owner: str
    priority: int
    created: float
    message: str


@dataclasses.dataclass(frozen=True)
class TaskResult:
    """What a job found for one task."""

    task: Task
    trials: int
    failures: int
    best_seconds: Optional[float]
    best_config: Optional[list]  # AutoTVM's entity list: [["tile_oc", "sp", [-1, 16]], ...]
    end: str  # "budget", "time", "early_stopping", "exhausted", ...


@dataclasses.dataclass(frozen=True)
class Found:
    """What a look-up found for one workload."""

    workload: str
    record: Optional[Record]
    how: str  # "exact", "other epilogue", "exact, of another device", "none", ...
    keeps_default: bool  # the default that was measured beside the record is no slower
    passed_over: tuple[str, ...]
    near_misses: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Revocation:
    """A record that was withdrawn."""

    run_id: str
    reason: str
    by: str
    unix_time: float


@dataclasses.dataclass(frozen=True)
class Event:
    """One step of a job: a trial that ended, or a change of its state."""

    sequence: int
    state: str
    message: str = ""
    task: str = ""  # workload of the trial; "" for a change of state
    number: int = 0  # of the trial in the job
    seconds: Optional[float] = None  # median; None for a failure
    failure: str = ""
    gflops: float = 0.0
    best_gflops: float = 0.0  # of the task so far
    model_seconds: Optional[float] = None
    results: tuple[TaskResult, ...] = ()  # of the last event

    @property
    def ended(self) -> bool:
        return self.state in ("done", "cancelled", "failed")


@dataclasses.dataclass(frozen=True)
class Worker:
    """A worker as `Farm.workers` lists it."""

    name: str
    key: str
    device: str
    target: str
    slots: int
    held: int
    seconds_since_seen: float
    health: str
    health_reason: str
    trials: int
    faults: int
    role: str  # "both", "build" or "run"
