"""A workload's key (compiler/core/workload.h) as its parts."""
import dataclasses
import math
import re


@dataclasses.dataclass
class Workload:
    key: str
    op: str
    dtype: str
    data: list
    weight: list
    attributes: dict  # name -> list of integers
    epilogue: list  # "bias", "add", "relu", ...

    @property
    def batch(self):
        """The rows of a dense layer, the images of a convolution."""
        return self.data[0]

    def image(self, axis):
        """The output's extent along the rows (0) or columns (1) of a convolution."""
        pad, stride = self.attributes["padding"], self.attributes["strides"][axis]
        window = (self.weight[2 + axis] - 1) * self.attributes["dilation"][axis] + 1
        return (self.data[2 + axis] + pad[axis] + pad[2 + axis] - window) // stride + 1


def parse(key):
    """ValueError for what is no workload of two inputs."""
    whole = re.fullmatch(r"(\w+)\(([^)]*(?:\([^)]*\)[^)]*)*?)\)((?:\+\w+(?:\([^)]*\))?)*)", key)
    inputs = re.findall(r"([a-z]\w+)\[([\d,]*)\]", whole[2]) if whole else []
    if len(inputs) != 2:
        raise ValueError(f"not a workload of two inputs: {key}")
    shapes = [[int(size) for size in sizes.split(",")] for _, sizes in inputs]
    attributes = {name: [int(value) for value in values.split(",")]
                  for name, values in re.findall(r"(\w+)=(-?[\d,-]+)(?=[;,]|$)", whole[2])}
    return Workload(key, whole[1], inputs[0][0], shapes[0], shapes[1], attributes,
                    re.findall(r"\+(\w+)", whole[3]))


def geometric_mean(values):
    return math.exp(sum(map(math.log, values)) / len(values)) if values else float("nan")
