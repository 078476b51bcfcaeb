"""Pods as plain Linux namespaces: what a manifest says of a pod, done without Kubernetes.

Each pod has a network namespace on one bridge; each container mount and pid namespaces, a root of
its own (this machine's /usr, the programs in /opt/tilewright/bin as in the image), the manifest's
volumes, command, arguments, environment, user and security context. Init containers run first, the
probes are run as the kubelet does, the end is SIGTERM and, after the grace period, SIGKILL. What is
not done: network policies, resources, seccomp profiles.
"""

import os
import pathlib
import re
import shlex
import signal
import subprocess
import time

from farm import BIN

ROOT_SCRIPT = r"""
set -eu
mount --make-rprivate /
mkdir -p "$ROOT"
mount -t tmpfs tmpfs "$ROOT"
cd "$ROOT"
mkdir usr proc dev sys etc run tmp old data opt opt/tilewright opt/tilewright/bin
for link in bin lib lib64 sbin; do ln -s usr/$link $link; done
mount --rbind /usr usr
mount -t proc proc proc
mount --rbind /dev dev
mount --rbind /sys sys
mount --bind "$BIN" opt/tilewright/bin
cp /etc/ld.so.cache etc/
cp "$HOSTS" etc/hosts
echo 'hosts: files' >etc/nsswitch.conf
echo 'root:x:0:0::/:/bin/sh' >etc/passwd
"""


class Cluster:
    """The bridge, the names of services, volumes that outlive pods. A context manager."""

    def __init__(self, folder, secrets):
        self.folder = pathlib.Path(folder)
        self.secrets = secrets  # name -> {file: bytes}
        self.id = f"tk{os.getpid()}"
        self.hosts = {}  # service -> address
        self.pods = []
        ip("link", "add", f"{self.id}-br", "type", "bridge")
        ip("link", "set", f"{self.id}-br", "up")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for pod in self.pods:
            pod.kill()
        ip("link", "del", f"{self.id}-br")

    def claim(self, name):
        path = self.folder / f"claim-{name}"
        path.mkdir(exist_ok=True)
        return path


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True)


class Pod:
    """A pod of a workload's template. `start` returns once its probes say that it is ready."""

    def __init__(self, cluster, workload, name):
        self.cluster, self.name = cluster, name
        self.spec = workload["spec"]["template"]["spec"]
        self.main = self.spec["containers"][0]
        self.number = len(cluster.pods) + 1
        self.address = f"10.78.0.{self.number}"
        self.netns = f"{cluster.id}-{self.number}"
        self.process = None
        cluster.pods.append(self)
        self.folder = cluster.folder / name
        self.folder.mkdir()
        self.volumes = {volume["name"]: self._volume(volume) for volume in self.spec["volumes"]}
        for template in workload["spec"].get("volumeClaimTemplates", []):
            claim = template["metadata"]["name"]
            self.volumes[claim] = cluster.claim(f"{claim}-{name}")
            self._give_to_group(self.volumes[claim])
        self._make_network()

    def _volume(self, volume):
        path = self.folder / f"volume-{volume['name']}"
        path.mkdir()
        if "secret" in volume:
            for name, data in self.cluster.secrets[volume["secret"]["secretName"]].items():
                (path / name).write_bytes(data)
        else:
            assert "emptyDir" in volume, volume
        self._give_to_group(path, readable_only="secret" in volume)
        return path

    def _give_to_group(self, path, readable_only=False):
        """As fsGroup does: a secret's files belong to root and may be read by the group."""
        group = self.spec["securityContext"]["fsGroup"]
        for one in [path, *path.rglob("*")]:
            os.chown(one, 0, group)
            one.chmod(0o2775 if one.is_dir() else 0o440 if readable_only else 0o664)

    def _make_network(self):
        ip("netns", "add", self.netns)
        ip("link", "add", f"{self.netns}v", "type", "veth", "peer", "name", "eth0", "netns",
           self.netns)
        ip("link", "set", f"{self.netns}v", "master", f"{self.cluster.id}-br", "up")
        ip("-n", self.netns, "address", "add", f"{self.address}/24", "dev", "eth0")
        for device in ("eth0", "lo"):
            ip("-n", self.netns, "link", "set", device, "up")

    # ---- containers

    def _environment(self, container):
        values = {"PATH": "/usr/bin:/bin"}
        for one in container.get("env", []):
            field = one.get("valueFrom", {}).get("fieldRef", {}).get("fieldPath")
            assert field in (None, "metadata.name"), field
            values[one["name"]] = self.name if field else one["value"]
        return values

    def _command(self, container):
        """With $(NAME) replaced, as Kubernetes does."""
        values = self._environment(container)
        return [re.sub(r"\$\((\w+)\)", lambda match: values[match[1]], word)
                for word in [*container["command"], *container.get("args", [])]]

    def _mounts(self, container):
        lines = []
        for mount in container["volumeMounts"]:
            target = shlex.quote(mount["mountPath"].lstrip("/"))
            source = shlex.quote(str(self.volumes[mount["name"]]))
            lines.append(f"mkdir -p {target} && mount --bind {source} {target}")
            if mount.get("readOnly"):
                lines.append(f"mount -o remount,bind,ro {target}")
        return "\n".join(lines)

    def _start(self, container, command, output):
        pod, own = self.spec["securityContext"], container["securityContext"]
        assert own["capabilities"] == {"drop": ["ALL"]} and own["readOnlyRootFilesystem"]
        hosts = self.folder / "hosts"
        hosts.write_text("".join(f"{address} {name}\n" for name, address in
                                 {"localhost": "127.0.0.1", **self.cluster.hosts}.items()))
        environment = [f"{name}={value}" for name, value in self._environment(container).items()]
        script = "\n".join([
            ROOT_SCRIPT, self._mounts(container), "mount -o remount,ro .",
            "pivot_root . old", "cd /", "umount -l /old",
            shlex.join(["exec", "setpriv", f"--reuid={pod['runAsUser']}",
                        f"--regid={pod['runAsGroup']}", f"--groups={pod['fsGroup']}",
                        "--no-new-privs", "--inh-caps=-all", "--bounding-set=-all",
                        "env", "-i", *environment, *command])])
        return subprocess.Popen(
            ["ip", "netns", "exec", self.netns, "unshare", "--mount", "--pid", "--ipc", "--fork",
             "sh", "-c", script], stdout=output, stderr=output,
            env={**os.environ, "ROOT": str(self.folder / "root"), "BIN": str(BIN),
                 "HOSTS": str(hosts)})

    def run(self, container, command, name="run"):
        """What `kubectl exec` would do: (exit code, output)."""
        path = self.folder / f"{name}.out"
        with open(path, "w", encoding="utf-8") as output:
            code = self._start(container, command, output).wait()
        return code, path.read_text()

    def start(self):
        for container in self.spec.get("initContainers", []):
            code, text = self.run(container, self._command(container), container["name"])
            assert code == 0, text
        with open(self.log, "w", encoding="utf-8") as output:
            self.process = self._start(self.main, self._command(self.main), output)
        if "startupProbe" in self.main:
            self._await(self.main["startupProbe"])

    @property
    def log(self):
        return self.folder / "log"

    def _await(self, probe):
        for _ in range(probe.get("failureThreshold", 3)):
            if self.probe(probe):
                return
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(probe["periodSeconds"])
        raise AssertionError(f"{self.name} does not start: {self.log.read_text()}")

    def probe(self, probe):
        if "exec" in probe:
            return self.run(self.main, probe["exec"]["command"], "probe")[0] == 0
        port = probe["tcpSocket"]["port"]
        ports = {one["name"]: one["containerPort"] for one in self.main["ports"]}
        script = f"exec 3<>/dev/tcp/{self.address}/{ports.get(port, port)}"
        return subprocess.run(["ip", "netns", "exec", self.netns, "bash", "-c", script],
                              capture_output=True).returncode == 0

    def delete(self):
        """SIGTERM to the container's first process; how long it took and how it ended."""
        start = time.monotonic()
        os.kill(self._first(), signal.SIGTERM)
        self.process.wait(timeout=self.spec["terminationGracePeriodSeconds"])
        return time.monotonic() - start, self.process.returncode

    def _first(self):
        """The container's process 1, with which all others end: the child of unshare."""
        unshare = self.process.pid
        return int(pathlib.Path(f"/proc/{unshare}/task/{unshare}/children").read_text().split()[0])

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            os.kill(self._first(), signal.SIGKILL)
            self.process.wait()
        ip("link", "del", f"{self.netns}v")
        ip("netns", "del", self.netns)
