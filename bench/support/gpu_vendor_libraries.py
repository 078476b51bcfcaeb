"""Layers by cuDNN and cuBLAS themselves, without their epilogues: loaded by name, declared here.

cuDNN times its algorithms itself (cudnnFindConvolutionForwardAlgorithm); the best counts.
"""
import array
import ctypes
import random

NAME = "cuDNN and cuBLAS"
# cudnnDataType_t, cudaDataType and bytes of the types.
TYPES = {"float32": (0, 0, 4), "float16": (2, 2, 2), "bfloat16": (9, 14, 2)}
CUDNN_NCHW, CUDNN_NHWC, CUDNN_CROSS_CORRELATION = 0, 1, 1
CUDNN_TENSOR_OP_MATH, CUDNN_FMA_MATH = 1, 3  # the latter without TF32
CUBLAS_COMPUTE_32F, CUBLAS_DEFAULT = 68, -1  # without TF32 on float32
CAPTURE_RELAXED = 2
MOST_ALGORITHMS = 16


class AlgorithmTime(ctypes.Structure):
    """cudnnConvolutionFwdAlgoPerf_t."""
    _fields_ = [("algorithm", ctypes.c_int), ("status", ctypes.c_int), ("ms", ctypes.c_float),
                ("memory", ctypes.c_size_t), ("determinism", ctypes.c_int),
                ("math", ctypes.c_int), ("reserved", ctypes.c_int * 3)]


def load(*names):
    for name in names[:-1]:
        try:
            return ctypes.CDLL(name)
        except OSError:
            pass
    return ctypes.CDLL(names[-1])


def check(status, what):
    if status != 0:
        raise RuntimeError(f"{what}: error {status}")


class Vendor:
    """Raises OSError without a library, RuntimeError without a device."""

    def __init__(self):
        self.cuda = load("libcuda.so.1")
        self.dnn = load("libcudnn.so.9", "libcudnn.so.8", "libcudnn.so")
        self.blas = load("libcublas.so.13", "libcublas.so.12", "libcublas.so")
        check(self.cuda.cuInit(0), "cuInit")
        device, context = ctypes.c_int(), ctypes.c_void_p()
        check(self.cuda.cuDeviceGet(ctypes.byref(device), 0), "cuDeviceGet")
        check(self.cuda.cuDevicePrimaryCtxRetain(ctypes.byref(context), device), "a context")
        check(self.cuda.cuCtxSetCurrent(context), "the context")
        self.dnn_handle, self.blas_handle = ctypes.c_void_p(), ctypes.c_void_p()
        check(self.dnn.cudnnCreate(ctypes.byref(self.dnn_handle)), "cudnnCreate")
        check(self.blas.cublasCreate_v2(ctypes.byref(self.blas_handle)), "cublasCreate")
        self.stream, self.graph = ctypes.c_void_p(), ctypes.c_void_p()
        check(self.cuda.cuStreamCreate(ctypes.byref(self.stream), 0), "a stream")
        check(self.blas.cublasSetStream_v2(self.blas_handle, self.stream), "cuBLAS's stream")
        self.dnn.cudnnGetVersion.restype = ctypes.c_size_t
        self.name = f"cuDNN {self.dnn.cudnnGetVersion()} and cuBLAS, no epilogues"
        self.buffers = []

    def wait(self):
        check(self.cuda.cuCtxSynchronize(), "a run")

    def record(self, run, times):
        """What starts so many runs as one graph."""
        if self.graph:
            check(self.cuda.cuGraphExecDestroy(self.graph), "a graph")
        recorded, self.graph = ctypes.c_void_p(), ctypes.c_void_p()
        check(self.cuda.cuStreamBeginCapture_v2(self.stream, CAPTURE_RELAXED), "recording")
        try:
            for _ in range(times):
                run()
        finally:
            check(self.cuda.cuStreamEndCapture(self.stream, ctypes.byref(recorded)), "recording")
        check(self.cuda.cuGraphInstantiateWithFlags(ctypes.byref(self.graph), recorded,
                                                    ctypes.c_ulonglong(0)), "a graph")
        check(self.cuda.cuGraphDestroy(recorded), "a graph")
        return lambda: check(self.cuda.cuGraphLaunch(self.graph, self.stream), "a graph")

    def ways(self, workload):
        self._free()
        if workload.dtype not in TYPES:
            return []
        if workload.op in ("conv2d", "depthwise_conv2d"):
            return [way for layout in (CUDNN_NCHW, CUDNN_NHWC)
                    for way in self._convolution(workload, layout)]
        if workload.op == "dense":
            (m, k), n = workload.data, workload.weight[0]
            return [("GemmEx", self._product(workload.dtype, 1, (m, n, k), transposed=True))]
        if workload.op == "batch_matmul":
            (b, m, k), n = workload.data, workload.weight[2]
            return [("GemmStridedBatchedEx", self._product(workload.dtype, b, (m, n, k), False))]
        return []

    def _free(self):
        for pointer in self.buffers:
            self.cuda.cuMemFree_v2(pointer)
        self.buffers = []

    def _random(self, count, dtype):
        """Device memory of values in [-1, 1): zeros would be computed faster."""
        size = TYPES[dtype][2]
        floats = array.array("f", (random.uniform(-1, 1) for _ in range(min(count, 1 << 16))))
        raw = floats.tobytes()
        if dtype == "bfloat16":
            raw = b"".join(raw[i + 2:i + 4] for i in range(0, len(raw), 4))
        elif dtype == "float16":
            import struct
            raw = struct.pack(f"{len(floats)}e", *floats)
        raw = (raw * (count * size // len(raw) + 1))[:count * size]
        pointer = ctypes.c_uint64()
        check(self.cuda.cuMemAlloc_v2(ctypes.byref(pointer), ctypes.c_size_t(len(raw))), "memory")
        self.buffers.append(pointer)
        check(self.cuda.cuMemcpyHtoD_v2(pointer, raw, ctypes.c_size_t(len(raw))), "a copy")
        return ctypes.c_void_p(pointer.value)

    def _convolution(self, workload, layout):
        """The least time of an algorithm, as cuDNN measured it; nothing where none takes it."""
        top, left, bottom, right = workload.attributes["padding"]
        if top != bottom or left != right:
            return []
        dtype = TYPES[workload.dtype][0]
        made = [ctypes.c_void_p() for _ in range(4)]
        for pointer, kind in zip(made, ("Tensor", "Filter", "Tensor", "Convolution")):
            create = getattr(self.dnn, f"cudnnCreate{kind}Descriptor")
            check(create(ctypes.byref(pointer)), f"a descriptor: {kind}")
        x, w, y, conv = made
        n, c, height, width = workload.data
        k, group_c, r, s = workload.weight
        out = (n, k, workload.image(0), workload.image(1))
        check(self.dnn.cudnnSetTensor4dDescriptor(x, layout, dtype, n, c, height, width), "data")
        check(self.dnn.cudnnSetFilter4dDescriptor(w, dtype, layout, k, group_c, r, s), "weight")
        check(self.dnn.cudnnSetTensor4dDescriptor(y, layout, dtype, *out), "output")
        check(self.dnn.cudnnSetConvolution2dDescriptor(
            conv, top, left, *workload.attributes["strides"], *workload.attributes["dilation"],
            CUDNN_CROSS_CORRELATION, TYPES["float32"][0]), "convolution")
        check(self.dnn.cudnnSetConvolutionGroupCount(conv, workload.attributes["groups"][0]),
              "groups")
        exact = workload.dtype == "float32"
        check(self.dnn.cudnnSetConvolutionMathType(
            conv, CUDNN_FMA_MATH if exact else CUDNN_TENSOR_OP_MATH), "math")
        count, times = ctypes.c_int(), (AlgorithmTime * MOST_ALGORITHMS)()
        status = self.dnn.cudnnFindConvolutionForwardAlgorithm(
            self.dnn_handle, x, w, conv, y, MOST_ALGORITHMS, ctypes.byref(count), times)
        found = [t.ms for t in times[:count.value] if status == 0 and t.status == 0 and
                 (not exact or t.math != CUDNN_TENSOR_OP_MATH)]
        return [("NHWC" if layout == CUDNN_NHWC else "NCHW", float(min(found)))] if found else []

    def _product(self, dtype, batch, sizes, transposed):
        """Starts Y[m,n] = X[m,k] W, W being [n,k] or [k,n]; cuBLAS sees everything transposed."""
        m, n, k = sizes
        kind = TYPES[dtype][1]
        x, w, y = (self._random(batch * a * b, dtype) for a, b in ((m, k), (n, k), (m, n)))
        one, zero = ctypes.c_float(1), ctypes.c_float(0)
        stride = ctypes.c_longlong

        def run():
            check(self.blas.cublasGemmStridedBatchedEx(
                self.blas_handle, int(transposed), 0, n, m, k, ctypes.byref(one),
                w, kind, k if transposed else n, stride(n * k), x, kind, k, stride(m * k),
                ctypes.byref(zero), y, kind, n, stride(m * n), batch,
                CUBLAS_COMPUTE_32F, CUBLAS_DEFAULT),
                "a product")
        return run
