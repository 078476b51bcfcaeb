"""What bench/gpu asks of the machine: where NVRTC is, what the device is, how it was clocked."""
import contextlib
import ctypes
import glob
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys

NVRTC = ("libnvrtc.so.13", "libnvrtc.so.12")
DRIVER = ("libcuda.so.1",)
DRIVER_FOLDERS = ("/usr/local/nvidia/lib64", "/usr/lib/wsl/lib", "/usr/lib64")  # of containers
WATCHED = ["timestamp", "clocks.sm", "clocks.mem", "temperature.gpu", "power.draw",
           "utilization.gpu"]
WATCH_SECONDS = 2


def loads(name):
    try:
        ctypes.CDLL(name)
        return True
    except OSError:
        return False


def folder_of(names, folders):
    """Of the first library that is there and that the loader does not find by itself; else None."""
    if any(loads(name) for name in names):
        return None
    there = (folder for name in names for folder in folders if os.path.exists(f"{folder}/{name}"))
    return next(there, None)


def nvrtc_folders():
    """Of CUDA toolkits and of Python's packages."""
    nvcc = shutil.which("nvcc")
    toolkits = [os.environ.get("CUDA_HOME"), nvcc and pathlib.Path(nvcc).resolve().parents[1],
                *sorted(glob.glob("/usr/local/cuda*"), reverse=True)]
    yield from (f"{toolkit}/{lib}" for toolkit in toolkits if toolkit
                for lib in ("lib64", "lib", "targets/x86_64-linux/lib"))
    yield from (folder for path in sys.path for folder in glob.glob(f"{path}/nvidia/*/lib"))


def environment():
    """Of programs that use NVRTC and the driver."""
    paths = [folder_of(NVRTC, list(nvrtc_folders())), folder_of(DRIVER, DRIVER_FOLDERS),
             os.environ.get("LD_LIBRARY_PATH")]
    paths = ":".join(path for path in paths if path)
    return {**os.environ, **({"LD_LIBRARY_PATH": paths} if paths else {})}


def describe(folder):
    """Into machine.txt: the system, the driver, all that nvidia-smi says."""
    version = pathlib.Path("/proc/driver/nvidia/version")
    lines = [" ".join(platform.uname()), f"{os.cpu_count()} processors, Python {sys.version}"]
    if version.exists():
        lines.append(version.read_text())
    if shutil.which("nvidia-smi"):
        with contextlib.suppress(subprocess.TimeoutExpired):
            lines.append(subprocess.run(["nvidia-smi", "-q"], capture_output=True, text=True,
                                        check=False, timeout=60).stdout)
    (folder / "machine.txt").write_text("\n".join(lines))


@contextlib.contextmanager
def watched(folder):
    """While it lasts, clocks.csv gets a line every other second, where nvidia-smi is."""
    describe(folder)
    if not shutil.which("nvidia-smi"):
        yield
        return
    command = ["nvidia-smi", f"--query-gpu={','.join(WATCHED)}", "--format=csv,noheader,nounits",
               "-l", str(WATCH_SECONDS)]
    with open(folder / "clocks.csv", "a", encoding="utf-8") as lines:
        watch = subprocess.Popen(command, stdout=lines, stderr=subprocess.DEVNULL)
        try:
            yield
        finally:
            watch.kill()
            watch.wait()


def clocks(folder):
    """A sentence on clocks.csv, of the seconds in which the device was busy; "" without."""
    path = folder / "clocks.csv"
    busy = []
    for line in path.read_text().splitlines() if path.exists() else []:
        with contextlib.suppress(ValueError):  # "[N/A]", or cut short
            sm, memory, degrees, watts, load = map(float, line.split(",")[1:])
            if load > 0:
                busy.append((sm, memory, degrees, watts))
    if not busy:
        return ""
    sm, memory, degrees, watts = map(list, zip(*busy))
    return (f"Clocks while busy: {statistics.median(sm):.0f} MHz (median; {min(sm):.0f} to "
            f"{max(sm):.0f}), memory {statistics.median(memory):.0f} MHz; at most "
            f"{max(degrees):.0f} degrees and {max(watts):.0f} W.")
