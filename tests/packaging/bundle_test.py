"""The archive of `cpack -G TXZ` where nothing is installed, and bench/gpu out of it.

$BUILD is the build folder. $TILEWRIGHT_BARE_ROOT may name another release's root file system;
without it one is made of this machine's C library and shell alone.
"""
import glob
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest

BUILD = pathlib.Path(os.environ["BUILD"])
MOST_BYTES = 80 << 20
SHELL = "/bin/dash"
FARM = """set -e
cd /tmp
export HOME=/tmp PATH=/bundle/bin
tilewright targets
tilewright zoo mlp -o mlp.onnx
tilewright compile mlp.onnx --records none -o mlp.tar
tilewright run mlp.tar --print-time
tilewright tune mlp.onnx --trials 2 --tasks 0 --records local.db
tilewright serve --listen unix:/tmp/farm --records farm.db &
tilewright worker --server unix:/tmp/farm --key here &
until tilewright health --server unix:/tmp/farm; do :; done
tilewright tune mlp.onnx --server unix:/tmp/farm --key here --trials 2 --tasks 0
tilewright compile mlp.onnx --records farm:unix:/tmp/farm -o tuned.tar
echo all done
"""


def pack(folder):
    subprocess.run(["cpack", "-G", "TXZ", "-B", folder, "--config", BUILD / "CPackConfig.cmake"],
                   check=True, stdout=subprocess.DEVNULL)
    (archive,) = folder.glob("tilewright-*.tar.xz")
    return archive


def bare_root(folder):
    """The C library, a shell, and the folders that every Linux has."""
    for name in ("bin", "tmp", "proc", "sys", "dev", "lib64", "lib/x86_64-linux-gnu"):
        (folder / name).mkdir(parents=True)
    shutil.copy(SHELL, folder / "bin/sh")
    shutil.copy("/lib64/ld-linux-x86-64.so.2", folder / "lib64")
    for name in ("c", "m", "mvec", "dl", "rt", "pthread", "resolv", "util", "anl", "nss_files"):
        for path in glob.glob(f"/lib/x86_64-linux-gnu/lib{name}.so.[0-9]*"):
            shutil.copy(path, folder / "lib/x86_64-linux-gnu")


class Bundle(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="tilewright-bundle-"))
        cls.archive = pack(cls.folder)
        with tarfile.open(cls.archive) as archive:
            archive.extractall(cls.folder / "unpacked")
        (cls.bundle,) = (cls.folder / "unpacked").iterdir()

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def in_root(self, script):
        """Runs it by the root's shell in namespaces of its own; what it starts ends with it."""
        root = self.folder / "root"
        if "TILEWRIGHT_BARE_ROOT" in os.environ:
            root = pathlib.Path(os.environ["TILEWRIGHT_BARE_ROOT"])
        elif not root.exists():
            bare_root(root)
        (root / "bundle").mkdir(exist_ok=True)
        (root / "tmp/script").write_text(script)
        inside = (f"mount --bind {self.bundle} {root}/bundle && mount --rbind /dev {root}/dev && "
                  f"mount --rbind /sys {root}/sys && mount -t proc proc {root}/proc && "
                  f"exec chroot {root} /bin/sh /tmp/script")
        return subprocess.run(["unshare", "--map-root-user", "--mount", "--pid", "--fork",
                               "--kill-child", "sh", "-c", inside], capture_output=True, text=True,
                              timeout=600, check=False)

    def bench_gpu(self, *arguments, **environment):
        return subprocess.run([sys.executable, self.bundle / "bench/gpu", "--networks", "mlp",
                               "--batches", "1", "--types", "float32", *map(str, arguments)],
                              cwd=self.folder, capture_output=True, text=True, timeout=900,
                              check=False, env={**os.environ, **environment})

    def test_is_small(self):
        self.assertLessEqual(self.archive.stat().st_size, MOST_BYTES)

    def test_compiles_runs_and_tunes_where_nothing_is_installed(self):
        done = self.in_root(FARM)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("all done", done.stdout)
        self.assertIn("no CUDA driver (libcuda.so.1)", done.stdout)
        self.assertIn("no NVRTC", done.stdout)

    def test_says_what_a_gpu_needs_where_nothing_is_installed(self):
        done = self.in_root("cd /tmp && export HOME=/tmp PATH=/bundle/bin\n"
                            "tilewright zoo mlp -o mlp.onnx\n"
                            "tilewright compile mlp.onnx --target 'cuda -arch=sm_90' -o gpu.tar\n"
                            "echo exit code $?\n"
                            "tilewright tune mlp.onnx --target cuda\n"
                            "echo exit code $?\n")
        self.assertEqual(done.stdout.count("exit code 4"), 2, done.stdout + done.stderr)
        self.assertIn("no NVRTC", done.stderr)
        self.assertIn("what works without one", done.stderr)

    def test_bench_gpu_goes_on_until_a_device_is_needed(self):
        """A driver that finds no device, whatever this machine has."""
        done = self.bench_gpu("-o", "none", LD_LIBRARY_PATH=str(BUILD / "fakes/cuda"),
                              FAKE_CUDA="cuInit=100")
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertIn("no device cuda:0: the CUDA driver finds no device", done.stderr)
        layers = json.loads((self.folder / "none/layers.json").read_text())
        self.assertTrue(all(layer.startswith("dense(") for layer in layers), layers)

    def test_bench_gpu_does_every_stage_on_a_device(self):
        done = self.bench_gpu(self.archive, "-o", "pocl", "--device", "opencl:0", "--time", "3m",
                              "--samples", "0", "--trials", "6")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        report = (self.folder / "pocl/report.md").read_text()
        self.assertRegex(report, r"\| dense_large_batch.gpu \| \d+ \| 0 \|")
        self.assertRegex(report, r"\| mlp-float32-1 \| \d+ \| \d+\.\d+ \| - \| - \| dense\(")


if __name__ == "__main__":
    unittest.main()
