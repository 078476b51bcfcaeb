"""Models of bench/attention: `attention_models.py NAME FILE.onnx`, of a name in its table: one
layer's attention as exporters write it out, without the products before and after it."""
import sys

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper


def tensor(name, shape):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def scores(nodes, inits, heads_first, size, mask):
    """Appends: q [1,H,M,D] by key [1,H,D,N], scaled, perhaps masked, weighs v [1,H,N,D]."""
    inits.append(numpy_helper.from_array(numpy.float32(size ** -0.5), "scale"))
    q, k, v = heads_first
    nodes.append(helper.make_node("MatMul", [q, k], ["product"]))
    nodes.append(helper.make_node("Mul", ["product", "scale"], ["scaled"]))
    if mask:
        nodes.append(helper.make_node("Add", ["scaled", mask], ["masked"]))
    last = "masked" if mask else "scaled"
    nodes.append(helper.make_node("Softmax", [last], ["weights"], axis=-1))
    nodes.append(helper.make_node("MatMul", ["weights", v], ["weighed"]))
    return "weighed"


def prefill(heads, tokens, size):
    """Tokens [1,M,H*D], split by head and joined again; padding is masked."""
    nodes, inits = [], []
    inits.append(numpy_helper.from_array(numpy.array([1, tokens, heads, size]), "split"))
    inits.append(numpy_helper.from_array(numpy.array([1, tokens, heads * size]), "joined"))
    for name, order in (("q", [0, 2, 1, 3]), ("k", [0, 2, 3, 1]), ("v", [0, 2, 1, 3])):
        nodes.append(helper.make_node("Reshape", [name, "split"], [f"{name}_split"]))
        nodes.append(helper.make_node("Transpose", [f"{name}_split"], [f"{name}_heads"],
                                      perm=order))
    last = scores(nodes, inits, ("q_heads", "k_heads", "v_heads"), size, "mask")
    nodes.append(helper.make_node("Transpose", [last], ["tokens"], perm=[0, 2, 1, 3]))
    nodes.append(helper.make_node("Reshape", ["tokens", "joined"], ["y"]))
    inputs = [tensor(name, [1, tokens, heads * size]) for name in "qkv"]
    inputs.append(tensor("mask", [1, 1, 1, tokens]))
    return nodes, inputs, tensor("y", [1, tokens, heads * size]), inits


def causal(heads, groups, tokens, size):
    """ONNX's operator, which hides what comes after a query; heads share keys."""
    node = helper.make_node("Attention", ["q", "k", "v"], ["y"], is_causal=1, q_num_heads=heads,
                            kv_num_heads=groups)
    inputs = [tensor("q", [1, tokens, heads * size])]
    inputs += [tensor(name, [1, tokens, groups * size]) for name in "kv"]
    return [node], inputs, tensor("y", [1, tokens, heads * size]), []


def decode(heads, keys, size):
    """One query beside a cache of keys and values, head by head."""
    nodes, inits = [helper.make_node("Transpose", ["k"], ["k_columns"], perm=[0, 1, 3, 2])], []
    last = scores(nodes, inits, ("q", "k_columns", "v"), size, None)
    nodes[-1].output[0] = "y"
    assert last == "weighed"
    inputs = [tensor("q", [1, heads, 1, size])]
    inputs += [tensor(name, [1, heads, keys, size]) for name in "kv"]
    return nodes, inputs, tensor("y", [1, heads, 1, size]), inits


def main(name, path):
    kind, *sizes = name.split("_")
    make = {"prefill": prefill, "causal": causal, "decode": decode}[kind]
    nodes, inputs, output, inits = make(*map(int, sizes))
    graph = helper.make_graph(nodes, name, inputs, [output], inits)
    opset = 23 if kind == "causal" else 17
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    model.ir_version = 10
    onnx.save(model, path)


main(*sys.argv[1:3])
