"""Puts libtilewright.so into the package: the one of $TILEWRIGHT_LIBRARY or of build/release."""

import os
import pathlib
import shutil

from setuptools import Distribution, setup
from setuptools.command.build_py import build_py

ROOT = pathlib.Path(__file__).resolve().parents[2]


def library() -> pathlib.Path:
    named = os.environ.get("TILEWRIGHT_LIBRARY")
    built = ROOT / "build" / "release" / "runtime" / "libtilewright.so"
    path = pathlib.Path(named) if named else built
    if not path.exists():
        raise SystemExit(f"{path} is missing: scripts/build release tilewright_shared makes it")
    return path


class BuildWithLibrary(build_py):
    def run(self) -> None:
        super().run()
        folder = pathlib.Path(self.build_lib) / "tilewright_runtime"
        shutil.copyfile(library(), folder / "libtilewright.so")


class Native(Distribution):
    """Its wheel is of one platform."""

    def has_ext_modules(self) -> bool:
        return True


setup(cmdclass={"build_py": BuildWithLibrary}, distclass=Native)
