"""Quantises a model by ONNX Runtime's own tool: `peer_quantize.py FLOAT.onnx INT8.onnx`. QDQ form,
uint8 activations over random inputs, int8 weights with a scale a channel."""
import sys

import numpy
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process


class RandomInputs(CalibrationDataReader):
    def __init__(self, value):
        rng = numpy.random.default_rng(0)
        shape = [d.dim_value or 1 for d in value.type.tensor_type.shape.dim]
        self.inputs = iter([{value.name: (rng.random(shape) * 2 - 1).astype(numpy.float32)}
                            for _ in range(4)])

    def get_next(self):
        return next(self.inputs, None)


source, target = sys.argv[1:3]
prepared = target + ".prepared"
quant_pre_process(source, prepared, skip_symbolic_shape=True)
quantize_static(prepared, target, RandomInputs(onnx.load(prepared).graph.input[0]),
                quant_format=QuantFormat.QDQ, per_channel=True, weight_type=QuantType.QInt8,
                activation_type=QuantType.QUInt8)
