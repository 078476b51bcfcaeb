"""The C library libtilewright.so: found, its functions declared, its errors raised. ctypes releases
the interpreter's lock while a function of it runs."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import pathlib
from ctypes import POINTER, byref, c_char_p, c_double, c_int, c_int64, c_size_t, c_void_p


class TilewrightError(Exception):
    """What the runtime refused, and why; `code` is tilewright.h's tw_status."""

    def __init__(self, code: int, text: str):
        super().__init__(text)
        self.code = code


class RawTensorInfo(ctypes.Structure):
    """tw_tensor_info."""

    _fields_ = [
        ("name", c_char_p),
        ("dtype", c_char_p),
        ("shape", POINTER(c_int64)),
        ("rank", c_size_t),
        ("bytes", c_size_t),
    ]


class RawInputShape(ctypes.Structure):
    """tw_input_shape."""

    _fields_ = [("name", c_char_p), ("shape", POINTER(c_int64)), ("rank", c_size_t)]


# Arguments of the functions that return a tw_status, then of those that return something else.
_CHECKED = {
    "tw_load_on": [c_char_p, c_char_p, c_int, POINTER(c_void_p)],
    "tw_bind": [c_void_p, POINTER(RawInputShape), c_size_t],
    "tw_select_binding": [c_void_p, c_size_t],
    "tw_input_info": [c_void_p, c_size_t, POINTER(RawTensorInfo)],
    "tw_output_info": [c_void_p, c_size_t, POINTER(RawTensorInfo)],
    "tw_set_input": [c_void_p, c_char_p, c_void_p, c_size_t],
    "tw_run": [c_void_p],
    "tw_get_output": [c_void_p, c_size_t, POINTER(c_void_p)],
}
_OTHERS = {
    "tw_last_error": ([], c_char_p),
    "tw_version": ([], c_char_p),
    "tw_free": ([c_void_p], None),
    "tw_num_bindings": ([c_void_p], c_size_t),
    "tw_num_inputs": ([c_void_p], c_size_t),
    "tw_num_outputs": ([c_void_p], c_size_t),
    "tw_num_classes": ([c_void_p, c_size_t], c_size_t),
    "tw_class_name": ([c_void_p, c_size_t, c_int64], c_char_p),
    "tw_weight_bytes": ([c_void_p], c_size_t),
    "tw_arena_bytes": ([c_void_p], c_size_t),
    "tw_profile": ([c_void_p, POINTER(c_double), POINTER(c_char_p), c_size_t], c_size_t),
}


def _path() -> str:
    """$TILEWRIGHT_LIBRARY, the copy beside this file, or the system's."""
    beside = pathlib.Path(__file__).parent / "libtilewright.so"
    found = os.environ.get("TILEWRIGHT_LIBRARY") or (beside.exists() and str(beside))
    return found or ctypes.util.find_library("tilewright") or "libtilewright.so.0"


def _load() -> ctypes.CDLL:
    path = _path()
    try:
        library = ctypes.CDLL(path)
    except OSError as error:
        raise ImportError(
            f"Tilewright's runtime is not found as {path} ({error}): install it, or set "
            "TILEWRIGHT_LIBRARY to libtilewright.so"
        ) from error
    for name, arguments in _CHECKED.items():
        getattr(library, name).argtypes = arguments
        getattr(library, name).restype = c_int
    for name, (arguments, result) in _OTHERS.items():
        getattr(library, name).argtypes = arguments
        getattr(library, name).restype = result
    return library


library = _load()


def check(code: int) -> None:
    """Raises what this thread's last call refused."""
    if code != 0:
        raise TilewrightError(code, library.tw_last_error().decode(errors="replace"))


def version() -> str:
    """Of the library."""
    return library.tw_version().decode()


__all__ = [
    "RawInputShape",
    "RawTensorInfo",
    "TilewrightError",
    "byref",
    "check",
    "library",
    "version",
]
