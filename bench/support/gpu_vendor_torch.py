"""Layers by PyTorch: cuDNN in both layouts, its fused forms, cuBLAS."""
NAME = "PyTorch"
ACTIVATIONS = {"relu": "relu", "sigmoid": "sigmoid", "tanh": "tanh", "gelu": "gelu",
               "silu": "silu", "hard_swish": "hardswish"}


class Vendor:
    """Raises ImportError without PyTorch, RuntimeError without a device."""

    def __init__(self):
        import torch
        if not torch.cuda.is_available():
            raise RuntimeError("it finds no device")
        torch.backends.cudnn.benchmark = True
        torch.backends.cudnn.benchmark_limit = 0  # all that there are
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.set_grad_enabled(False)
        self.torch = torch
        self.name = (f"PyTorch {torch.__version__}, cuDNN {torch.backends.cudnn.version()}, "
                     f"{torch.cuda.get_device_name()}")

    def wait(self):
        self.torch.cuda.synchronize()

    def record(self, run, times):
        """What starts so many runs as one graph."""
        graph = self.torch.cuda.CUDAGraph()
        with self.torch.cuda.graph(graph):
            for _ in range(times):
                run()
        return graph.replay

    def ways(self, workload):
        """Pairs of a name and a function that starts one run."""
        if workload.op in ("conv2d", "depthwise_conv2d"):
            return self._convolutions(workload)
        if workload.op == "dense":
            return self._dense(workload)
        if workload.op == "batch_matmul":
            a, b = self._random(workload.data, workload), self._random(workload.weight, workload)
            return [("bmm", lambda: self.torch.bmm(a, b))]
        return []

    def _random(self, shape, workload):
        dtype = getattr(self.torch, workload.dtype)
        return (self.torch.rand(shape, device="cuda") * 2 - 1).to(dtype)

    def _finish(self, workload, like):
        """What follows the bias, step by step."""
        functional = self.torch.nn.functional
        steps = []
        for name in workload.epilogue:
            if name == "add":
                other = self.torch.rand_like(like)
                steps.append(lambda x, other=other: x.add_(other))
            elif name == "clip":
                steps.append(lambda x: x.clamp_(0, 6))
            elif name in ACTIVATIONS:
                steps.append(getattr(functional, ACTIVATIONS[name]))

        def finish(x):
            for step in steps:
                x = step(x)
            return x
        return finish

    def _convolutions(self, workload):
        functional = self.torch.nn.functional
        attributes = workload.attributes
        top, left, bottom, right = attributes["padding"]
        same = top == bottom and left == right
        geometry = dict(stride=attributes["strides"], padding=(top, left),
                        dilation=attributes["dilation"], groups=attributes["groups"][0])
        ways = []
        for layout in ("contiguous_format", "channels_last"):
            form = getattr(self.torch, layout)
            x = self._random(workload.data, workload)
            if not same:  # padded beforehand, outside the clock
                x = functional.pad(x, (left, right, top, bottom))
                geometry["padding"] = (0, 0)
            x = x.contiguous(memory_format=form)
            w = self._random(workload.weight, workload).contiguous(memory_format=form)
            b = self._random([workload.weight[0]], workload)
            bias = b if "bias" in workload.epilogue else None
            y = functional.conv2d(x, w, bias, **geometry)
            finish = self._finish(workload, y)
            ways.append((layout, lambda x=x, w=w, finish=finish: finish(
                functional.conv2d(x, w, bias, **geometry))))
            if workload.epilogue == ["bias", "relu"]:
                ways.append((f"{layout}, fused", lambda x=x, w=w: self.torch.cudnn_convolution_relu(
                    x, w, b, geometry["stride"], geometry["padding"], geometry["dilation"],
                    geometry["groups"])))
            if workload.epilogue == ["bias", "add", "relu"]:
                z = self.torch.rand_like(y)
                ways.append((f"{layout}, fused",
                             lambda x=x, w=w, z=z: self.torch.cudnn_convolution_add_relu(
                                 x, w, z, 1.0, b, geometry["stride"], geometry["padding"],
                                 geometry["dilation"], geometry["groups"])))
        return ways

    def _dense(self, workload):
        functional = self.torch.nn.functional
        x = self._random(workload.data, workload)
        w = self._random(workload.weight, workload)
        b = self._random([workload.weight[0]], workload)
        bias = b if "bias" in workload.epilogue else None
        finish = self._finish(workload, functional.linear(x, w, bias))
        ways = [("linear", lambda: finish(functional.linear(x, w, bias)))]
        if workload.epilogue in (["bias", "relu"], ["bias", "gelu"]):
            ways.append(("linear, fused", lambda: self.torch._addmm_activation(
                b, x, w.t(), use_gelu="gelu" in workload.epilogue)))
        return ways
