"""What needs the compiler: asked of the `tilewright` command, which must be in PATH for it.

$TILEWRIGHT names another one.
"""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any, Optional

from .values import Task

DEFAULT_TUNER = "gp"  # that of `tilewright submit`


def tasks_of(model: str | os.PathLike, target: str = "cpu") -> list[Task]:
    """The tasks of an ONNX model for a target. RuntimeError with the command's message."""
    rows = _json(["tasks", os.fspath(model), "--target", target, "--records", "none"])
    return [Task(row["workload"], row["template"], row["target"], row["layers"]) for row in rows]


def explain(model: str | os.PathLike, target: str, server: str, tls: Optional[os.PathLike],
            insecure: bool) -> list[dict]:
    arguments = ["explain", os.fspath(model), "--target", target, "--records", f"farm:{server}"]
    if tls is not None:
        arguments += ["--tls", os.fspath(tls)]
    return _json(arguments + (["--insecure"] if insecure else []))


def _json(arguments: list[str]) -> Any:
    command = os.environ.get("TILEWRIGHT", "tilewright")
    done = subprocess.run([command, *arguments, "--json"], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip() or f"{command} ended with {done.returncode}")
    return json.loads(done.stdout)
