"""The commands of deploy/Containerfile, where no registry can be reached: the build as it is
written there, and its programs in a root that holds nothing but the packages of its last stage."""

import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from farm import BIN, SOURCE, need


def stages():
    """[[(instruction, text), ...] of each FROM]"""
    text = (SOURCE / "deploy/Containerfile").read_text()
    text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)
    found = []
    for line in text.replace("\\\n", " ").splitlines():
        if line.strip():
            instruction, rest = line.split(maxsplit=1)
            if instruction == "FROM":
                found.append([])
            found[-1].append((instruction, " ".join(rest.split())))
    return found


def commands(stage):
    return [command for instruction, text in stage if instruction == "RUN"
            for command in text.split(" && ")]


def with_dependencies(packages):
    """All that apt would install with them, as far as it is installed here."""
    all_packages, new = set(), set(packages)
    while new:
        all_packages |= new
        texts = subprocess.run(["dpkg-query", "-W", "-f", "${Depends}, ${Pre-Depends}\n", *new],
                               check=True, capture_output=True, text=True).stdout
        named = set(re.findall(r"(?:^|[,|])\s*([a-z0-9][a-z0-9+.-]+)", texts, re.MULTILINE))
        known = subprocess.run(["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n",
                                *sorted(named)], capture_output=True, text=True).stdout
        there = {line.split()[0] for line in known.splitlines() if line.endswith(" installed")}
        new = there - all_packages
    return sorted(all_packages)


class ContainerfileTest(unittest.TestCase):
    def setUp(self):
        self.build, self.image = stages()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tilewright-container-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        (install,) = [c for c in commands(self.image) if c.startswith("apt-get install")]
        self.packages = [word for word in install.split()[2:] if not word.startswith("-")]

    def test_the_program_is_built_by_what_everybody_builds_it_with(self):
        setup, configure, build = commands(self.build)
        self.assertTrue((SOURCE / setup).exists())
        self.assertEqual(build, "cmake --build --preset release")
        done = subprocess.run([*configure.split(), "-B", self.folder / "build"], cwd=SOURCE,
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        targets = subprocess.run(["ninja", "-C", self.folder / "build", "-t", "targets", "all"],
                                 check=True, capture_output=True, text=True).stdout
        self.assertIn("\nbin/tilewright:", targets)
        self.assertNotIn("_test.cc", targets)

    def test_apt_knows_every_package(self):
        done = subprocess.run(["apt-get", "-s", "-qq", "install", "--no-install-recommends",
                               *self.packages], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_the_programs_run_with_nothing_but_the_packages(self):
        need("chroot", "tar", "unshare")
        root = self.folder / "root"
        for name in ("tmp", "proc"):
            (root / name).mkdir(parents=True)
        files = subprocess.run(["dpkg-query", "-L", *with_dependencies(self.packages)], check=True,
                               capture_output=True, text=True).stdout.splitlines()
        listed = "\n".join(sorted({f for f in files if f.startswith("/") and f != "/."}))
        # Libraries of before the merge of /lib and /usr/lib are listed under their old names.
        for name in ("bin", "lib", "lib64", "sbin"):
            (root / "usr" / name).mkdir(parents=True, exist_ok=True)
            (root / name).symlink_to(f"usr/{name}")
        pack = subprocess.Popen(["tar", "-c", "--no-recursion", "--ignore-failed-read", "-C", "/",
                                 "--files-from", "-"], stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        unpack = subprocess.Popen(["tar", "-x", "--keep-directory-symlink", "-C", root],
                                  stdin=pack.stdout, stderr=subprocess.DEVNULL)
        pack.stdin.write(listed.encode())
        pack.stdin.close()
        unpack.wait()
        shutil.copytree(BIN, root / "opt/tilewright/bin",
                        ignore=lambda _, names: [n for n in names if n.startswith("bench-")])
        (entry,) = [text for instruction, text in self.image if instruction == "ENTRYPOINT"]
        program = entry.strip('[]"')
        for arguments in (["--version"], ["targets"],
                          ["zoo", "squeezenet1_1", "--image", "64", "-o", "/tmp/model.onnx"],
                          ["compile", "/tmp/model.onnx", "--records", "none", "-o",
                           "/tmp/model.tar"],
                          ["certs", "init", "--ca", "/tmp/ca"], ["worker", "--help"]):
            done = subprocess.run(["unshare", "--mount", "--pid", "--fork",
                                   f"--mount-proc={root}/proc", "chroot", root, program,
                                   *arguments], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, f"{arguments}: {done.stdout}{done.stderr}")


if __name__ == "__main__":
    unittest.main(verbosity=2)
