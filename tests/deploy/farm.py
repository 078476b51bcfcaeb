"""A real farm for the deployment tests: processes of the programs that were built.

$BIN is the folder of the programs, $SOURCE the project's.
"""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request

BIN = pathlib.Path(os.environ["BIN"])
SOURCE = pathlib.Path(os.environ["SOURCE"])
COMMAND = str(BIN / "tilewright")


def need(*programs):
    """Fails where a program is missing: who asks for these tests shall not believe they passed."""
    missing = [program for program in programs if shutil.which(program) is None]
    assert not missing, f"missing: {', '.join(missing)}; install them: scripts/setup --all"


def run(*arguments, **more):
    done = subprocess.run([COMMAND, *map(str, arguments)], capture_output=True, text=True, **more)
    assert done.returncode == 0, f"tilewright {' '.join(map(str, arguments))}: {done.stderr}"
    return done.stdout


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(what, condition, seconds=120):
    """The first true value of `condition`, asked again and again."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.2)
    raise AssertionError(f"not within {seconds} s: {what}")


class Farm:
    """A server with its web page, and workers, in a folder of their own; a context manager."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tilewright-deploy-"))
        self.address = f"127.0.0.1:{free_port()}"
        self.http = f"127.0.0.1:{free_port()}"
        self.processes = []
        server = self.start("serve", "--listen", self.address, "--records",
                            self.folder / "farm.db", "--http", self.http, output="server.log")
        wait_for("the server answers",
                 lambda: server.poll() is not None or self._is_serving(), 60)
        assert server.poll() is None, (self.folder / "server.log").read_text()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.terminate()
            process.wait()
        shutil.rmtree(self.folder)

    def _is_serving(self):
        return subprocess.run([COMMAND, "health", "--server", self.address],
                              capture_output=True).returncode == 0

    def start(self, *arguments, output):
        with open(self.folder / output, "w", encoding="utf-8") as log:
            process = subprocess.Popen([COMMAND, *map(str, arguments)], stdout=log, stderr=log,
                                       env={**os.environ, "HOME": str(self.folder)})
        self.processes.append(process)
        return process

    def start_worker(self, name, key="here"):
        worker = self.start("worker", "--server", self.address, "--key", key, "--name", name,
                            "--spool", self.folder / f"{name}-spool", output=f"{name}.log")
        wait_for(f"worker {name} serves", lambda: name in self.workers(), 60)
        return worker

    def listed(self):
        return json.loads(run("workers", "--server", self.address, "--json"))

    def workers(self):
        return {worker["worker"]: worker for worker in self.listed()["workers"]}

    def jobs(self):
        return json.loads(run("jobs", "--server", self.address, "--json"))

    def history(self):
        return json.loads(run("history", "--records", f"farm:{self.address}", "--limit", "0",
                              "--json"))

    def mlp(self):
        """The smallest network of the zoo: three dense layers."""
        model = self.folder / "mlp.onnx"
        if not model.exists():
            run("zoo", "mlp", "-o", model)
        return model

    def tune(self, trials=12):
        """A finished job; its id."""
        job = run("submit", self.mlp(), "--server", self.address, "--key", "here", "--tuner",
                  "random", "--trials", trials, "--seed", 1).strip()
        run("watch", job, "--server", self.address)
        return job

    def get(self, path):
        with urllib.request.urlopen(f"http://{self.http}{path}", timeout=30) as reply:
            return reply.read().decode()
