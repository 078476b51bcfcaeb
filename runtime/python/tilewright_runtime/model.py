"""A compiled model."""

from __future__ import annotations

import ctypes
import os
import threading
from ctypes import byref, c_char_p, c_double, c_int64, c_void_p
from dataclasses import dataclass, replace
from typing import Callable, Mapping, Union

import numpy
from numpy.typing import ArrayLike

from .library import RawInputShape, RawTensorInfo, check, library


@dataclass(frozen=True)
class TensorInfo:
    """An input or output. numpy has no bfloat16: two raw bytes ("V2") stand for it.

    `classes` are the names in an output of strings, whose type is numpy's "<U" then, or those of
    the columns of a classifier's probabilities."""

    name: str
    dtype: numpy.dtype
    shape: tuple[int, ...]
    classes: tuple[str, ...] = ()


Inputs = Union[Mapping[str, ArrayLike], ArrayLike]


class Model:
    """A package that was loaded. Safe to share: its runs wait for each other, and let other Python
    threads go on meanwhile.

    `device` is "cpu", "opencl:0", "cuda:1"; "" takes the first of the package's kind. `threads` of
    a CPU; 0 takes $TILEWRIGHT_NUM_THREADS or the CPUs this process may use. Raises TilewrightError
    for what is no package, or one for another CPU.

    `bindings` are the shapes of the inputs that the package was compiled for: a run takes the one
    of its inputs, or pads them to the next larger one where the compiler proved that this changes
    nothing. `inputs` and `outputs` are those of the run before, at first of the first binding.
    """

    def __init__(self, path: Union[str, os.PathLike], device: str = "", threads: int = 0):
        self._model = c_void_p()
        self._lock = threading.Lock()
        loaded = library.tw_load_on(os.fsencode(path), device.encode(), threads, byref(self._model))
        check(loaded)
        self.bindings = []
        for index in reversed(range(library.tw_num_bindings(self._model))):
            check(library.tw_select_binding(self._model, index))
            self._describe()
            self.bindings.insert(0, {info.name: info.shape for info in self.inputs})

    def __del__(self) -> None:
        if getattr(self, "_model", None):
            library.tw_free(self._model)

    def run(self, inputs: Inputs) -> dict[str, numpy.ndarray]:
        """The outputs by name, as arrays of their own. `inputs` by name, or the only one. An input
        is converted where numpy calls that safe (float32 to float64, not the other way)."""
        with self._lock:
            self._set(inputs)
            check(library.tw_run(self._model))
            return {info.name: self._output(i, info) for i, info in enumerate(self.outputs)}

    __call__ = run

    def profile(self, inputs: Inputs) -> list[tuple[str, float]]:
        """Runs once: each call's layer and its seconds, in the order of execution."""
        with self._lock:
            self._set(inputs)
            count = library.tw_profile(self._model, None, None, 0)
            seconds, labels = (c_double * count)(), (c_char_p * count)()
            library.tw_profile(self._model, seconds, labels, count)
            check(library.tw_run(self._model))
            return [(label.decode(errors="replace"), s) for label, s in zip(labels, seconds)]

    @property
    def weight_bytes(self) -> int:
        return library.tw_weight_bytes(self._model)

    @property
    def arena_bytes(self) -> int:
        """Of the memory that values share while the model runs."""
        return library.tw_arena_bytes(self._model)

    def _describe(self) -> None:
        self.inputs = self._infos(library.tw_num_inputs, library.tw_input_info)
        outputs = self._infos(library.tw_num_outputs, library.tw_output_info)
        self.outputs = [self._named(i, info) for i, info in enumerate(outputs)]

    def _named(self, index: int, info: TensorInfo) -> TensorInfo:
        names = [
            library.tw_class_name(self._model, index, i).decode(errors="replace")
            for i in range(library.tw_num_classes(self._model, index))
        ]
        strings = names and info.dtype == numpy.int64
        dtype = numpy.array(names).dtype if strings else info.dtype
        return replace(info, dtype=dtype, classes=tuple(names))

    def _bind(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        raw = (RawInputShape * len(shapes))()
        for item, (name, shape) in zip(raw, shapes.items()):
            item.name = name.encode()
            item.shape = (c_int64 * len(shape))(*shape)
            item.rank = len(shape)
        check(library.tw_bind(self._model, raw, len(shapes)))
        self._describe()

    def _infos(self, count: Callable, ask: Callable) -> list[TensorInfo]:
        infos = []
        for index in range(count(self._model)):
            raw = RawTensorInfo()
            check(ask(self._model, index, byref(raw)))
            name, dtype = raw.name.decode(errors="replace"), raw.dtype.decode()
            kind = numpy.dtype("V2" if dtype == "bfloat16" else dtype)
            infos.append(TensorInfo(name, kind, tuple(raw.shape[: raw.rank])))
        return infos

    def _set(self, inputs: Inputs) -> None:
        if not isinstance(inputs, Mapping):
            if len(self.inputs) != 1:
                raise ValueError(f"the model has {len(self.inputs)} inputs: give them by name")
            inputs = {self.inputs[0].name: inputs}
        wanted = {info.name for info in self.inputs}
        if wanted != set(inputs):
            raise ValueError(f"inputs {sorted(inputs)} given, {sorted(wanted)} needed")
        inputs = {name: numpy.asarray(value) for name, value in inputs.items()}
        shapes = {name: array.shape for name, array in inputs.items()}
        if len(self.bindings) > 1 and shapes != {info.name: info.shape for info in self.inputs}:
            self._bind(shapes)
        for info in self.inputs:
            self._set_one(info, inputs[info.name])

    def _set_one(self, info: TensorInfo, array: numpy.ndarray) -> None:
        if not numpy.can_cast(array.dtype, info.dtype, "safe"):
            raise TypeError(f"input {info.name} is {array.dtype}, {info.dtype} is needed")
        if array.shape != info.shape:
            raise ValueError(f"input {info.name} has shape {array.shape}, {info.shape} is needed")
        data = numpy.ascontiguousarray(array, info.dtype)
        pointer = data.ctypes.data_as(c_void_p)
        check(library.tw_set_input(self._model, info.name.encode(), pointer, data.nbytes))

    def _output(self, index: int, info: TensorInfo) -> numpy.ndarray:
        data = c_void_p()
        check(library.tw_get_output(self._model, index, byref(data)))
        strings = info.dtype.kind == "U"
        made = numpy.empty(info.shape, numpy.int64 if strings else info.dtype)
        if made.nbytes:
            ctypes.memmove(made.ctypes.data, data, made.nbytes)
        return numpy.array(info.classes)[made] if strings else made
