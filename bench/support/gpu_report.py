"""report.md of bench/gpu, from what its stages left in the folder."""
import json

import gpu_machine
import gpu_workload

MOST_WRONG = 20  # configs that are listed


def read(folder, name, default):
    """The default also where a program did not come to write all of it."""
    try:
        return json.loads((folder / name).read_text())
    except (OSError, ValueError):
        return default


def checks(folder):
    path = folder / "verify.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def verified(folder):
    """A row a template: configs, wrong or failed ones, the largest error over its tolerance. Then
    the wrong ones."""
    rows, wrong = {}, []
    for check in checks(folder):
        row = rows.setdefault(check["template"], [0, 0, 0.0])
        row[0] += 1
        row[1] += not check["ok"]
        if check.get("tolerance") and check["error"] is not None:  # not NaN
            row[2] = max(row[2], check["error"] / check["tolerance"])
        if not check["ok"]:
            wrong.append(check)
    yield "| template | configs | wrong | largest error / tolerance |\n|---|---|---|---|"
    for name, (configs, failed, error) in sorted(rows.items()):
        yield f"| {name} | {configs} | {failed} | {error:.3f} |"
    for check in wrong[:MOST_WRONG]:
        why = check.get("message") or f"error {check.get('error')}"
        yield f"\n{check['template']}, {check['workload']}, {check['config']}: {why}"


def best_seconds(folder):
    """The fastest kernel of each workload, measured alone."""
    best = {}
    for record in read(folder, "best.json", []):
        seconds = record["median_seconds"]
        if seconds and record["class"] != "in_network":
            best[record["workload"]] = min(seconds, best.get(record["workload"], seconds))
    return best


def layer_rows(folder):
    """(network, layers, workload, our ms, the vendor's ms or None), of layers with a record."""
    best = best_seconds(folder)
    vendor = read(folder, "vendor.json", {"layers": {}})["layers"]
    for path in sorted(folder.glob("tasks-*.json")):
        seen = set()
        for task in read(folder, path.name, []):
            key = task["workload"]
            if key in best and key not in seen:
                seen.add(key)
                yield (path.stem.removeprefix("tasks-"), task["layers"], key, best[key] * 1e3,
                       vendor.get(key, {}).get("ms"))


def means(rows):
    """Geometric means of the vendor's time over ours, by operator, type and batch."""
    groups = {}
    for _, _, key, ours, theirs in rows:
        if theirs:
            layer = gpu_workload.parse(key)
            groups.setdefault((layer.op, layer.dtype, layer.batch), []).append(theirs / ours)
    yield "| operator | type | batch | layers | vendor / ours | least |\n|---|---|---|---|---|---|"
    for (op, dtype, batch), ratios in sorted(groups.items()):
        yield (f"| {op} | {dtype} | {batch} | {len(ratios)} "
               f"| {gpu_workload.geometric_mean(ratios):.2f} | {min(ratios):.2f} |")


def networks(folder):
    yield "| network | untuned ms | tuned ms | ratio |\n|---|---|---|---|"
    for path in sorted(folder.glob("tune-*.json")):
        model = read(folder, path.name, {}).get("model", {})
        if model.get("tuned_seconds") and model.get("default_seconds"):
            untuned, tuned = model["default_seconds"] * 1e3, model["tuned_seconds"] * 1e3
            yield (f"| {path.stem.removeprefix('tune-')} | {untuned:.3f} | {tuned:.3f} "
                   f"| {untuned / tuned:.2f} |")


def report(folder, device, problems):
    rows = list(layer_rows(folder))
    lines = ["# A GPU's figures", "", f"{device}", gpu_machine.clocks(folder),
             f"Vendor: {read(folder, 'vendor.json', {}).get('library', 'none measured')}", ""]
    lines += ["## Templates on the device against the plain definitions", "", *verified(folder), ""]
    lines += ["## Vendor's time over ours", "",
              "Each kernel alone, weights hot in the cache, a graph of runs one behind the other.",
              "",
              *means(rows), ""]
    lines += ["## Whole networks", "", *networks(folder), ""]
    lines += ["## Layers", "", "| network | layers | ms | vendor ms | ratio | workload |",
              "|---|---|---|---|---|---|"]
    for network, count, key, ours, theirs in rows:
        ratio = f"{theirs:.4f} | {theirs / ours:.2f}" if theirs else "- | -"
        lines.append(f"| {network} | {count} | {ours:.4f} | {ratio} | {key} |")
    lines += ["", "## Problems", "", *(problems or ["none"])]
    return "\n".join(lines) + "\n"
