"""Runs packages that `tilewright compile` made: numpy in, numpy out, no compiler."""

from .library import TilewrightError, version
from .model import Model, TensorInfo

__all__ = ["Model", "TensorInfo", "TilewrightError", "version"]
