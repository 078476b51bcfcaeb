"""Tuning curves: how good the best config is after so many trials."""

from __future__ import annotations

from typing import Any, Iterable

from .values import Event


def curve(events: Iterable[Event]) -> list[dict[str, Any]]:
    """A row for each trial: its number in the job, its task, and the best GFLOP/s of the task.

    `pandas.DataFrame(curve(farm.watch(job))).pivot(index="trial", columns="task",
    values="best_gflops").ffill().plot()` draws it.
    """
    return [
        {"trial": event.number, "task": event.task, "gflops": event.gflops,
         "best_gflops": event.best_gflops}
        for event in events
        if event.task
    ]
