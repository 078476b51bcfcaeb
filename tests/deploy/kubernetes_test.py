"""The manifests of deploy/kubernetes: against the API's schemas, against each other, and one pod
flow of them in plain namespaces (pods.py)."""

import base64
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import threading
import unittest

import yaml

import keda
from farm import BIN, SOURCE, need, run, wait_for
from pods import Cluster, Pod

FOLDER = SOURCE / "deploy/kubernetes"
# The oldest and the newest version whose schemas are asked.
VERSIONS = ("1.29", "1.37")
VALIDATE = SOURCE / "build/deploy-python/bin/kubernetes-validate"


def documents():
    """{(kind, name): document} of all files."""
    found = {}
    for file in sorted(FOLDER.glob("*.yaml")):
        for document in yaml.safe_load_all(file.read_text()):
            found[document["kind"], document.get("metadata", {}).get("name")] = document
    return found


def make_secrets(ca):
    text = subprocess.run([FOLDER / "make-secrets", ca], check=True, capture_output=True, text=True,
                          env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"}).stdout
    return list(yaml.safe_load_all(text))


class ManifestsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.documents = documents()

    def test_the_apis_schemas_take_every_manifest(self):
        self.assertTrue(VALIDATE.exists(), "no schemas; install them: scripts/setup --all")
        files = [str(file) for file in sorted(FOLDER.glob("*.yaml"))
                 if file.name not in ("kustomization.yaml", "autoscale.yaml")]  # not of the API
        self.assertGreaterEqual(len(files), 5)
        for version in VERSIONS:
            done = subprocess.run([VALIDATE, "--strict", "-k", version, *files],
                                  capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            passed = len(re.findall("passed for resource", done.stdout + done.stderr))
            self.assertEqual(passed, len(self.documents) - 2, done.stdout + done.stderr)

    def test_the_schemas_see_a_mistake(self):
        with tempfile.TemporaryDirectory() as folder:
            wrong = pathlib.Path(folder) / "wrong.yaml"
            text = (FOLDER / "worker.yaml").read_text()
            wrong.write_text(text.replace("replicas: 2", "replica: 2"))
            done = subprocess.run([VALIDATE, "--strict", "-k", VERSIONS[0], str(wrong)],
                                  capture_output=True, text=True)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("replica", done.stdout + done.stderr)

    def test_the_kustomization_names_files_that_exist(self):
        kustomization = self.documents["Kustomization", None]
        for name in kustomization["resources"]:
            self.assertTrue((FOLDER / name).exists(), name)
        images = {container["image"] for workload in self.workloads()
                  for container in self.containers(workload)}
        self.assertEqual(images, {image["name"] for image in kustomization["images"]})

    def workloads(self):
        return [one for (kind, _), one in self.documents.items()
                if kind in ("Deployment", "StatefulSet")]

    @staticmethod
    def containers(workload):
        spec = workload["spec"]["template"]["spec"]
        return spec.get("initContainers", []) + spec["containers"]

    def test_volumes_secrets_and_names_agree(self):
        with tempfile.TemporaryDirectory() as folder:
            run("certs", "init", "--ca", f"{folder}/ca")
            secrets = {one["metadata"]["name"] for one in make_secrets(f"{folder}/ca")}
        for workload in self.workloads():
            template = workload["spec"]["template"]
            self.assertLessEqual(workload["spec"]["selector"]["matchLabels"].items(),
                                 template["metadata"]["labels"].items())
            volumes = {v["name"] for v in template["spec"]["volumes"]}
            volumes |= {claim["metadata"]["name"]
                        for claim in workload["spec"].get("volumeClaimTemplates", [])}
            for container in self.containers(workload):
                self.assertLessEqual({m["name"] for m in container["volumeMounts"]}, volumes)
            self.assertLessEqual({v["secret"]["secretName"] for v in template["spec"]["volumes"]
                                  if "secret" in v}, secrets)

    def test_workers_have_whole_cpus_and_gpus_of_their_own_and_time_to_leave(self):
        gpus = {}
        for (kind, name), one in self.documents.items():
            if kind != "Deployment":
                continue
            spec = one["spec"]["template"]["spec"]
            resources = spec["containers"][0]["resources"]
            self.assertEqual(resources["requests"], resources["limits"])
            self.assertTrue(resources["limits"]["cpu"].isdigit())
            self.assertGreaterEqual(spec["terminationGracePeriodSeconds"], 20)
            gpus[name] = (resources["limits"].get("nvidia.com/gpu"),
                          "cuda:0" in spec["containers"][0]["args"])
        self.assertEqual(gpus, {"tilewright-worker": (None, False),
                                "tilewright-worker-gpu": (1, True)})

    def test_keda_knows_every_field_of_the_scaler(self):
        text = (FOLDER / "autoscale.yaml").read_text()
        self.assertEqual(keda.mistakes(yaml.safe_load(text)), [])
        for right, wrong in (("pollingInterval:", "pollInterval:"), ('"100"', "100"),
                             ("maxReplicaCount: 8", 'maxReplicaCount: "8"'),
                             ("serverAddress:", "address:"), ("scaleDown:", "down:")):
            self.assertTrue(keda.mistakes(yaml.safe_load(text.replace(right, wrong))), wrong)

    def test_the_scaler_follows_a_deployment_by_its_key(self):
        scaled = self.documents["ScaledObject", "tilewright-worker"]["spec"]
        target = self.documents["Deployment", scaled["scaleTargetRef"]["name"]]
        worker = target["spec"]["template"]["spec"]["containers"][0]
        key = next(one["value"] for one in worker["env"] if one["name"] == "TILEWRIGHT_KEY")
        (trigger,) = scaled["triggers"]
        self.assertEqual(trigger["type"], "prometheus")
        self.assertIn(f'tilewright_wanted_trials{{key="{key}"}}', trigger["metadata"]["query"])
        self.assertGreater(float(trigger["metadata"]["threshold"]), 0)


class PodsTest(unittest.TestCase):
    """One farm of the manifests, in namespaces."""

    def setUp(self):
        need("ip", "unshare", "setpriv", "pivot_root")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tilewright-pods-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.folder.chmod(0o755)
        self.ca = self.folder / "ca"
        run("certs", "init", "--ca", self.ca)
        run("certs", "issue", "client", "ann", "--ca", self.ca, "-o", self.folder / "ann")
        run("zoo", "squeezenet1_1", "--image", "64", "-o", self.folder / "model.onnx")
        secrets = {one["metadata"]["name"]: {name: base64.b64decode(data)
                                             for name, data in one["data"].items()}
                   for one in make_secrets(self.ca)}
        self.cluster = Cluster(self.folder, secrets)
        self.addCleanup(self.cluster.__exit__)
        self.documents = documents()

    def server(self, name="tilewright-server-0"):
        pod = Pod(self.cluster, self.documents["StatefulSet", "tilewright-server"], name)
        self.cluster.hosts["tilewright-server"] = pod.address
        pod.start()
        return pod

    def tilewright(self, *arguments):
        """As ann, from the server's network."""
        done = subprocess.run(
            ["ip", "netns", "exec", self.cluster.pods[0].netns, str(BIN / "tilewright"),
             *map(str, arguments), "--server", "127.0.0.1:9190", "--tls", self.folder / "ann"],
            capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def workers(self):
        return {one["worker"]: one for one in json.loads(self.tilewright("workers", "--json"))
                ["workers"]}

    def jobs(self):
        return json.loads(self.tilewright("jobs", "--json"))

    def test_a_farm_of_pods_tunes_drains_and_keeps_its_jobs(self):
        server = self.server()
        main = server.main
        self.assertTrue(server.probe(main["readinessProbe"]), server.log.read_text())
        self.assertTrue(server.probe(main["livenessProbe"]))
        deployment = self.documents["Deployment", "tilewright-worker"]
        pods = [Pod(self.cluster, deployment, f"tilewright-worker-7f9c-{i}")
                for i in range(deployment["spec"]["replicas"])]
        for pod in pods:
            pod.start()
        wait_for("the workers serve", lambda: set(self.workers()) == {p.name for p in pods}, 60)
        self.assertEqual({one["key"] for one in self.workers().values()}, {"xeon"})
        job = self.tilewright("submit", self.folder / "model.onnx", "--key", "xeon", "--tuner",
                              "random", "--trials", "150").strip()
        wait_for("both measure", lambda: all(
            one["trials"] > 0 for one in self.workers().values()))
        self.drain(pods[0])
        self.assertEqual(self.jobs()[0]["state"], "running")
        watching = threading.Thread(target=self.tilewright, args=("watch", job))
        watching.start()
        watching.join(240)
        self.assertFalse(watching.is_alive())
        (listed,) = self.jobs()
        self.assertEqual(listed["state"], "done", listed)
        self.assertGreaterEqual(listed["trials"], 150)
        self.replace_the_server(server, job)

    def drain(self, pod):
        seconds, code = pod.delete()
        self.assertEqual(code, 0, pod.log.read_text())
        self.assertLess(seconds, pod.spec["terminationGracePeriodSeconds"])
        self.assertNotIn(pod.name, self.workers())
        # Without capabilities or new privileges it could still make namespaces for the kernels.
        self.assertNotIn("namespaces", pod.log.read_text())

    def replace_the_server(self, server, job):
        """A new pod of the same name has the same disk."""
        self.assertEqual(server.delete()[1], 0, server.log.read_text())
        server.start()
        self.assertEqual([one["job"] for one in self.jobs()], [job])
        wait_for("the worker comes back", lambda: len(self.workers()) == 1, 60)


if __name__ == "__main__":
    unittest.main(verbosity=2)
