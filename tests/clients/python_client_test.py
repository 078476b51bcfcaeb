"""The Python client against a real server and a real worker."""

import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import tilewright
from tilewright import Farm, FarmError

COMMAND = os.environ["TILEWRIGHT"]


def run(*arguments):
    return subprocess.run([COMMAND, *arguments], check=True, capture_output=True, text=True).stdout


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Processes:
    """A server and a worker in a folder, with certificates if asked."""

    def __init__(self, folder, tls=False):
        self.folder = pathlib.Path(folder)
        self.address = f"127.0.0.1:{free_port()}"
        self.tls = tls
        if tls:
            self._issue()
        self.worker = None
        self.server = self._serve()

    def _path(self, name):
        return str(self.folder / name)

    def _issue(self):
        ca = ["--ca", self._path("ca")]
        run("certs", "init", *ca)
        for role, name, more in (
            ("server", "farm", ["--host", "farm.example", "--host", "127.0.0.1"]),
            ("worker", "rack1", ["--key", "there", "--key", "here"]),
            ("client", "ann", []),
        ):
            run("certs", "issue", role, name, *more, *ca, "-o", self._path(name))

    def _serve(self):
        own = ["--tls", self._path("farm")] if self.tls else []
        command = [COMMAND, "serve", "--listen", self.address, "--records", self._path("farm.db")]
        server = subprocess.Popen(command + own, stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL, text=True)
        assert "listening on" in server.stdout.readline()
        return server

    def restart(self):
        self.server.kill()
        self.server.wait()
        self.server.stdout.close()
        self.server = self._serve()

    def start_worker(self):
        own = ["--tls", self._path("rack1")] if self.tls else []
        command = [COMMAND, "worker", "--server", self.address, "--key", "here", "--name", "rack1",
                   "--spool", self._path("spool")]
        self.worker = subprocess.Popen(command + own, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
        with self.farm() as farm:
            for _ in range(300):
                if farm.workers():
                    return
                time.sleep(0.1)
        raise AssertionError("no worker came")

    def farm(self):
        return Farm(self.address, tls=self._path("ann") if self.tls else None)

    def stop(self):
        for process in (self.worker, self.server):
            if process is not None:
                process.terminate()
                process.wait()
        self.server.stdout.close()


class PythonClientTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.model = os.path.join(self.folder, "mlp.onnx")
        run("zoo", "mlp", "-o", self.model)

    def start(self, tls=False):
        processes = Processes(self.folder, tls)
        self.addCleanup(processes.stop)
        return processes

    def test_a_job_is_submitted_watched_and_its_records_are_found(self):
        processes = self.start()
        processes.start_worker()
        with processes.farm() as farm:
            job = farm.submit(self.model, "here", trials=9, tuner="random", seed=3)
            self.assertEqual(farm.submit(self.model, "here", trials=9, tuner="random", seed=3), job)
            events = list(farm.watch(job))
            self.assertEqual([e.sequence for e in events], list(range(1, len(events) + 1)))
            self.assertEqual(events[-1].state, "done")
            self.assertEqual(len(events[-1].results), 3)
            points = tilewright.curve(events)
            self.assertEqual(len(points), sum(1 for e in events if e.task))
            self.assertGreaterEqual(len(points), 9)
            (listed,) = farm.jobs()
            self.assertEqual((listed.id, listed.state, listed.key), (job, "done", "here"))
            self.check_records(farm, job, events[-1])

    def check_records(self, farm, job, last):
        records = list(farm.export("here"))
        self.assertGreaterEqual(len(records), 9)
        self.assertEqual({r.job for r in records}, {job})
        self.assertEqual({r.worker for r in records}, {"rack1"})
        self.assertEqual(farm.history(2), records[-2:])
        self.assertEqual(farm.history(op="conv2d"), [])
        self.assertEqual(list(farm.export("elsewhere")), [])
        json.dumps(tilewright.rows(records))
        own = json.loads(run("best", "--json", "--records", f"farm:{farm.address}"))
        self.assertEqual({r.run_id for r in farm.best()}, {r["run_id"] for r in own})
        best = {json.dumps(r.config, separators=(",", ":")) for r in farm.best()}
        for result in last.results:
            self.assertIn(json.dumps(result.best_config, separators=(",", ":")), best)
        log = os.path.join(self.folder, "all.log")
        self.assertEqual(farm.export_log(log), len(records))
        self.assertIn(f"{len(records)} imported", subprocess.run(
            [COMMAND, "records", "import", log, "--records", os.path.join(self.folder, "own.db")],
            capture_output=True, text=True).stderr)
        layers = farm.explain(self.model, farm.target_of("here"))
        self.assertEqual([layer["how"] for layer in layers], ["exact"] * 3)
        self.check_look_up(farm, [result.task for result in last.results], layers)

    def check_look_up(self, farm, tasks, layers):
        workloads = [task.workload for task in tasks] + ["dense(float32[1,8],float32[8,8];,NK8n,)"]
        found = farm.look_up(workloads, tasks[0].target, key="here")
        self.assertEqual([one.workload for one in found], workloads)
        self.assertEqual({one.record.run_id for one in found[:-1]},
                         {layer["record"]["run_id"] for layer in layers})
        self.assertEqual((found[-1].record, found[-1].how), (None, "none"))
        elsewhere = farm.look_up(workloads[:1], tasks[0].target, key="elsewhere")
        self.assertEqual(elsewhere[0].how, "exact, of another device")
        with self.assertRaisesRegex(FarmError, "toaster"):
            farm.look_up(workloads, "toaster")
        wrong = found[0].record.run_id
        self.assertEqual(farm.revoke("nobody built there", builder="rack1"), [])
        self.assertEqual(farm.revoke("its fan had stopped", run_id=wrong), [wrong])
        (revoked,) = farm.revocations()
        self.assertEqual((revoked.run_id, revoked.reason), (wrong, "its fan had stopped"))
        self.assertNotIn(wrong, {r.run_id for r in farm.history(100)})
        with self.assertRaisesRegex(FarmError, "no record is named"):
            farm.revoke("everything")

    def test_watching_rides_out_a_killed_server(self):
        processes = self.start()
        with processes.farm() as farm:
            tasks = tilewright.tasks_of(self.model)
            job = farm.submit(
                tasks,
                "here",
                trials=6,
                tuner="random",
                measure=tilewright.Measure(number=2, repeat=3),
            )
            seen = []
            watcher = threading.Thread(target=lambda: seen.extend(farm.watch(job)))
            watcher.start()
            processes.restart()
            processes.start_worker()
            watcher.join(120)
            self.assertFalse(watcher.is_alive())
            self.assertEqual(seen[-1].state, "done")
            self.assertEqual([e.sequence for e in seen], list(range(1, len(seen) + 1)))

    def test_jobs_pause_resume_and_end(self):
        with self.start().farm() as farm:
            job = farm.submit(tilewright.tasks_of(self.model), "here", trials=6, tuner="random")
            self.assertEqual(farm.pause(job), "paused")
            self.assertIn(farm.resume(job), ("queued", "running"))
            self.assertEqual(farm.cancel(job), "cancelled")
            self.assertEqual(farm.wait(job).state, "cancelled")

    def test_what_is_unknown_is_told_in_the_farms_words(self):
        with self.start().farm() as farm:
            with self.assertRaisesRegex(FarmError, "no job") as caught:
                farm.wait("nothing-1")
            self.assertEqual(caught.exception.code, "NOT_FOUND")
            with self.assertRaisesRegex(FarmError, "offered: none"):
                farm.submit(self.model, "here")
            with self.assertRaises(RuntimeError):
                tilewright.tasks_of(os.path.join(self.folder, "missing.onnx"))
            with self.assertRaises(ValueError):
                farm.submit([], "here")

    def test_a_farm_with_certificates(self):
        processes = self.start(tls=True)
        processes.start_worker()
        with processes.farm() as farm:
            job = farm.submit(self.model, "here", trials=3, tuner="random")
            self.assertEqual(farm.wait(job).state, "done")
            self.assertEqual(farm.jobs()[0].owner, "ann")
        with Farm(processes.address, timeout=1) as stranger, self.assertRaises(FarmError):
            stranger.jobs()
        with self.assertRaisesRegex(FarmError, "no certificate"):
            Farm(processes.address, tls=self.folder)

    def test_another_machine_is_not_dialled_without_certificates(self):
        with self.assertRaisesRegex(ValueError, "trust whoever answers"):
            Farm("farm:9190")

    def test_nobody_there(self):
        with Farm("127.0.0.1:1", timeout=1) as farm, self.assertRaises(FarmError) as caught:
            farm.jobs()
        self.assertEqual(caught.exception.code, "UNAVAILABLE")

    def test_lines_that_are_no_records(self):
        for line in ("", "{}", "[1]", '{"input": ["llvm"]}', "nonsense"):
            with self.assertRaises(ValueError, msg=line):
                tilewright.parse_line(line)

    def test_the_example_tunes(self):
        processes = self.start()
        processes.start_worker()
        curve = os.path.join(self.folder, "curve.csv")
        example = os.path.join(os.environ["EXAMPLES"], "tune.py")
        done = subprocess.run(
            [sys.executable, example, processes.address, "here", self.model, "--trials", "6",
             "--tuner", "random", "--csv", curve],
            capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(re.findall(r"trials  dense", done.stdout)), 3, done.stdout)
        self.assertGreaterEqual(len(pathlib.Path(curve).read_text().splitlines()), 7)


if __name__ == "__main__":
    unittest.main(verbosity=2)
