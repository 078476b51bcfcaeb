"""A Slurm of one controller and three nodes on this machine, with keys and sockets of its own.

Debian's slurmd is built with support for several on one host: `slurmd -N NAME`.
"""

import os
import pathlib
import shutil
import signal
import socket
import subprocess

from farm import free_port, wait_for

NODES = ("w0", "w1", "w2")
CONF = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=10
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdLogFile={folder}/slurmd-%n.log
SlurmctldLogFile={folder}/slurmctld.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
GresTypes=gpu
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
SlurmdParameters=config_overrides
SlurmdTimeout=10
KillWait=15
MinJobAge=3600
ReturnToService=2
{nodes}
PartitionName=all Nodes={names} Default=YES MaxTime=INFINITE State=UP
"""


class Slurm:
    """A context manager. `environment` is what its clients need."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.environment = {"SLURM_CONF": str(self.folder / "slurm.conf")}
        self.daemons = {}
        for name in ("state", *(f"spool-{node}" for node in NODES)):
            (self.folder / name).mkdir()
        self._write()
        self._start_munge()
        self._start("slurmctld", ["slurmctld", "-D", "-c"])
        for node in NODES:
            self._start(node, ["slurmd", "-D", "-N", node])
        wait_for("three idle nodes", lambda: self.states() == {node: "idle" for node in NODES}, 60)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for daemon in reversed(list(self.daemons.values())):
            daemon.terminate()
            daemon.wait()

    def _write(self):
        ports = {node: free_port() for node in NODES}
        nodes = "\n".join(f"NodeName={node} NodeHostname=localhost NodeAddr=127.0.0.1 Port={port} "
                          f"CPUs=1 RealMemory=512 Gres=gpu:1" for node, port in ports.items())
        (self.folder / "slurm.conf").write_text(CONF.format(
            host=socket.gethostname().split(".")[0], folder=self.folder, nodes=nodes,
            controller_port=free_port(), names=",".join(NODES)))
        # A device file that stands for a GPU: Slurm only hands it out.
        (self.folder / "gres.conf").write_text(
            "".join(f"NodeName={node} Name=gpu File=/dev/null\n" for node in NODES))

    def _start(self, name, command):
        with open(self.folder / f"{name}.out", "w", encoding="utf-8") as log:
            self.daemons[name] = subprocess.Popen(
                [shutil.which(command[0]), *command[1:]], stdout=log, stderr=log,
                env={**os.environ, **self.environment})

    def _start_munge(self):
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o600)
        self._start("munged", [
            "munged", "--foreground", "--force", f"--key-file={key}",
            f"--socket={self.folder}/munge.socket", f"--pid-file={self.folder}/munged.pid",
            f"--log-file={self.folder}/munged.log", f"--seed-file={self.folder}/munged.seed"])
        wait_for("munge's socket", (self.folder / "munge.socket").exists, 20)

    def run(self, *command, **environment):
        done = subprocess.run(command, capture_output=True, text=True,
                              env={**os.environ, **self.environment, **environment})
        assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
        return done.stdout

    def states(self):
        """{"w0": "idle", ...}; a node that does not answer has a * behind its state."""
        done = subprocess.run(["sinfo", "-N", "-h", "-o", "%N %T"], capture_output=True, text=True,
                              env={**os.environ, **self.environment})
        return dict(line.split() for line in done.stdout.splitlines())

    def job(self, task):
        """What Slurm says of an array task, "12_0"."""
        text = self.run("scontrol", "show", "job", "-o", task)
        return dict(field.split("=", 1) for field in text.split() if "=" in field)

    def tasks(self):
        lines = self.run("squeue", "--array", "-h", "-o", "%i %T").splitlines()
        return dict(line.split() for line in lines)

    def kill_node(self, node, worker_pid):
        """As if its power failed: slurmd, the step's daemon, the worker and all it started."""
        doomed = [*tree(parent_of(worker_pid)), self.daemons[node].pid]
        for pid in doomed:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.daemons[node].wait()


def parent_of(pid):
    return int(pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])


def tree(pid):
    """A process and all that descend from it, parents first."""
    children = {}
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            children.setdefault(parent_of(stat.parent.name), []).append(int(stat.parent.name))
        except (OSError, ValueError):
            pass  # it has ended
    found = [pid]
    for one in found:
        found += children.get(one, [])
    return found


def pid_of(*words):
    """The process whose command line holds all of the words."""
    for line in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            arguments = line.read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if all(word in arguments for word in words):
            return int(line.parent.name)
    raise AssertionError(f"no process with {words}")
