"""One engine of bench/peers: `peer_engine.py onnxruntime|openvino MODEL THREADS` says "ready", then
answers each line of standard input with the median milliseconds of some 0.3 s of runs;
`peer_engine.py error MODEL TILEWRIGHT PACKAGE` prints the difference of our outputs from ONNX
Runtime's, relative to the output's scale; `peer_engine.py inputs MODEL FILE.npz` writes the inputs
that the engines are given."""
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy

TYPES = {"tensor(float)": numpy.float32, "tensor(int64)": numpy.int64, "tensor(int32)": numpy.int32,
         "tensor(bool)": numpy.bool_, "tensor(double)": numpy.float64}


def onnxruntime_session(model, threads):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def made_up(session):
    rng = numpy.random.default_rng(0)
    inputs = {}
    for value in session.get_inputs():
        shape = [d if isinstance(d, int) and d > 0 else 1 for d in value.shape]
        data = rng.random(shape) * 2 - 1
        if "int" in value.type:
            data = (numpy.abs(data) * 2).astype(numpy.int64)
        inputs[value.name] = data
        inputs[value.name] = inputs[value.name].astype(TYPES[value.type])
    return inputs


def runner(engine, model, threads):
    session = onnxruntime_session(model, threads)
    inputs = made_up(session)
    if engine == "onnxruntime":
        return lambda: session.run(None, inputs)
    import openvino
    core = openvino.Core()
    core.set_property("CPU", {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1,
                              "INFERENCE_PRECISION_HINT": "f32"})
    request = core.compile_model(core.read_model(model), "CPU").create_infer_request()
    return lambda: request.infer(inputs, share_inputs=True, share_outputs=True)


def serve(engine, model, threads):
    run = runner(engine, model, threads)
    for _ in range(2):
        run()
    print("ready", flush=True)
    for _ in sys.stdin:
        run()
        times = []
        end = time.perf_counter() + 0.3
        while len(times) < 3 or time.perf_counter() < end:
            start = time.perf_counter()
            run()
            times.append((time.perf_counter() - start) * 1e3)
        print(statistics.median(times), flush=True)


def as_sets(outputs, name, want):
    """Our output and the wanted one. Where the number of rows depends on the data, as many as
    count, sorted: elements that differ by less than rounding are selected in either order."""
    rows = outputs.get(f"{name}.count")
    if rows is None:
        return outputs[name], want
    got = outputs[name][:int(rows)]
    return tuple(part[numpy.lexsort(part.T)] if part.ndim == 2 else part for part in (got, want))


def difference(got, want):
    """The largest, over the wanted output's scale."""
    if got.shape != want.shape:
        return float("inf")
    scale = float(numpy.max(numpy.abs(want), initial=0)) or 1.0
    return float(numpy.max(numpy.abs(got - want), initial=0)) / scale


def error(model, tilewright, package):
    session = onnxruntime_session(model, 1)
    inputs = made_up(session)
    expected = session.run(None, inputs)
    with tempfile.TemporaryDirectory() as folder:
        numpy.savez(f"{folder}/in.npz", **inputs)
        subprocess.run([tilewright, "run", package, "-i", f"{folder}/in.npz", "-o",
                        f"{folder}/out.npz"], check=True, stdout=subprocess.DEVNULL)
        got = numpy.load(f"{folder}/out.npz")
        worst = 0.0
        for value, want in zip(session.get_outputs(), expected):
            worst = max(worst, difference(*as_sets(got, value.name, want)))
    print(worst)


if sys.argv[1] == "error":
    error(*sys.argv[2:5])
elif sys.argv[1] == "inputs":
    numpy.savez(sys.argv[3], **made_up(onnxruntime_session(sys.argv[2], 1)))
else:
    serve(sys.argv[1], sys.argv[2], int(sys.argv[3]))
