"""The CI action: its steps are run as a runner would, against a farm with certificates."""

import base64
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import yaml

from farm import BIN, COMMAND, SOURCE, free_port, run, wait_for

ACTION = SOURCE / "deploy/ci/action.yml"
EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")


class Runner:
    """What a composite action gets from its runner: inputs, files for outputs and environment."""

    def __init__(self, folder, inputs):
        self.folder = pathlib.Path(folder)
        self.action = yaml.safe_load(ACTION.read_text())
        given = {name: one.get("default") for name, one in self.action["inputs"].items()}
        self.values = {f"inputs.{name}": value for name, value in {**given, **inputs}.items()}
        self.values["runner.temp"] = str(self.folder)
        self.environment, self.path = {}, [os.environ["PATH"]]
        self.summary = self.folder / "summary.md"

    def resolve(self, text):
        return EXPRESSION.sub(lambda match: self.values.get(match[1]) or "", text)

    def step(self, step):
        files = {name: self.folder / name.lower() for name in
                 ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH")}
        for file in files.values():
            file.write_text("")
        script = self.folder / "step.sh"
        script.write_text(step["run"])
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", script], capture_output=True,
            text=True, cwd=self.folder, env={
                "HOME": str(self.folder), **self.environment, "PATH": ":".join(self.path),
                **{name: str(file) for name, file in files.items()},
                "GITHUB_STEP_SUMMARY": str(self.summary),
                **{name: self.resolve(value) for name, value in step.get("env", {}).items()}})
        for line in files["GITHUB_OUTPUT"].read_text().splitlines():
            name, value = line.split("=", 1)
            self.values[f"steps.{step['id']}.outputs.{name}"] = value
        self.environment.update(line.split("=", 1)
                                for line in files["GITHUB_ENV"].read_text().splitlines())
        self.path = [*files["GITHUB_PATH"].read_text().splitlines(), *self.path]
        return done

    def steps(self, cancelled=False):
        return [step for step in self.action["runs"]["steps"]
                if step.get("if") in (None, "cancelled()" if cancelled else None)]

    def output(self, name):
        return self.resolve(self.action["outputs"][name]["value"])


class CiActionTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="tilewright-ci-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.address = f"127.0.0.1:{free_port()}"
        ca = ["--ca", cls.folder / "ca"]
        run("certs", "init", *ca)
        for role, name, *more in (("server", "farm", "--host", "127.0.0.1"),
                                  ("worker", "rack1", "--key", "here"), ("client", "ann")):
            run("certs", "issue", role, name, *more, *ca, "-o", cls.folder / name)
        run("zoo", "mlp", "-o", cls.folder / "mlp.onnx")
        cls.start("serve", "--listen", cls.address, "--tls", cls.folder / "farm", "--records",
                  cls.folder / "farm.db")
        cls.start("worker", "--server", cls.address, "--key", "here", "--tls", cls.folder / "rack1",
                  "--spool", cls.folder / "spool")
        wait_for("the worker serves", lambda: "rack1" in subprocess.run(
            [COMMAND, "workers", "--server", cls.address, "--tls", cls.folder / "ann"],
            capture_output=True, text=True).stdout, 60)

    @classmethod
    def start(cls, *arguments):
        process = subprocess.Popen([COMMAND, *map(str, arguments)], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        cls.addClassCleanup(process.wait)
        cls.addClassCleanup(process.terminate)

    def runner(self, **inputs):
        folder = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
        tar = subprocess.run(["tar", "-cz", "-C", self.folder / "ann", "."], check=True,
                             capture_output=True).stdout
        return Runner(folder, {"model": str(self.folder / "mlp.onnx"), "server": self.address,
                               "key": "here", "tls": base64.b64encode(tar).decode(),
                               "bin": str(BIN), **inputs})

    def test_a_job_is_submitted_waited_for_and_its_table_printed(self):
        runner = self.runner(trials="6", tuner="random")
        for step in runner.steps():
            done = runner.step(step)
            self.assertEqual(done.returncode, 0, f"{step['name']}: {done.stderr}")
        table = pathlib.Path(runner.output("table")).read_text()
        self.assertEqual(len(re.findall(r"dense\(", table)), 3, table)
        self.assertRegex(table, re.escape(runner.output("job")) + ": done after")
        self.assertIn(table, runner.summary.read_text())
        key = next((runner.folder / "tilewright-tls").glob("key.pem"))
        self.assertEqual(key.stat().st_mode & 0o077, 0)

    def test_a_cancelled_workflow_cancels_its_job(self):
        runner = self.runner(trials="100000", tuner="random")
        prepare, submit, _, cancel = runner.steps(cancelled=True)
        for step in (prepare, submit, cancel):
            done = runner.step(step)
            self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(": cancelled", done.stdout)

    def test_a_job_that_cannot_be_fails_the_step(self):
        runner = self.runner(model="missing.onnx")
        prepare, submit, *_ = runner.steps()
        runner.step(prepare)
        self.assertNotEqual(runner.step(submit).returncode, 0)

    def test_no_script_holds_an_expression(self):
        runner = self.runner()
        for step in runner.steps(cancelled=True):
            self.assertNotIn("${{", step["run"])
            self.assertEqual(step["shell"], "bash")
            for value in step["env"].values():
                (name,) = EXPRESSION.findall(value)
                self.assertRegex(name, r"^(inputs|steps|runner)\.")

    def test_an_input_is_never_a_command(self):
        runner = self.runner(key='$(touch "$HOME/owned"); touch owned')
        prepare, submit, *_ = runner.steps()
        runner.step(prepare)
        # No worker offers such a key; the target is given, so that the job is taken all the same.
        runner.values["inputs.target"] = "cpu -mcpu=haswell"
        runner.step(submit)
        self.assertFalse((runner.folder / "owned").exists())


if __name__ == "__main__":
    unittest.main(verbosity=2)
