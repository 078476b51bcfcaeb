"""bench/gpu with programs in place of the bundle's that fail as GPUs make them: what is left."""
import importlib.machinery
import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import tarfile
import tempfile
import unittest

BENCH = pathlib.Path(os.environ["SOURCE"]) / "bench"
# Each a program of the bundle. `verify` has two templates: the second config of "hangs" ends its
# process in the middle of its line, the first of "faults" leaves the device of no use.
TILEWRIGHT = """
import json, pathlib, sys
verb, rest = sys.argv[1], sys.argv[2:]
if verb == "targets":
    print(json.dumps([{"name": "opencl", "here": "a device"}, {"name": "cuda", "here": CUDA}]))
elif verb == "zoo":
    pathlib.Path(rest[rest.index("-o") + 1]).write_text("model")
elif verb == "tasks":
    print(TASKS)
elif verb == "tune":
    pathlib.Path("records.db").touch()
    print(json.dumps({"model": {"default_seconds": 2e-3, "tuned_seconds": 1e-3}}))
elif verb == "best":
    print("[]")
"""
VERIFY = """
import argparse, json, os, signal, sys
parser = argparse.ArgumentParser()
parser.add_argument("device")
for name in ("--template", "--seconds", "--samples", "--hang"):
    parser.add_argument(name)
parser.add_argument("--skip", type=int, default=0)
parser.add_argument("--list", action="store_true")
options = parser.parse_args()
if options.list:
    sys.exit(print("hangs", "faults", sep="\\n"))
for i in range(options.skip, 3):
    line = json.dumps({"template": options.template, "workload": "w", "config": str(i)})
    print(line[:-1], end="", flush=True)
    if options.template == "hangs" and i == 1:
        os.kill(os.getpid(), signal.SIGALRM)
    faults = options.template == "faults" and i == 0
    print(f', "ok": {json.dumps(not faults)}, "error": 0.5, "tolerance": 1}}', flush=True)
    if faults:
        sys.exit(3)
"""
DENSE = "dense(float32[1,4],float32[4,4];,NK,)"


def script():
    loader = importlib.machinery.SourceFileLoader("bench_gpu", str(BENCH / "gpu"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("bench_gpu", loader))
    loader.exec_module(module)
    return module


class BenchGpu(unittest.TestCase):
    def setUp(self):
        made = tempfile.TemporaryDirectory(prefix="tilewright-bench-gpu-")
        self.addCleanup(made.cleanup)
        self.folder = pathlib.Path(made.name)
        self.out = self.folder / "out"

    def program(self, name, text, **values):
        path = self.folder / "bundle" / "bin" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        assigned = "".join(f"{key} = {value!r}\n" for key, value in values.items())
        path.write_text(f"#!{sys.executable}\n{assigned}{text}")
        path.chmod(0o755)

    def run_bench(self, *arguments, tasks=json.dumps([{"workload": DENSE, "layers": 1}]),
                  cuda="no NVRTC"):
        self.program("tilewright", TILEWRIGHT, TASKS=tasks, CUDA=cuda)
        self.program("bench-gpu-verify", VERIFY)
        return subprocess.run(
            [sys.executable, BENCH / "gpu", self.folder / "bundle", "-o", self.out, "--networks",
             "mlp", "--batches", "1", "--types", "float32", "--time", "30s", *arguments],
            capture_output=True, text=True, check=False, timeout=60)

    def checks(self):
        lines = (self.out / "verify.jsonl").read_text().splitlines()
        return [(check["template"], check["config"], check["ok"])
                for check in map(json.loads, lines)]

    def test_goes_on_behind_a_config_that_hangs_or_faults(self):
        done = self.run_bench("--device", "opencl:0")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(self.checks(), [
            ("hangs", "0", True), ("hangs", "1", False), ("hangs", "2", True),
            ("faults", "0", False), ("faults", "1", True), ("faults", "2", True)])
        report = (self.out / "report.md").read_text()
        self.assertIn("| hangs | 3 | 1 | 0.500 |", report)
        self.assertIn("hangs, w, 1: it ended the process: -14", report)
        self.assertIn("| mlp-float32-1 | 2.000 | 1.000 | 2.00 |", report)

    def test_packs_what_was_found(self):
        self.run_bench("--device", "opencl:0")
        with tarfile.open(self.out / "results.tar.gz") as archive:
            names = archive.getnames()
        self.assertLessEqual({"report.md", "verify.jsonl", "tune-mlp-float32-1.json", "log.txt",
                              "machine.txt", "records.db"}, set(names))
        self.assertFalse([name for name in names if name.endswith(".onnx")])

    def test_a_stage_that_fails_loses_nothing_of_the_others(self):
        done = self.run_bench("--device", "opencl:0", tasks="no JSON")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("layers: JSONDecodeError", done.stderr)
        self.assertEqual(len(self.checks()), 6)
        self.assertIn("layers: JSONDecodeError", (self.out / "report.md").read_text())

    def test_without_nvrtc_says_so_and_ends_with_4(self):
        done = self.run_bench("--device", "cuda:0", "--stages", "verify,tune,report",
                              cuda="Fake GPU; no NVRTC here")
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertIn("verify: Fake GPU; no NVRTC here", done.stderr)
        self.assertIn("tune: Fake GPU; no NVRTC here", done.stdout)

    def test_finds_an_nvrtc_that_the_loader_does_not_know(self):
        script()  # its folder of modules
        import gpu_machine
        library = self.folder / "site" / "nvidia" / "cu13" / "lib" / "libnvrtc-unknown.so.13"
        library.parent.mkdir(parents=True)
        library.touch()
        sys.path.append(str(self.folder / "site"))
        self.addCleanup(sys.path.pop)
        found = gpu_machine.folder_of([library.name], list(gpu_machine.nvrtc_folders()))
        self.assertEqual(found, str(library.parent))

    def test_ends_what_does_not_end_and_keeps_what_it_said(self):
        bench = script()
        bench.GRACE_SECONDS = 0.1
        process = subprocess.Popen(["sh", "-c", "trap '' INT; echo begun; sleep 60"],
                                   stdout=subprocess.PIPE, text=True, start_new_session=True)
        self.assertEqual(bench.wait(process, 0.2), (124, "begun\n"))
        self.assertEqual(process.wait(5), -9)
        process.stdout.close()


if __name__ == "__main__":
    unittest.main()
