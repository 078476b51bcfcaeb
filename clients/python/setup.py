"""Generates the protocol's messages from proto/ while the package is built."""

import pathlib
import shutil
import subprocess
import sys

from setuptools import setup
from setuptools.command.build_py import build_py

HERE = pathlib.Path(__file__).resolve().parent


def protoc() -> list[str]:
    found = shutil.which("protoc")
    return [found] if found else [sys.executable, "-m", "grpc_tools.protoc"]


class BuildWithMessages(build_py):
    def run(self) -> None:
        super().run()
        out = pathlib.Path(self.build_lib)
        proto = HERE.parents[1] / "proto"
        imported = sorted((proto / "tilewright").glob("*.proto"))  # as "tilewright/values.proto"
        for folder, files in ((out, imported), (out / "tilewright", [proto / "tilewright.proto"])):
            subprocess.run(
                [*protoc(), f"-I{proto}", f"--python_out={folder}", *map(str, files)], check=True
            )


setup(cmdclass={"build_py": BuildWithMessages})
