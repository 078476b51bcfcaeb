"""Workers in a real Slurm: as many as jobs want, a node lost, gone before the time is over."""

import json
import os
import subprocess
import unittest

from farm import BIN, SOURCE, Farm, need, run, wait_for
from slurm import Slurm, pid_of

SCRIPT = SOURCE / "deploy/slurm/worker.sbatch"
AUTOSIZE = SOURCE / "deploy/slurm/autosize"


class SlurmTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        need("slurmctld", "slurmd", "sbatch", "munged")
        cls.farm = Farm()
        cls.addClassCleanup(cls.farm.__exit__)
        (cls.farm.folder / "slurm").mkdir()
        cls.slurm = Slurm(cls.farm.folder / "slurm")
        cls.addClassCleanup(cls.slurm.__exit__)
        cls.environment = {
            **cls.slurm.environment, "PATH": f"{BIN}:{os.environ['PATH']}",
            "TILEWRIGHT_SERVER": cls.farm.address, "TILEWRIGHT_KEY": "here",
            "TILEWRIGHT_SPOOL": str(cls.farm.folder / "spool"), "HOME": str(cls.farm.folder)}

    def tearDown(self):
        self.slurm.run("scancel", "--user=root")
        wait_for("no task is left", lambda: not self.slurm.tasks(), 60)

    def autosize(self, *options):
        log = open(self.farm.folder / "autosize.log", "w", encoding="utf-8")
        self.addCleanup(log.close)
        process = subprocess.Popen(
            ["/usr/bin/python3", AUTOSIZE, "--key", "here", *options, "--", "--gres=gpu:1",
             f"--output={self.farm.folder}/task-%A_%a.log", str(SCRIPT)],
            env={**os.environ, **self.environment}, stdout=log, stderr=log)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)

    def submit(self, trials):
        """A job that is there before the first worker: then its target must be said."""
        model = self.farm.folder / "squeezenet.onnx"  # mlp's spaces are used up too soon
        run("zoo", "squeezenet1_1", "--image", "64", "-o", model)
        tasks = json.loads(run("tasks", model, "--records", "none", "--json"))
        return run("submit", model, "--server", self.farm.address, "--key", "here",
                   "--tuner", "random", "--trials", trials, "--target", tasks[0]["target"]).strip()

    def state_of(self, job):
        return next(one["state"] for one in self.farm.jobs() if one["job"] == job)

    def test_workers_follow_the_jobs_and_a_lost_nodes_work_is_done_elsewhere(self):
        self.autosize("--most", "3", "--trials-per-worker", "100", "--period", "1", "--idle", "3")
        job = self.submit(trials=300)
        wait_for("three workers", lambda: len(self.farm.workers()) == 3)
        wait_for("all of them measure", lambda: all(
            worker["trials"] > 0 for worker in self.farm.workers().values()))
        self.lose(sorted(self.farm.workers())[0])
        self.assertEqual(self.state_of(job), "running")
        wait_for("the job ends", lambda: self.state_of(job) == "done", 300)
        records = [row for row in self.farm.history() if row["job"] == job]
        self.assertGreaterEqual(len(records), 300)
        self.assertEqual(len({row["run_id"] for row in records}), len(records))
        self.assertGreaterEqual(len({row["worker"] for row in records}), 3)
        wait_for("Slurm sees that the node is down",
                 lambda: self.slurm.states()[self.lost].startswith("down"), 90)
        wait_for("idle workers leave", lambda: not self.farm.workers())
        wait_for("Slurm's queue is empty", lambda: not self.slurm.tasks())

    def lose(self, worker):
        task = worker.split("-", 1)[1]
        node = self.slurm.job(task)["NodeList"]
        before = self.farm.workers()[worker]["trials"]
        self.slurm.kill_node(node, pid_of("--name", worker))
        self.assertGreater(before, 0)
        self.lost = node

    def test_a_worker_leaves_in_good_order_before_its_time_is_over(self):
        idle = [node for node, state in self.slurm.states().items() if state == "idle"]
        array = self.slurm.run("sbatch", "--parsable", "--array=0", "--gres=gpu:1", "--time=2",
                               f"--output={self.farm.folder}/leaving.log",
                               f"--nodelist={idle[0]}", str(SCRIPT), **self.environment).strip()
        wait_for("the worker serves", lambda: f"slurm-{array}_0" in self.farm.workers())
        self.assertIn("gpu", self.slurm.job(f"{array}_0")["TresPerNode"])
        wait_for("the worker leaves", lambda: not self.farm.workers(), 150)
        wait_for("Slurm knows", lambda: self.slurm.job(f"{array}_0")["JobState"] != "COMPLETING")
        left = self.slurm.job(f"{array}_0")
        self.assertEqual((left["JobState"], left["ExitCode"]), ("COMPLETED", "0:0"), left)


if __name__ == "__main__":
    unittest.main(verbosity=2)
