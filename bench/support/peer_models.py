"""Models of bench/peers that the zoo has not: `peer_models.py NAME FILE.onnx`. light_* are those of
the onnx package with random weights instead of constant ones; the others are written here."""
import pathlib
import sys

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

RNG = numpy.random.default_rng(0)


def weights(shape):
    fan_in = max(1, int(numpy.prod(shape[1:])))
    return (RNG.standard_normal(shape) * (2.0 / fan_in) ** 0.5).astype(numpy.float32)


def light(name):
    folder = pathlib.Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
    model = onnx.load(folder / f"{name}.onnx")
    graph = model.graph
    known = {init.name: numpy_helper.to_array(init) for init in graph.initializer}
    kept = []
    for node in graph.node:
        if node.op_type != "ConstantOfShape" or node.input[0] not in known:
            kept.append(node)
            continue
        shape = [int(d) for d in known[node.input[0]]]
        value = weights(shape) if len(shape) > 1 else numpy.ones(shape, numpy.float32) * 0.5
        graph.initializer.append(numpy_helper.from_array(value, node.output[0]))
    del graph.node[:]
    graph.node.extend(kept)
    used = {name for node in kept for name in node.input}
    alive = [init for init in graph.initializer if init.name in used]
    del graph.initializer[:]
    graph.initializer.extend(alive)
    names = {init.name for init in alive}
    inputs = [value for value in graph.input if value.name not in names and value.name in used]
    del graph.input[:]
    graph.input.extend(inputs)
    return model


class Chain:
    """A network of one path."""

    def __init__(self, shape):
        self.nodes, self.inits, self.at, self.channels = [], [], "x", shape[1]
        self.input = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)

    def add(self, op, inits=(), **attributes):
        names = []
        for i, value in enumerate(inits):
            names.append(f"w{len(self.inits)}")
            self.inits.append(numpy_helper.from_array(value, names[-1]))
        out = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, [self.at, *names], [out], **attributes))
        self.at = out
        return self

    def conv(self, out, kernel, group=1, **attributes):
        bias = numpy.zeros(out, numpy.float32)
        self.add("Conv", [weights((out, self.channels // group, *kernel)), bias], group=group,
                 kernel_shape=kernel, **attributes)
        self.channels = out
        return self

    def deconv(self, out, kernel, **attributes):
        operands = [weights((self.channels, out, *kernel)), numpy.zeros(out, numpy.float32)]
        self.add("ConvTranspose", operands,
                 kernel_shape=kernel, **attributes)
        self.channels = out
        return self

    def model(self):
        output = helper.make_tensor_value_info(self.at, TensorProto.FLOAT, None)
        graph = helper.make_graph(self.nodes, "chain", [self.input], [output], self.inits)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)])
        model.ir_version = 8
        return onnx.shape_inference.infer_shapes(model)


def waveform():
    net = Chain([1, 1, 80000]).conv(402, [400], strides=[160])
    for _ in range(3):
        net.conv(128, [3], pads=[1, 1]).add("Relu")
    return net.model()


def transposed():
    net = Chain([1, 64, 40, 40]).conv(64, [3, 3], pads=[1] * 4).add("Relu")
    net.deconv(64, [2, 2], strides=[2, 2]).add("Relu")
    net.deconv(32, [4, 4], strides=[2, 2], pads=[1] * 4)
    return net.add("Relu").deconv(8, [3, 3], strides=[1, 1], pads=[1] * 4).model()


def depthwise():
    net = Chain([1, 32, 96, 96])
    for stride, out in ((1, 48), (2, 96), (1, 96), (2, 192)):
        net.conv(net.channels, [5, 5], group=net.channels, pads=[2] * 4, strides=[stride] * 2)
        net.add("Relu").conv(out, [1, 1]).add("Relu")
    return net.model()


def grouped():
    net = Chain([1, 24, 56, 56])
    for out in (60, 120, 240):
        net.conv(out, [1, 1], group=3).add("Relu").conv(out, [3, 3], group=out // 4, pads=[1] * 4)
        net.add("Relu")
    return net.model()


class Blocks(Chain):
    """A chain that can go back to a value of before."""

    def join(self, op, other):
        out = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, [self.at, other], [out]))
        self.at = out
        return self

    def squeeze_excite(self):
        whole, channels = self.at, self.channels
        self.add("GlobalAveragePool").conv(channels // 4, [1, 1]).add("Relu").conv(channels, [1, 1])
        return self.add("HardSigmoid", alpha=0.2, beta=0.5).join("Mul", whole)

    def inverted(self, out, kernel, stride, act, excite):
        before, channels = self.at, self.channels
        self.conv(channels * 4, [1, 1]).add(act)
        self.conv(self.channels, [kernel] * 2, group=self.channels, pads=[kernel // 2] * 4,
                  strides=[stride] * 2).add(act)
        if excite:
            self.squeeze_excite()
        self.conv(out, [1, 1])
        return self.join("Add", before) if stride == 1 and out == channels else self


def detector():
    """Like text detectors: MobileNetV3's blocks on a large map, a transposed head."""
    net = Blocks([1, 3, 320, 320]).conv(8, [3, 3], pads=[1] * 4, strides=[2, 2]).add("HardSwish")
    for out, kernel, stride, act, excite in (
            (16, 3, 2, "Relu", True), (16, 3, 1, "Relu", False), (24, 5, 2, "HardSwish", True),
            (24, 5, 1, "HardSwish", True), (48, 5, 2, "HardSwish", True),
            (48, 5, 1, "HardSwish", True)):
        net.inverted(out, kernel, stride, act, excite)
    net.conv(96, [1, 1])
    for _ in range(2):
        net.deconv(48, [2, 2], strides=[2, 2]).add("Relu").conv(96, [3, 3], pads=[1] * 4)
    net.conv(24, [3, 3], pads=[1] * 4).add("Relu").deconv(24, [2, 2], strides=[2, 2]).add("Relu")
    return net.deconv(1, [2, 2], strides=[2, 2]).add("Sigmoid").model()


name, path = sys.argv[1:3]
model = light(name) if name.startswith("light_") else globals()[name]()
onnx.save(model, path)
