"""The Python runtime runs packages as `tilewright run` does."""

import os
import pathlib
import subprocess
import tempfile
import threading
import unittest

import numpy

from tilewright_runtime import Model, TilewrightError, version

COMMAND = os.environ["TILEWRIGHT"]


def run(folder, *arguments):
    subprocess.run([COMMAND, *arguments], check=True, capture_output=True, cwd=folder)


class PythonRuntime(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        folder = cls.scratch.name
        run(folder, "zoo", "mlp", "-o", "mlp.onnx")
        run(folder, "compile", "mlp.onnx", "--records", "none", "-o", "mlp.tar")
        cls.package = pathlib.Path(folder) / "mlp.tar"
        cls.model = Model(cls.package, threads=1)
        info = cls.model.inputs[0]
        cls.data = numpy.random.default_rng(1).random(info.shape).astype(info.dtype)

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()

    def test_gives_what_the_command_gives(self):
        folder = self.scratch.name
        numpy.savez(f"{folder}/in.npz", **{self.model.inputs[0].name: self.data})
        run(folder, "run", "mlp.tar", "-i", "in.npz", "-o", "out.npz")
        expected = numpy.load(f"{folder}/out.npz")
        outputs = self.model.run({self.model.inputs[0].name: self.data})
        self.assertEqual(set(outputs), set(expected.files))
        for name, value in outputs.items():
            numpy.testing.assert_array_equal(value, expected[name])

    def test_outputs_stay_after_the_next_run(self):
        first = self.model(self.data)
        kept = {name: value.copy() for name, value in first.items()}
        self.model(-self.data)
        for name, value in first.items():
            numpy.testing.assert_array_equal(value, kept[name])

    def test_takes_views_that_are_not_contiguous(self):
        wide = numpy.zeros(self.data.shape + (2,), self.data.dtype)
        wide[..., 0] = self.data
        outputs, expected = self.model(wide[..., 0]), self.model(self.data)
        for name, value in expected.items():
            numpy.testing.assert_array_equal(outputs[name], value)

    def test_threads_may_share_a_model(self):
        inputs = [self.data * scale for scale in range(8)]
        expected = [self.model(data) for data in inputs]
        got = [None] * len(inputs)

        def work(index):
            got[index] = self.model(inputs[index])

        threads = [threading.Thread(target=work, args=(i,)) for i in range(len(inputs))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for mine, theirs in zip(got, expected):
            for name in theirs:
                numpy.testing.assert_array_equal(mine[name], theirs[name])

    def test_profiles_every_call(self):
        calls = self.model.profile(self.data)
        self.assertGreater(len(calls), 0)
        self.assertTrue(all(seconds >= 0 for _, seconds in calls))

    def test_says_what_does_not_fit(self):
        name = self.model.inputs[0].name
        with self.assertRaisesRegex(ValueError, "shape"):
            self.model(self.data[:, :-1])
        with self.assertRaisesRegex(TypeError, "float64, float32 is needed"):
            self.model(self.data.astype("float64"))
        with self.assertRaisesRegex(ValueError, f"'{name}'\\] needed"):
            self.model({"nobody": self.data})
        with self.assertRaisesRegex(TilewrightError, "nowhere.tar") as caught:
            Model("nowhere.tar")
        self.assertEqual(caught.exception.code, 2)

    def test_takes_the_binding_of_its_inputs(self):
        folder, info = self.scratch.name, self.model.inputs[0]
        shape = ",".join(str(extent) for extent in info.shape[1:])
        shapes = [f"--input-shape={info.name}:{batch},{shape}" for batch in (1, 4)]
        run(folder, "compile", "mlp.onnx", "--records", "none", "-o", "shapes.tar", *shapes)
        model = Model(pathlib.Path(folder) / "shapes.tar", threads=1)
        self.assertEqual([b[info.name][0] for b in model.bindings], [1, 4])
        rows = numpy.random.default_rng(2).random((3,) + info.shape[1:]).astype(info.dtype)
        (padded,) = model(rows).values()  # to four
        self.assertEqual(padded.shape[0], 3)
        for got, row in zip(padded, rows):
            (expected,) = model(row[None]).values()
            numpy.testing.assert_allclose(got, expected[0], rtol=1e-4, atol=1e-5)
        with self.assertRaisesRegex(TilewrightError, "no shapes for"):
            model(numpy.concatenate([rows, rows]))

    def test_knows_its_version(self):
        self.assertRegex(version(), r"^\d+\.\d+")


if __name__ == "__main__":
    unittest.main()
