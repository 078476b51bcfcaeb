// tilewright-network-runner [THREADS [DEVICE]]: loads packages and runs them whole, one run when it
// is told, in a process of its own that a kernel may take down. Lines on standard input are
// answered by one line each on descriptor 3:
//   "load PATH"   "ok N"      N: calls of the plan; packages are numbered from 0
//   "run I"       "ok WHOLE CALL CALL ..."   wall seconds
//   "limits N"    "ok FLOPS BYTES"           a second of one thread where N bytes are read again
//                                            and again (worker/machine/peaks.h); 0: unknown, as of
//                                            devices
// or "error TEXT". Ends with its input. Links nothing but libc, libseccomp and the runtime.
//
// tilewright-network-runner --in-turn: a farm's worker asks once (worker/network/in_turn.h).
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "runtime/error.h"
#include "runtime/model.h"
#include "worker/machine/peaks.h"
#include "worker/network/in_turn.h"
#include "worker/network/model_inputs.h"
#include "worker/network/start_cpus.h"
#include "worker/runner/ok_line.h"

namespace tilewright {
namespace {

constexpr int kAnswerFd = 3;

class Runner {
 public:
  Runner(int threads, std::string device) : threads_(threads), device_(std::move(device)) {}

  std::string Answer(const std::string& line) {
    std::istringstream words(line);
    std::string verb;
    words >> verb >> std::ws;
    try {
      if (verb == "load") return Load(line.substr(std::min(line.size(), verb.size() + 1)));
      if (verb == "run") return Run(words);
      if (verb == "limits") return Limits(words);
    } catch (const std::exception& error) {
      return std::string("error ") + error.what();
    }
    return "error unknown request " + verb;
  }

 private:
  std::string Load(const std::string& path) {
    cpus_.Restore();
    auto model = runtime::OpenModel(
        path, runtime::ModelOptions{.threads = threads_, .bind = threads_ > 1, .device = device_});
    FillModelInputs(*model);
    model->Run();  // first touches
    models_.push_back(std::move(model));
    return "ok " + std::to_string(models_.back()->plan().calls.size());
  }

  std::string Run(std::istringstream& words) {
    size_t index = 0;
    if (!(words >> index) || index >= models_.size()) return "error there is no such package";
    runtime::Model& model = *models_[index];
    std::vector<double> seconds(1 + model.plan().calls.size());
    const auto start = std::chrono::steady_clock::now();
    model.Run(seconds.data() + 1, seconds.size() - 1);
    seconds[0] = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return OkLine(seconds);
  }

  std::string Limits(std::istringstream& words) const {
    size_t bytes = 0;
    if (!(words >> bytes)) return "error limits of how many bytes?";
    if (!device_.empty()) return OkLine({0, 0});
    return OkLine({1e9 * MeasureFmaPeakGflops(), MeasureReadBandwidth(bytes)});
  }

  const int threads_;
  const std::string device_;
  const StartCpus cpus_;
  std::vector<std::unique_ptr<runtime::Model>> models_;
};

bool WriteLine(const std::string& line) {
  const std::string text = line + "\n";
  for (size_t at = 0; at < text.size();) {
    const ssize_t written = write(kAnswerFd, text.data() + at, text.size() - at);
    if (written <= 0) return false;
    at += static_cast<size_t>(written);
  }
  return true;
}

int Main(int argc, char** argv) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (argc > 1 && std::strcmp(argv[1], "--in-turn") == 0) return RunInTurn();
  const int threads = argc > 1 ? std::atoi(argv[1]) : 1;
  if (threads < 1) return 2;
  Runner runner(threads, argc > 2 ? argv[2] : "");
  for (std::string line; std::getline(std::cin, line);) {
    if (!WriteLine(runner.Answer(line))) break;
  }
  return 0;
}

}  // namespace
}  // namespace tilewright

int main(int argc, char** argv) { return tilewright::Main(argc, argv); }
