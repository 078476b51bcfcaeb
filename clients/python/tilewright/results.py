"""What was measured of a space of one's own: in memory, and as a file of JSON lines."""

from __future__ import annotations

import dataclasses
import json
import os
from typing import Any, Iterator, Optional


@dataclasses.dataclass(frozen=True)
class Result:
    """A config tried once: its seconds, or why there are none."""

    config: dict[str, Any]
    seconds: Optional[float]
    failure: str = ""  # "build_error", "crash", "run_timeout", ...; "" when timed
    message: str = ""
    samples: tuple[float, ...] = ()


_FIRST = b'{"tilewright_space": '


class ResultLog:
    """A file of results: a first line with the space, then a line each.

    A result is on the disk when `add` returns. A last line that was cut off, by a crash, is dropped
    at the next opening. ValueError for a file of another space, or that is none. One process
    writes.
    """

    def __init__(self, path: str | os.PathLike, space: dict[str, Any]):
        self._path, self._space = path, space
        self._whole = 0  # bytes of whole lines
        self.results = list(self._read())
        self._file = open(path, "ab")
        self._file.truncate(self._whole)
        if self._whole == 0:
            self._write({"tilewright_space": space})

    def _read(self) -> Iterator[Result]:
        if not os.path.exists(self._path):
            return
        with open(self._path, "rb") as file:
            for number, line in enumerate(file, 1):
                if number == 1 and line[:len(_FIRST)] != _FIRST[:len(line)]:
                    raise ValueError(f"{os.fspath(self._path)} is no file of results")
                if not line.endswith(b"\n"):
                    return
                try:
                    row = json.loads(line)
                    if number == 1:
                        self._check_space(row)
                    else:
                        yield Result(row["config"], row["seconds"], row["failure"], row["message"],
                                     tuple(row["samples"]))
                except (KeyError, TypeError, json.JSONDecodeError) as error:
                    raise ValueError(f"{os.fspath(self._path)}, line {number}: no result: "
                                     f"{line[:100]!r}") from error
                self._whole += len(line)

    def _check_space(self, row: dict[str, Any]) -> None:
        if row["tilewright_space"] != json.loads(json.dumps(self._space)):
            raise ValueError(f"{os.fspath(self._path)} has results of another space; name another "
                             "file, or go on with the parameters and constraints that it had")

    def add(self, result: Result) -> None:
        self._write(dataclasses.asdict(result))
        self.results.append(result)

    def _write(self, row: dict[str, Any]) -> None:
        self._file.write(json.dumps(row).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()
