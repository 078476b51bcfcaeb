"""Tunes a model on a farm and prints what was found.

    tune.py farm:9190 xeon resnet18.onnx --tls ann-tls --trials 1000 --csv curve.csv
"""

import argparse
import csv

from tilewright import Farm, curve


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("server")
    parser.add_argument("key")
    parser.add_argument("model")
    parser.add_argument("--tls")
    parser.add_argument("--trials", type=int, default=0)
    parser.add_argument("--tuner", default="")
    parser.add_argument("--csv", help="file for the tuning curve")
    options = parser.parse_args()
    with Farm(options.server, tls=options.tls) as farm:
        job = farm.submit(options.model, options.key, trials=options.trials, tuner=options.tuner)
        points = curve(farm.watch(job))
        last = farm.wait(job)
    if options.csv:
        with open(options.csv, "w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, ["trial", "task", "gflops", "best_gflops"])
            table.writeheader()
            table.writerows(points)
    for result in last.results:
        found = f"{result.best_seconds * 1e3:.4f} ms" if result.best_seconds else "nothing"
        print(f"{found:>12}  {result.trials:4} trials  {result.task.workload}")


if __name__ == "__main__":
    main()
