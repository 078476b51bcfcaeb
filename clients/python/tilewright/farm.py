"""A client of a Tilewright farm."""

from __future__ import annotations

import getpass
import json
import os
import pathlib
import time
import uuid
from typing import Iterable, Iterator, Optional

from . import command, records, tilewright_pb2 as pb
from .measure import Measure
from .transport import FarmError, Transport
from .values import Event, Found, Job, Revocation, Task, TaskResult, Worker

# Waits between two attempts to reach a server that goes away and comes back, in seconds.
_FIRST_WAIT, _MOST_WAIT = 0.2, 5.0
_DEFAULT_TRIALS_PER_TASK = 64  # as `tilewright submit`
_WORKLOADS_A_CALL = 1024  # that a server takes
_NEWEST_A_CALL = 10_000


class Farm:
    """The server at `address` ("HOST:PORT" or "unix:PATH").

    `tls` is a folder that `tilewright certs issue` made. Without it only this machine's servers are
    dialled, unless `insecure`. Calls wait at most `timeout` seconds and raise FarmError.
    Thread-safe; a context manager.
    """

    def __init__(
        self,
        address: str,
        tls: Optional[os.PathLike] = None,
        insecure: bool = False,
        timeout: float = 60.0,
    ):
        self.address = address
        self._tls = tls
        self._insecure = insecure
        self._timeout = timeout
        self._transport = Transport(address, tls, insecure)

    def __enter__(self) -> Farm:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._transport.close()

    # ---- jobs

    def submit(
        self,
        work: str | os.PathLike | Iterable[Task],
        key: str,
        *,
        trials: int = 0,
        seconds: float = 0.0,
        tuner: str = "",
        tuner_options: Optional[dict[str, str]] = None,
        early_stopping: int = 0,
        seed: int = 0,
        threads: int = 1,
        priority: int = 1,
        name: str = "",
        measure: Optional[Measure] = None,
    ) -> str:
        """Gives the farm a job; its id. The same job again joins, or goes on with, the first.

        `work` is an ONNX file (then the `tilewright` command finds its tasks for the device that
        offers the key, see command.py) or tasks. Without trials and seconds: 64 trials a task.
        `measure` says how kernels are timed, in AutoTVM's terms.
        The call is repeated until the server answers; only one job is made.
        """
        name_of_work, tasks = self._tasks_of(work, key)
        if trials == 0 and seconds == 0:
            trials = _DEFAULT_TRIALS_PER_TASK * len(tasks)
        spec = pb.JobSpec(
            name=name or name_of_work,
            key=key,
            tuner=tuner or command.DEFAULT_TUNER,
            tuner_options=tuner_options or {},
            trials=trials,
            time_seconds=seconds,
            early_stopping=early_stopping,
            seed=seed,
            threads=threads if threads > 1 else 0,
            measure=measure.message() if measure else None,
            tasks=[pb.JobTask(task=_message(task), count=task.layers) for task in tasks],
        )
        request = pb.SubmitJobRequest(spec=spec, request=uuid.uuid4().hex, priority=priority)
        return self._call("SubmitJob", request, repeat=True).job

    def _tasks_of(
        self, work: str | os.PathLike | Iterable[Task], key: str
    ) -> tuple[str, list[Task]]:
        """What a job of this work is called, and its tasks."""
        if isinstance(work, (str, os.PathLike)):
            name, tasks = pathlib.Path(work).stem, command.tasks_of(work, self.target_of(key))
        else:
            name, tasks = "tasks", list(work)
        if not tasks:
            raise ValueError("there is nothing to tune")
        return name, tasks

    def watch(self, job: str, after: int = 0) -> Iterator[Event]:
        """The job's events after number `after`, then new ones as they happen, to its end.

        Rides out a server that stops and starts again.
        """
        wait = _FIRST_WAIT
        while True:
            try:
                request = pb.WatchJobRequest(job=job, after_sequence=after)
                for message in self._transport.stream("WatchJob", request):
                    event = _event(message)
                    after, wait = event.sequence, _FIRST_WAIT
                    yield event
                    if event.ended:
                        return
                return
            except FarmError as error:
                if error.code != "UNAVAILABLE":
                    raise
                time.sleep(wait)
                wait = min(2 * wait, _MOST_WAIT)

    def wait(self, job: str) -> Event:
        """The job's last event. FarmError when the job failed."""
        last: Optional[Event] = None
        for last in self.watch(job):
            pass
        if last is None:
            raise FarmError("INTERNAL", f"job {job} ended without an event")
        if last.state == "failed":
            raise FarmError("ABORTED", last.message)
        return last

    def jobs(self) -> list[Job]:
        """All jobs that this caller may see, oldest first."""
        return [_job(one) for one in self._call("ListJobs", pb.ListJobsRequest(), repeat=True).jobs]

    def cancel(self, job: str) -> str:
        """Ends a job, keeping what was measured; its state."""
        return _state(self._call("CancelJob", pb.CancelJobRequest(job=job)).state)

    def pause(self, job: str) -> str:
        """Takes a job's devices away until it is resumed; its state."""
        return _state(self._call("PauseJob", pb.PauseJobRequest(job=job)).state)

    def resume(self, job: str) -> str:
        """Goes on with a paused job; its state."""
        return _state(self._call("ResumeJob", pb.ResumeJobRequest(job=job)).state)

    # ---- workers

    def workers(self) -> list[Worker]:
        reply = self._call("ListWorkers", pb.ListWorkersRequest(), repeat=True)
        return [_worker(one) for one in reply.workers]

    def target_of(self, key: str) -> str:
        """The target that most slots of a key offer. FarmError NOT_FOUND when no worker does."""
        slots: dict[str, int] = {}
        workers = self.workers()
        for worker in workers:
            if worker.key == key:
                slots[worker.target] = slots.get(worker.target, 0) + worker.slots
        if not slots:
            offered = ", ".join(sorted({w.key for w in workers})) or "none"
            raise FarmError("NOT_FOUND", f'no worker offers the key "{key}"; offered: {offered}')
        return max(sorted(slots), key=lambda target: slots[target])

    # ---- records

    def export(self, key: str = "") -> Iterator[records.Record]:
        """Every record (of a device key), oldest first."""
        for line in self._lines(key):
            yield records.parse_line(line)

    def export_log(self, path: str | os.PathLike, key: str = "") -> int:
        """Writes the records as an AutoTVM log; the number of lines."""
        count = 0
        with open(path, "w", encoding="utf-8") as log:
            for count, line in enumerate(self._lines(key), 1):
                log.write(line + "\n")
        return count

    def history(self, limit: int = 0, *, key: str = "", job: str = "", op: str = "",
                template: str = "") -> list[records.Record]:
        """The newest `limit` (0 = all) records that match, oldest first."""
        if 0 < limit <= _NEWEST_A_CALL:
            return self._find(newest=limit, device_key=key, job=job, op=op, template_name=template)
        wanted = {"job": job, "op": op, "template": template}
        wanted = {field: value for field, value in wanted.items() if value}
        found = [record for record in self.export(key)
                 if all(getattr(record, field) == value for field, value in wanted.items())]
        return found[-limit:] if limit else found

    def best(self, *, key: str = "", op: str = "") -> list[records.Record]:
        """The best record of each workload and target."""
        return self._find(device_key=key, op=op)

    def look_up(self, workloads: Iterable[str], target: str, *, key: str = "", threads: int = 1,
                exact: bool = False, explain: bool = False) -> list[Found]:
        """The record that a model would be compiled with, for each workload (Task.workload).

        Devices of `key` come first, others where they have none; `exact` takes only templates that
        sum as the definition does; `explain` adds the nearest records of other workloads.
        """
        wanted = list(workloads)
        found: list[Found] = []
        for first in range(0, len(wanted), _WORKLOADS_A_CALL):
            part = wanted[first:first + _WORKLOADS_A_CALL]
            request = pb.LookUpRecordsRequest(workloads=part, target=target, device_key=key,
                                              threads=threads, exact=exact, explain=explain)
            reply = self._call("LookUpRecords", request, repeat=True)
            found += [_found(*pair) for pair in zip(part, reply.found)]
        return found

    def revocations(self) -> list[Revocation]:
        """The records that were withdrawn, in the order in which they were measured."""
        all_of_them: list[Revocation] = []
        while True:
            request = pb.ListRevocationsRequest(after=len(all_of_them))
            reply = self._call("ListRevocations", request, repeat=True)
            all_of_them += [Revocation(r.run_id, r.reason, r.by, r.unix_time)
                            for r in reply.revoked]
            if not reply.more:
                return all_of_them

    def revoke(self, reason: str, *, run_id: str = "", worker: str = "", builder: str = "",
               key: str = "", job: str = "", since: float = 0.0,
               before: float = 0.0) -> list[str]:
        """Withdraws the records that match, at least one of the rest given; their run ids.

        `worker` has measured them; `builder` has built what another worker measured. With
        certificates only an admin may. Times are unix times at which records were measured.
        """
        request = pb.RevokeRecordsRequest(run_id=run_id, worker=worker, builder=builder,
                                          device_key=key, job=job, since=since, before=before,
                                          reason=reason, by=getpass.getuser())
        run_ids: list[str] = []
        while True:
            reply = self._call("RevokeRecords", request)
            run_ids += reply.run_ids
            if not reply.more:
                return run_ids

    def explain(self, model: str | os.PathLike, target: str = "cpu") -> list[dict]:
        """Which of the farm's records each layer of an ONNX model gets, or why it gets none.

        As `tilewright explain --json`, which it calls.
        """
        return command.explain(model, target, self.address, self._tls, self._insecure)

    def _find(self, **wanted) -> list[records.Record]:
        reply = self._call("FindRecords", pb.FindRecordsRequest(**wanted), repeat=True)
        return [records.parse_line(line.decode("utf-8")) for line in reply.lines]

    def _lines(self, key: str) -> Iterator[str]:
        request = pb.FetchBlobRequest(name="records.log", device_key=key)
        rest = b""
        for chunk in self._transport.stream("FetchBlob", request):
            *lines, rest = (rest + chunk.data).split(b"\n")
            for line in lines:
                yield line.decode("utf-8")

    def _call(self, name: str, request: object, repeat: bool = False):
        """With `repeat`, until the server answers or the time is over: for what may run twice."""
        end = time.monotonic() + self._timeout
        wait = _FIRST_WAIT
        while True:
            left = end - time.monotonic()
            try:
                return self._transport.call(name, request, max(left, 0.1))
            except FarmError as error:
                if not repeat or error.code != "UNAVAILABLE" or left < wait:
                    raise
            time.sleep(wait)
            wait = min(2 * wait, _MOST_WAIT)


def _message(task: Task) -> pb.Task:
    return pb.Task(workload=task.workload, template_name=task.template, target=task.target)


def _found(workload: str, m: pb.FoundRecord) -> Found:
    return Found(
        workload=workload,
        record=records.parse_line(m.line.decode("utf-8")) if m.line else None,
        how=m.how,
        keeps_default=m.keeps_default,
        passed_over=tuple(m.passed_over),
        near_misses=tuple(m.near_misses),
    )


def _state(state: int) -> str:
    return pb.JobState.Name(state).lower()


def _event(m: pb.JobEvent) -> Event:
    trial = m.trial
    return Event(
        sequence=m.sequence,
        state=_state(m.state),
        message=trial.message or m.message,
        task=trial.task,
        number=trial.total_number,
        seconds=trial.seconds or None,
        failure=trial.failure,
        gflops=trial.gflops,
        best_gflops=trial.best_gflops,
        model_seconds=m.model_seconds or None,
        results=tuple(_result(one) for one in m.tasks),
    )


def _result(m: pb.TaskResult) -> TaskResult:
    return TaskResult(
        task=Task(m.task.workload, m.task.template_name, m.task.target, m.count),
        trials=m.trials,
        failures=m.failures,
        best_seconds=m.best_seconds or None,
        best_config=json.loads(m.best_config) if m.best_config else None,
        end=m.end,
    )


def _job(m: pb.JobSummary) -> Job:
    return Job(
        id=m.job,
        name=m.name,
        key=m.key,
        state=_state(m.state),
        tasks=m.tasks,
        trials=m.finished_trials,
        failures=m.failed_trials,
        budget=m.budget,
        model_seconds=m.model_seconds or None,
        owner=m.owner,
        priority=m.priority,
        created=m.created,
        message=m.message,
    )


def _worker(m: pb.WorkerSummary) -> Worker:
    return Worker(
        name=m.worker,
        key=m.device.key,
        device=m.device.name,
        target=m.device.target,
        slots=m.device.slots,
        held=m.held,
        seconds_since_seen=m.seconds_since_seen,
        health=pb.WorkerHealth.Name(m.health).lower(),
        health_reason=m.health_reason,
        trials=m.trials,
        faults=m.faults,
        role=pb.WorkerRole.Name(m.role).removeprefix("WORKER_ROLE_").lower(),
    )
