"""Transformers of bench/peers that the zoo has not, written out as exporters write them, at any
batch and length: `transformer_models.py NAME BATCH TOKENS PAST FILE.onnx`. PAST is the length of a
decoder's cache, which is an input; of the others 0. `transformer_models.py zoo MODEL TOKENS
FILE.onnx` gives a model of the zoo, whose inputs are [batch, tokens], another number of tokens."""
import sys

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64


class Net:
    """A graph under construction; values are their names."""

    def __init__(self, batch, tokens, past):
        self.batch, self.tokens, self.past = batch, tokens, past
        self.nodes, self.inits, self.inputs, self.outputs = [], [], [], []
        self.rng = numpy.random.default_rng(0)

    def op(self, kind, *inputs, outputs=1, **attributes):
        names = [f"v{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, **attributes))
        return names[0] if outputs == 1 else names

    def constant(self, value, dtype=numpy.float32):
        name = f"w{len(self.inits)}"
        self.inits.append(numpy_helper.from_array(numpy.asarray(value, dtype), name))
        return name

    def weight(self, *shape, mean=0.0):
        return self.constant(mean + 0.02 * self.rng.standard_normal(shape, numpy.float32))

    def input(self, name, shape, dtype=FLOAT):
        self.inputs.append(helper.make_tensor_value_info(name, dtype, shape))
        return name

    def output(self, value, name):
        self.nodes.append(helper.make_node("Identity", [value], [name]))
        self.outputs.append(helper.make_tensor_value_info(name, FLOAT, None))

    def linear(self, x, fan_in, units, bias=True):
        y = self.op("MatMul", x, self.weight(fan_in, units))
        return self.op("Add", y, self.weight(units)) if bias else y

    def embedding(self, ids, entries, units):
        return self.op("Gather", self.weight(entries, units), ids)

    def layer_norm(self, x, units):
        return self.op("LayerNormalization", x, self.weight(units, mean=1), self.weight(units),
                       axis=-1, epsilon=1e-5)

    def rms_norm(self, x, units):
        mean = self.op("ReduceMean", self.op("Pow", x, self.constant(2)), axes=[-1])
        root = self.op("Sqrt", self.op("Add", mean, self.constant(1e-5)))
        normed = self.op("Mul", x, self.op("Div", self.constant(1), root))
        return self.op("Mul", self.weight(units, mean=1), normed)

    def reshape(self, x, *shape):
        return self.op("Reshape", x, self.constant(shape, numpy.int64))

    def heads(self, x, tokens, heads, size, order=(0, 2, 1, 3)):
        return self.op("Transpose", self.reshape(x, self.batch, tokens, heads, size), perm=order)

    def attention(self, q, keys, v, size, tokens, heads, mask=None, scale=True):
        """Of q and v [batch, heads, ., size], keys with the last two exchanged; joined heads."""
        scores = self.op("MatMul", q, keys)
        if scale:
            scores = self.op("Div", scores, self.constant(size ** 0.5))
        if mask:
            scores = self.op("Add", scores, mask)
        context = self.op("MatMul", self.op("Softmax", scores, axis=-1), v)
        joined = self.op("Transpose", context, perm=(0, 2, 1, 3))
        return self.reshape(joined, self.batch, tokens, heads * size)

    def attend(self, x, to, units, heads, lengths, mask=None, **options):
        """Attention of x to `to` with its four products; lengths are those of both."""
        size, bias = units // heads, options.pop("bias", True)
        q = self.heads(self.linear(x, units, units, bias), lengths[0], heads, size)
        columns = (0, 2, 3, 1)
        keys = self.heads(self.linear(to, units, units, bias), lengths[1], heads, size, columns)
        v = self.heads(self.linear(to, units, units, bias), lengths[1], heads, size)
        y = self.attention(q, keys, v, size, lengths[0], heads, mask, **options)
        return self.linear(y, units, units, bias)

    def gelu(self, x):
        y = self.op("Erf", self.op("Div", x, self.constant(2 ** 0.5)))
        y = self.op("Mul", x, self.op("Add", y, self.constant(1)))
        return self.op("Mul", y, self.constant(0.5))

    def gelu_tanh(self, x):
        y = self.op("Mul", self.op("Pow", x, self.constant(3)), self.constant(0.044715))
        y = self.op("Mul", self.op("Add", x, y), self.constant((2 / numpy.pi) ** 0.5))
        y = self.op("Add", self.op("Tanh", y), self.constant(1))
        return self.op("Mul", self.op("Mul", x, self.constant(0.5)), y)

    def causal_mask(self):
        """[1, 1, tokens, past + tokens]."""
        future = numpy.triu(numpy.full((self.tokens, self.past + self.tokens), -1e4, numpy.float32),
                            self.past + 1)
        return self.constant(future[None, None])

    def model(self):
        graph = helper.make_graph(self.nodes, "transformer", self.inputs, self.outputs, self.inits)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
        model.ir_version = 9
        return model


def encoder(net, units, heads, layers, words=30522):
    """BERT's layers (Devlin et al., arXiv:1810.04805)."""
    tokens = [net.batch, net.tokens]
    ids = net.input("input_ids", tokens, INT64)
    mask = net.op("Cast", net.input("attention_mask", tokens, INT64), to=FLOAT)
    mask = net.op("Unsqueeze", mask, net.constant([1, 2], numpy.int64))
    mask = net.op("Mul", net.op("Sub", net.constant(1), mask), net.constant(-1e4))
    x = net.op("Add", net.embedding(ids, words, units), net.weight(1, net.tokens, units))
    x = net.layer_norm(x, units)
    for _ in range(layers):
        y = net.attend(x, x, units, heads, (net.tokens, net.tokens), mask)
        x = net.layer_norm(net.op("Add", y, x), units)
        y = net.linear(net.gelu(net.linear(x, units, 4 * units)), 4 * units, units)
        x = net.layer_norm(net.op("Add", y, x), units)
    net.output(x, "last_hidden_state")


def minilm(net):
    """all-MiniLM-L6's sizes."""
    encoder(net, 384, 12, 6)


def distilbert(net):
    """Sanh et al., arXiv:1910.01108."""
    encoder(net, 768, 12, 6)


def t5_small(net):
    """Its encoder (Raffel et al., arXiv:1910.10683): RMS norm, a bias of distances, no scale."""
    units, heads = 512, 8
    x = net.embedding(net.input("input_ids", [net.batch, net.tokens], INT64), 32128, units)
    place = numpy.arange(net.tokens)
    buckets = net.constant(numpy.clip(place[None] - place[:, None], -16, 15) + 16, numpy.int64)
    bias = net.op("Transpose", net.embedding(buckets, 32, heads), perm=(2, 0, 1))
    bias = net.op("Unsqueeze", bias, net.constant([0], numpy.int64))
    for _ in range(6):
        normed = net.rms_norm(x, units)
        y = net.attend(normed, normed, units, heads,
                       (net.tokens, net.tokens), bias, bias=False, scale=False)
        x = net.op("Add", x, y)
        y = net.op("Relu", net.linear(net.rms_norm(x, units), units, 2048, False))
        x = net.op("Add", x, net.linear(y, 2048, units, False))
    net.output(net.rms_norm(x, units), "last_hidden_state")


def gpt2(net):
    """A prompt (Radford et al., 2019): causal, queries, keys and values by one product."""
    units, heads, size = 768, 12, 64
    x = net.embedding(net.input("input_ids", [net.batch, net.tokens], INT64), 50257, units)
    x = net.op("Add", x, net.weight(1, net.tokens, units))
    mask = net.causal_mask()
    for _ in range(12):
        all_three = net.linear(net.layer_norm(x, units), units, 3 * units)
        q, k, v = net.op("Split", all_three, net.constant([units] * 3, numpy.int64), outputs=3,
                         axis=2)
        y = net.attention(net.heads(q, net.tokens, heads, size),
                          net.heads(k, net.tokens, heads, size, (0, 2, 3, 1)),
                          net.heads(v, net.tokens, heads, size), size, net.tokens, heads, mask)
        x = net.op("Add", net.linear(y, units, units), x)
        y = net.gelu_tanh(net.linear(net.layer_norm(x, units), units, 4 * units))
        x = net.op("Add", net.linear(y, 4 * units, units), x)
    net.output(net.linear(net.layer_norm(x, units), units, 50257, False), "logits")


def rotated(net, x, size, cosines, sines):
    """Su et al., arXiv:2104.09864."""
    low, high = net.op("Split", x, net.constant([size // 2] * 2, numpy.int64), outputs=2, axis=3)
    turned = net.op("Concat", net.op("Neg", high), low, axis=3)
    return net.op("Add", net.op("Mul", x, cosines), net.op("Mul", turned, sines))


def shared(net, x, heads, groups, size, length):
    """Keys or values [batch, groups, length, size], repeated for the heads that share them."""
    wide = net.op("Unsqueeze", x, net.constant([2], numpy.int64))
    wide = net.op("Expand", wide, net.constant([net.batch, groups, heads // groups, length, size],
                                               numpy.int64))
    return net.reshape(wide, net.batch, heads, length, size)


def smollm(net):
    """The sizes of SmolLM-135M, ten of its thirty layers, which are Llama's (Touvron et al.,
    arXiv:2302.13971): a decoder with its cache, whose heads share keys."""
    units, heads, groups, size, inner = 576, 9, 3, 64, 1536
    length = net.past + net.tokens
    x = net.embedding(net.input("input_ids", [net.batch, net.tokens], INT64), 49152, units)
    angles = (numpy.arange(net.past, length)[:, None]
              * 10000.0 ** (-numpy.arange(size // 2) * 2 / size)[None])
    angles = numpy.concatenate([angles, angles], 1)[None, None]
    cosines, sines = net.constant(numpy.cos(angles)), net.constant(numpy.sin(angles))
    mask = net.causal_mask() if net.tokens > 1 else None
    for layer in range(10):
        normed = net.rms_norm(x, units)
        q = net.heads(net.linear(normed, units, units, False), net.tokens, heads, size)
        k, v = (net.heads(net.linear(normed, units, groups * size, False), net.tokens, groups, size)
                for _ in range(2))
        q, k = (rotated(net, value, size, cosines, sines) for value in (q, k))
        if net.past:
            before = [net.input(f"past.{layer}.{part}", [net.batch, groups, net.past, size])
                      for part in ("k", "v")]
            k, v = (net.op("Concat", *pair, axis=2) for pair in zip(before, (k, v)))
            net.output(k, f"present.{layer}.k")
            net.output(v, f"present.{layer}.v")
        keys = net.op("Transpose", shared(net, k, heads, groups, size, length), perm=(0, 1, 3, 2))
        y = net.attention(q, keys, shared(net, v, heads, groups, size, length), size, net.tokens,
                          heads, mask)
        x = net.op("Add", x, net.linear(y, units, units, False))
        normed = net.rms_norm(x, units)
        gate = net.linear(normed, units, inner, False)
        gate = net.op("Mul", gate, net.op("Sigmoid", gate))
        y = net.op("Mul", gate, net.linear(normed, units, inner, False))
        x = net.op("Add", x, net.linear(y, inner, units, False))
    net.output(net.linear(net.rms_norm(x, units), units, 49152, False), "logits")


def detr(net):
    """The transformer of DETR (Carion et al., arXiv:2005.12872) behind its backbone: `tokens`
    places of the image's map, 100 queries, classes and boxes."""
    units, heads, inner, queries = 256, 8, 2048, 100
    memory = net.input("features", [net.batch, net.tokens, units])
    places = net.weight(1, net.tokens, units)

    def feed_forward(x):
        y = net.linear(net.op("Relu", net.linear(x, units, inner)), inner, units)
        return net.layer_norm(net.op("Add", x, y), units)

    def attend(x, to, lengths):
        return net.layer_norm(net.op("Add", x, net.attend(x, to, units, heads, lengths)), units)

    for _ in range(6):
        x = net.op("Add", memory, places)
        memory = feed_forward(attend(x, x, (net.tokens, net.tokens)))
    x = net.op("Expand", net.weight(1, queries, units),
               net.constant([net.batch, queries, units], numpy.int64))
    for _ in range(6):
        x = attend(x, x, (queries, queries))
        x = feed_forward(attend(x, memory, (queries, net.tokens)))
    net.output(net.linear(x, units, 92), "classes")
    box = x
    for _ in range(2):
        box = net.op("Relu", net.linear(box, units, units))
    net.output(net.op("Sigmoid", net.linear(box, units, 4)), "boxes")


FAMILIES = {make.__name__: make for make in (minilm, distilbert, t5_small, gpt2, smollm, detr)}


def rebound(source, tokens):
    model = onnx.load(source)
    for value in model.graph.input:
        value.type.tensor_type.shape.dim[1].dim_value = tokens
    for value in model.graph.output:
        value.type.tensor_type.ClearField("shape")
    del model.graph.value_info[:]
    return model


def main(name, *rest):
    if name == "zoo":
        onnx.save(rebound(rest[0], int(rest[1])), rest[2])
        return
    net = Net(*map(int, rest[:3]))
    FAMILIES[name](net)
    onnx.save(net.model(), rest[3])


main(*sys.argv[1:])
