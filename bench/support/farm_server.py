"""A server that a benchmark starts, asks and kills, and the protocol's stubs."""
import pathlib
import signal
import socket
import subprocess
import sys
import time

import grpc
from programs import folder_with

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = "cpu -mcpu=skylake-avx512"


def load_stubs(folder):
    proto = ROOT / "proto"
    files = sorted(str(file.relative_to(proto)) for file in proto.rglob("*.proto"))
    subprocess.run(["protoc", "-I", proto, f"--python_out={folder}", f"--grpc_out={folder}",
                    "--plugin=protoc-gen-grpc=/usr/bin/grpc_python_plugin", *files],
                   check=True, cwd=proto)
    sys.path.insert(0, str(folder))
    import tilewright_pb2
    import tilewright_pb2_grpc
    return tilewright_pb2, tilewright_pb2_grpc


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Server:
    """With TLS on a port of loopback, with a certificate for workers in FOLDER/load-tls and a
    client's in FOLDER/ann-tls; without on a Unix socket."""

    def __init__(self, bin_dir, folder, key, tls, options=()):
        self.bin = folder_with(bin_dir, "tilewright")
        self.folder = pathlib.Path(folder)
        self.tls = tls
        self.records = self.folder / "farm.db"
        self.address = f"127.0.0.1:{free_port()}" if tls else f"unix:{folder}/farm"
        self.command = [self.bin / "tilewright", "serve", "--listen", self.address, "--records",
                        self.records, *options]
        if tls:
            self.command += ["--tls", self.folder / "server-tls"]
            self._issue(key)
        self.pb, self.rpc = load_stubs(folder)
        self.log = open(self.folder / "log", "ab")
        self.process = None

    def _issue(self, key):
        ca = ["--ca", self.folder / "ca"]
        if (self.folder / "ca").exists():  # of a run before
            return
        for command in (["init", *ca],
                        ["issue", "server", "farm", "--host", "127.0.0.1", *ca, "-o",
                         self.folder / "server-tls"],
                        ["issue", "worker", "load", "--key", key, *ca, "-o",
                         self.folder / "load-tls"],
                        ["issue", "client", "ann", *ca, "-o", self.folder / "ann-tls"]):
            subprocess.run([self.bin / "tilewright", "certs", *command], check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def channel(self, holder="ann", options=()):
        """With a connection of its own."""
        options = [("grpc.max_receive_message_length", 16 << 20),
                   ("grpc.use_local_subchannel_pool", 1), *options]
        if not self.tls:
            return grpc.insecure_channel(self.address, options)
        folder = self.folder / f"{holder}-tls"
        credentials = grpc.ssl_channel_credentials(
            (folder / "ca.pem").read_bytes(), (folder / "key.pem").read_bytes(),
            (folder / "cert.pem").read_bytes())
        return grpc.secure_channel(self.address, credentials, options)

    def client(self):
        return self.rpc.TuningServiceStub(self.channel())

    def start(self):
        """Seconds until it answers."""
        begin = time.monotonic()
        self.process = subprocess.Popen(self.command, stdout=self.log, stderr=self.log)
        while time.monotonic() - begin < 60:
            try:
                with self.channel() as channel:
                    self.rpc.TuningServiceStub(channel).ListWorkers(
                        self.pb.ListWorkersRequest(), timeout=2)
                return time.monotonic() - begin
            except grpc.RpcError:
                time.sleep(0.02)
        sys.exit("the server does not come back; see " + str(self.folder / "log"))

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=30)

    def megabytes(self):
        """Resident."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024
