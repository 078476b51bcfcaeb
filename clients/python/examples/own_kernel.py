"""Tunes a kernel of one's own, for users of Kernel Tuner: the same parameters and restrictions.

    own_kernel.py --trials 60 --log matmul.jsonl     (again, with more trials: goes on)

    Kernel Tuner                                   here
    tune_params, restrictions                      Space(tune_params, restrictions)
    tune_kernel(name, source, size, arguments,     Runner: a program that runs and checks the kernel
        compiler_options=...)                          and prints its time; built for each config
    strategy="genetic_algorithm"                   strategy="evolution"
    cache="matmul.json"                            log="matmul.jsonl"
    results (a list of dicts)                      space.rows()
"""

import argparse
import pathlib

from tilewright import Runner, Space

HERE = pathlib.Path(__file__).resolve().parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--log", help="file of results, to go on with")
    parser.add_argument("--strategy", default="evolution")
    options = parser.parse_args()

    tune_params = {
        "rows": [1, 2, 4, 8, 16, 32, 64],
        "columns": [8, 16, 32, 64, 128, 256],
        "depth": [1, 2, 4, 8, 16, 32],
        "unroll": [1, 2, 4, 8],
        "level": ["-O1", "-O2", "-O3"],
    }
    restrictions = ["depth % unroll == 0", "columns * depth <= 4096"]
    runner = Runner(
        ["{binary}"],
        build=["cc", "{level}", "-march=native", "-DROWS={rows}", "-DCOLUMNS={columns}",
               "-DDEPTH={depth}", "-DUNROLL={unroll}", str(HERE / "blocked_matmul.c"), "-o",
               "{binary}"],
        time=r"([0-9.]+) ms", unit="ms", limit=10, repeats=3)

    with Space(tune_params, restrictions, strategy=options.strategy, log=options.log) as space:
        best = space.tune(runner, trials=options.trials)
        failed = sum(1 for result in space.results if result.failure)
        print(f"{len(space.results)} of {space.size()} configs, {failed} failed")
        if best and best.seconds:
            print(f"best: {best.seconds * 1e3:.4f} ms with {best.config}")


if __name__ == "__main__":
    main()
