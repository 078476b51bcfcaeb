"""Client of a Tilewright farm: jobs, workers and records.

    from tilewright import Farm, rows

    with Farm("farm:9190", tls="ann-tls") as farm:
        job = farm.submit("resnet18.onnx", key="xeon", trials=1000)
        for event in farm.watch(job):
            print(event.number, event.best_gflops)
        table = rows(farm.best(key="xeon"))   # pandas.DataFrame(table)

And ask/tell for kernels and parameters of one's own, without a farm: Space, Runner.
"""

from .command import tasks_of
from .curve import curve
from .farm import Farm
from .measure import Measure
from .records import Record, best, parse_line, rows
from .results import Result
from .runner import Runner
from .space import Space
from .transport import FarmError
from .values import Event, Found, Job, Revocation, Task, TaskResult, Worker

__all__ = [
    "Event",
    "Farm",
    "FarmError",
    "Found",
    "Job",
    "Measure",
    "Record",
    "Result",
    "Revocation",
    "Runner",
    "Space",
    "Task",
    "TaskResult",
    "Worker",
    "best",
    "curve",
    "parse_line",
    "rows",
    "tasks_of",
]
