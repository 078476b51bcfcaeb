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


def varint(value):
    """Of protobuf, below 2^14."""
    return bytes([value]) if value < 0x80 else bytes([value & 0x7F | 0x80, value >> 7])


def field(number, value):
    """Of a protobuf message: an integer, or bytes."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def floats(name, values):
    return field(5, field(1, name) + field(7, numpy.array(values, "<f4").tobytes()) + field(20, 6))


def strings(name, values):
    return field(5, field(1, name) + b"".join(field(9, v) for v in values) + field(20, 8))


def classifier():
    """An ONNX model: x [2, 1] -> label, a string, and scores [2, 2], with the classes' names."""
    names = strings("classlabels_strings", ["cat", "Käse"])
    linear = b"".join(
        [field(1, "x"), field(2, "label"), field(2, "raw"), field(4, "LinearClassifier"),
         floats("coefficients", [1, 2]), floats("intercepts", [0, 0]), names,
         field(7, "ai.onnx.ml")])
    zipped = b"".join([field(1, "raw"), field(2, "scores"), field(4, "ZipMap"), names,
                       field(7, "ai.onnx.ml")])
    shape = field(1, field(1, 2)) + field(1, field(1, 1))
    x = field(1, "x") + field(2, field(1, field(1, 1) + field(2, shape)))
    outputs = field(12, field(1, "label")) + field(12, field(1, "scores"))
    graph = field(1, linear) + field(1, zipped) + field(11, x) + outputs
    opsets = field(8, field(2, 17)) + field(8, field(1, "ai.onnx.ml") + field(2, 3))
    return field(1, 8) + opsets + field(7, graph)


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

    def test_strings_are_texts_and_columns_have_names(self):
        folder = pathlib.Path(self.scratch.name)
        (folder / "animals.onnx").write_bytes(classifier())
        run(folder, "compile", "animals.onnx", "--records", "none", "-o", "animals.tar")
        model = Model(folder / "animals.tar")
        data = numpy.array([[3], [-3]], "float32")
        outputs = model(data)
        self.assertEqual(outputs["label"].tolist(), ["Käse", "cat"])
        self.assertEqual(outputs["scores"].tolist(), [[3, 6], [-3, -6]])
        label, scores = model.outputs
        self.assertEqual(label.dtype.kind, "U")
        self.assertEqual(scores.classes, ("cat", "Käse"))
        numpy.savez(folder / "x.npz", x=data)
        run(folder, "run", "animals.tar", "-i", "x.npz", "-o", "y.npz")
        written = numpy.load(folder / "y.npz")
        self.assertEqual(written["label"].tolist(), ["Käse", "cat"])
        self.assertEqual(written["scores.classes"].tolist(), ["cat", "Käse"])

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
