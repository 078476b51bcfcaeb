"""The programs that a benchmark runs: asked for before it begins."""
import pathlib
import sys


def folder_with(folder, *names):
    """The folder, resolved. Ends the program where one of the names is no file in it, and says how
    they are built."""
    folder = pathlib.Path(folder).resolve()
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        sys.exit(f"{folder} has no {', '.join(missing)}; build with `scripts/build release "
                 f"{' '.join(missing)}`, which puts programs into build/release/bin")
    return folder
