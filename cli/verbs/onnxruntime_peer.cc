#include "cli/verbs/onnxruntime_peer.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "cli/exit_code.h"
#include "cli/paths.h"
#include "worker/process/pipe_io.h"

namespace tilewright {
namespace {

constexpr double kMostSeconds = 600;  // of loading a model, and of one run

// Arguments: the model, the inputs' npz, the outputs' npz, threads, inputs' values. Answers on
// descriptor 3: how it started, then the seconds of a run for each line of input.
constexpr char kProgram[] = R"py(
import os, sys, time
answers = os.fdopen(3, "w")
def tell(*words):
    print(*words, file=answers, flush=True)
def line(error):
    return " ".join(str(error).split())
def fixed(info, text):
    kind = {"float": "float32", "double": "float64"}.get(info.type[7:-1], info.type[7:-1])
    number = float if kind.startswith("float") else int
    if kind == "bool":
        number = lambda word: word.lower() in ("1", "true", "t", "yes", "y")
    array = numpy.array([number(word) for word in text.split(",")]).astype(kind)
    known = all(isinstance(extent, int) for extent in info.shape)
    shape = tuple(info.shape) if known else array.shape
    return numpy.full(shape, array[0]) if array.size == 1 else array.reshape(shape)
def arrays(name, value):
    if isinstance(value, list) and value and isinstance(value[0], dict):
        keys = list(value[0])
        rows = numpy.array([[row[key] for key in keys] for row in value], "float32")
        return {name: rows, name + ".classes": numpy.array([str(key) for key in keys])}
    if isinstance(value, numpy.ndarray) and value.dtype == object:
        return {name: value.astype(str)}
    return {name: value}
try:
    import numpy, onnxruntime
except ImportError as error:
    tell("missing", line(error))
    sys.exit()
try:
    model, given, made, threads, *values = sys.argv[1:]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(threads)
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    inputs = dict(numpy.load(given))
    for value in values:
        name, text = value.rsplit("=", 1)
        inputs[name] = fixed({info.name: info for info in session.get_inputs()}[name], text)
    names = [output.name for output in session.get_outputs()]
    outputs = {}
    for name, value in zip(names, session.run(names, inputs)):
        outputs.update(arrays(name, value))
    numpy.savez(made, **outputs)
except Exception as error:
    tell("refused", line(error))
    sys.exit()
tell("ready", onnxruntime.__version__)
for _ in sys.stdin:
    start = time.perf_counter()
    session.run(names, inputs)
    tell(time.perf_counter() - start)
)py";

std::string InputsIn(const PrivateFolder& folder) { return folder.path() + "/inputs.npz"; }
std::string OutputsIn(const PrivateFolder& folder) { return folder.path() + "/outputs.npz"; }

}  // namespace

absl::StatusOr<OnnxRuntimePeer> OnnxRuntimePeer::Start(const PeerModel& what) {
  TW_ASSIGN_OR_RETURN(auto folder, PrivateFolder::Make(TempFolder()));
  TW_RETURN_IF_ERROR(WriteNpz(InputsIn(*folder), what.inputs));
  std::vector<std::string> command = {"/usr/bin/env",
                                      "python3",
                                      "-c",
                                      kProgram,
                                      what.model,
                                      InputsIn(*folder),
                                      OutputsIn(*folder),
                                      absl::StrCat(what.threads)};
  command.insert(command.end(), what.input_values.begin(), what.input_values.end());
  TW_ASSIGN_OR_RETURN(Child child, Child::Start(command, ChildOutput::kOurStderr));
  OnnxRuntimePeer peer(std::move(folder), std::move(child));
  TW_RETURN_IF_ERROR(peer.AwaitStart());
  return peer;
}

absl::StatusOr<std::string> OnnxRuntimePeer::Answer() {
  absl::StatusOr<std::string> answer = ReadLine(child_.output(), DeadlineAfter(kMostSeconds));
  if (answer.ok()) return answer;
  return absl::UnavailableError(
      absl::StrCat("python3 with ONNX Runtime does not answer: ", answer.status().message()));
}

absl::Status OnnxRuntimePeer::AwaitStart() {
  TW_ASSIGN_OR_RETURN(const std::string answer, Answer());
  absl::string_view said = answer;
  if (absl::ConsumePrefix(&said, "ready ")) {
    version_ = std::string(said);
    return absl::OkStatus();
  }
  if (absl::ConsumePrefix(&said, "missing ")) {
    return absl::UnavailableError(
        absl::StrCat("python3: ", said, "; `pip install onnxruntime numpy` in its environment"));
  }
  absl::ConsumePrefix(&said, "refused ");
  return BadInput(absl::InvalidArgumentError(absl::StrCat("ONNX Runtime: ", said)));
}

absl::StatusOr<std::vector<NpzArray>> OnnxRuntimePeer::Outputs() const {
  return ReadNpz(OutputsIn(*folder_));
}

absl::StatusOr<double> OnnxRuntimePeer::Run() {
  TW_RETURN_IF_ERROR(WriteAll(child_.input(), "run\n"));
  TW_ASSIGN_OR_RETURN(const std::string answer, Answer());
  double seconds = 0;
  if (absl::SimpleAtod(answer, &seconds)) return seconds;
  return absl::UnavailableError(absl::StrCat("ONNX Runtime answered \"", answer, "\""));
}

}  // namespace tilewright
