"""Runs a program of the user's own for a config and reads its time from what it prints."""

from __future__ import annotations

import math
import os
import re
import selectors
import signal
import statistics
import subprocess
import tempfile
import time
from typing import Any, Mapping, Optional, Sequence

from .results import Result

UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
# The last number that stands alone on a line.
DEFAULT_TIME = r"(?m)^\s*([0-9.]+(?:[eE][-+]?\d+)?)\s*$"
_KEPT_BYTES = 1 << 20  # of what it prints, the last
_MESSAGE_CHARACTERS = 2000
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


class Runner:
    """`Runner(["./bench", "{tile}"])(config)` is a Result.

    `{name}` in the words of `command`, and of `build`, is the config's value; `{binary}` is a file
    that `build` is to make, of a folder that is removed afterwards. There is no shell. `time` finds
    the time, in `unit` ("s", "ms", "us", "ns"), in what is printed: its last match, first group;
    without it, the last number alone on a line. The command is run `repeats` times, the middle time
    counts. What takes longer than `limit` (`build_limit`) seconds is killed, with all that it
    started. A failure is "build_error", "build_timeout", "crash", "run_timeout" or "no_time", as
    far as it fits the farm's own names.
    """

    def __init__(self, command: Sequence[str], *, build: Optional[Sequence[str]] = None,
                 time: str = DEFAULT_TIME, unit: str = "s", limit: float = 60.0,
                 build_limit: float = 300.0, repeats: int = 1,
                 cwd: Optional[str | os.PathLike] = None):
        if not command:
            raise ValueError("there is no command")
        if unit not in UNITS:
            raise ValueError(f"unit {unit!r}; known: {', '.join(UNITS)}")
        if repeats < 1:
            raise ValueError(f"{repeats} repeats, at least 1 is needed")
        self._command, self._build = list(command), list(build) if build else None
        self._time, self._unit = re.compile(time), UNITS[unit]
        if self._time.groups < 1:
            raise ValueError(f"{time!r} has no group for the time")
        self._limit, self._build_limit, self._repeats = limit, build_limit, repeats
        self._cwd = cwd

    def __call__(self, config: Mapping[str, Any]) -> Result:
        with tempfile.TemporaryDirectory(prefix="tilewright-") as folder:
            values = {**config, "binary": os.path.join(folder, "binary")}
            if self._build:
                code, text = self._run(_filled(self._build, values), self._build_limit)
                if code != 0:
                    return _failed(config, "build_timeout" if code is None else "build_error", text)
            return self._measure(config, _filled(self._command, values))

    def _measure(self, config: Mapping[str, Any], command: list[str]) -> Result:
        samples = []
        for _ in range(self._repeats):
            code, text = self._run(command, self._limit)
            if code != 0:
                return _failed(config, "run_timeout" if code is None else "crash", text)
            seconds = self._seconds(text)
            if seconds is None:
                return _failed(config, "no_time", text)
            samples.append(seconds)
        return Result(dict(config), statistics.median_low(samples), samples=tuple(samples))

    def _seconds(self, text: str) -> Optional[float]:
        found = None
        for found in self._time.finditer(text):
            pass
        try:
            seconds = float(found[1]) * self._unit if found else 0.0
        except ValueError:
            return None
        return seconds if seconds > 0 and math.isfinite(seconds) else None

    def _run(self, command: list[str], limit: float) -> tuple[Optional[int], str]:
        """The exit code, None when the time was over, and the end of what was printed."""
        try:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                       stderr=subprocess.STDOUT, cwd=self._cwd,
                                       start_new_session=True)
        except OSError as error:
            raise RuntimeError(f"cannot start {command[0]}: {error}") from error
        with process:
            try:
                text = _read(process, time.monotonic() + limit)
            finally:
                _kill(process)
        return (None, "") if text is None else (process.returncode, text)


def _filled(words: list[str], values: Mapping[str, Any]) -> list[str]:
    def value(match: re.Match) -> str:
        if match[1] not in values:
            raise ValueError(f"{match[0]} in the command; the parameters are: {', '.join(values)}")
        return str(values[match[1]])

    return [_PLACEHOLDER.sub(value, word) for word in words]


def _read(process: subprocess.Popen, deadline: float) -> Optional[str]:
    """Until the process has ended, and what it left running has closed its output; None when the
    time is over."""
    kept = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            if not selector.select(left):
                continue
            data = os.read(process.stdout.fileno(), 1 << 16)
            if not data:
                break
            kept = (kept + data)[-_KEPT_BYTES:]
    return kept.decode(errors="replace") if _has_ended(process, deadline) else None


def _has_ended(process: subprocess.Popen, deadline: float) -> bool:
    """Before the deadline. It is not reaped: its number, its group's too, stays its own."""
    while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.001)
    return True


def _kill(process: subprocess.Popen) -> None:
    """It, and what it has started and left. REQUIRES: it is not reaped."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def _failed(config: Mapping[str, Any], failure: str, text: str) -> Result:
    return Result(dict(config), None, failure, text.strip()[-_MESSAGE_CHARACTERS:])
