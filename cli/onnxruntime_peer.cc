#include "cli/onnxruntime_peer.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "cli/exit_code.h"
#include "cli/paths.h"
#include "worker/pipe_io.h"

namespace tilewright {
namespace {

constexpr double kMostSeconds = 600;  // of loading a model, and of one run

// Arguments: the model, the inputs' npz, the outputs' npz, threads. Answers on descriptor 3: how it
// started, then the seconds of a run for each line of input.
constexpr char kProgram[] = R"py(
import os, sys, time
answers = os.fdopen(3, "w")
def tell(*words):
    print(*words, file=answers, flush=True)
def line(error):
    return " ".join(str(error).split())
try:
    import numpy, onnxruntime
except ImportError as error:
    tell("missing", line(error))
    sys.exit()
try:
    model, given, made, threads = sys.argv[1:]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(threads)
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    inputs = dict(numpy.load(given))
    names = [output.name for output in session.get_outputs()]
    numpy.savez(made, **dict(zip(names, session.run(names, inputs))))
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

absl::StatusOr<OnnxRuntimePeer> OnnxRuntimePeer::Start(const std::string& model,
                                                       const std::vector<NpzArray>& inputs,
                                                       int threads) {
  TW_ASSIGN_OR_RETURN(auto folder, PrivateFolder::Make(TempFolder()));
  TW_RETURN_IF_ERROR(WriteNpz(InputsIn(*folder), inputs));
  TW_ASSIGN_OR_RETURN(Child child,
                      Child::Start({"/usr/bin/env", "python3", "-c", kProgram, model,
                                    InputsIn(*folder), OutputsIn(*folder), absl::StrCat(threads)},
                                   ChildOutput::kOurStderr));
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
