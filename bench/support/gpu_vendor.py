#!/usr/bin/env python3
"""Times of the vendor's libraries for layers, by PyTorch or by cuDNN and cuBLAS themselves.

  gpu_vendor.py LAYERS.json OUT.json [--seconds N]

LAYERS.json is a list of workload keys. OUT.json: {"library": ..., "layers": {key: {"ms": ...,
"how": ...}}}, written after each layer, so that what was measured stays. Times are measured as
tilewright-device-runner measures its own: a graph of runs, one behind the other, that takes 2 ms,
then the wait, by the wall clock; the median of several. So neither side pays for launches. float32
is without TF32. Exits with 4 where there is no library or no device.
"""
import argparse
import json
import math
import pathlib
import statistics
import sys
import time

import gpu_vendor_libraries
import gpu_vendor_torch
import gpu_workload

SAMPLE_SECONDS = 2e-3
SAMPLES = 9
MOST_RUNS = 1000


def milliseconds(run, vendor):
    """Of one run: the median of several samples."""
    run()  # chooses and loads its kernels, which cannot be recorded

    def seconds(start, times):
        vendor.wait()
        begin = time.perf_counter()
        start()
        vendor.wait()
        return (time.perf_counter() - begin) / times

    times = 1
    for _ in range(2):  # the time of one short run is mostly the wait
        start = vendor.record(run, times)
        times = max(1, min(MOST_RUNS, math.ceil(SAMPLE_SECONDS / seconds(start, times))))
    start = vendor.record(run, times)
    seconds(start, times)
    return statistics.median(seconds(start, times) for _ in range(SAMPLES)) * 1e3


def open_library():
    """The first that is here. Raises RuntimeError with why none is."""
    reasons = []
    for module in (gpu_vendor_torch, gpu_vendor_libraries):
        try:
            return module.Vendor()
        except (ImportError, OSError, RuntimeError) as error:
            reasons.append(f"{module.NAME}: {error}")
    raise RuntimeError("; ".join(reasons))


def best(vendor, workload):
    """The fastest of the ways that the library has; those that fail are left out."""
    found = None
    for how, run in vendor.ways(workload):
        try:
            ms = run if isinstance(run, float) else milliseconds(run, vendor)
        except Exception as error:  # a library's own kind of error; the next way may work
            print(f"{how} of {workload.key}: {error}", file=sys.stderr)
            continue
        if found is None or ms < found["ms"]:
            found = {"ms": ms, "how": how}
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("layers")
    parser.add_argument("out")
    parser.add_argument("--seconds", type=float, default=300)
    options = parser.parse_args()
    try:
        vendor = open_library()
    except RuntimeError as error:
        print(f"no library of the vendor's: {error}", file=sys.stderr)
        return 4
    end = time.monotonic() + options.seconds
    result = {"library": vendor.name, "layers": {}}
    for key in json.loads(pathlib.Path(options.layers).read_text()):
        if time.monotonic() > end:
            print("the time is over; the layers after this have no figure: " + key, file=sys.stderr)
            break
        try:
            found = best(vendor, gpu_workload.parse(key))
        except ValueError as error:
            print(error, file=sys.stderr)
            continue
        if found:
            result["layers"][key] = found
        pathlib.Path(options.out).write_text(json.dumps(result, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
