#include "worker/network/in_turn.h"

#include <unistd.h>

#include <chrono>
#include <exception>
#include <iostream>
#include <limits>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "runtime/error.h"
#include "runtime/model.h"
#include "worker/network/model_inputs.h"
#include "worker/network/start_cpus.h"
#include "worker/runner/confine.h"
#include "worker/sandbox/system_calls.h"

namespace tilewright {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kTurnsFd = 3;
// Of the kernels' own library, which is unpacked into memory.
constexpr int64_t kLibraryBytes = 1 << 30;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

struct TurnsSpec {
  RunSpec limits;  // library is the folder
  std::vector<std::string> packages;
  size_t least = 1, most = 1;
  double seconds = 0;
};

std::vector<int> NumbersOf(const std::string& text) {
  std::vector<int> numbers;
  std::istringstream in(text);
  for (std::string word; std::getline(in, word, ',');) numbers.push_back(std::stoi(word));
  return numbers;
}

void ReadLineOf(const std::string& name, const std::string& value, TurnsSpec* spec) {
  std::istringstream in(value);
  if (name == "token") spec->limits.token = value;
  if (name == "threads") in >> spec->limits.threads;
  if (name == "cores") spec->limits.cores = NumbersOf(value);
  if (name == "folder") spec->limits.library = value;
  if (name == "memory") in >> spec->limits.memory_bytes;
  if (name == "cpu") in >> spec->limits.cpu_seconds;
  if (name == "sandbox") in >> spec->limits.require_sandbox;
  if (name == "rounds") in >> spec->least >> spec->most >> spec->seconds;
  if (name == "package") spec->packages.push_back(value);
}

TurnsSpec ReadSpec() {
  TurnsSpec spec;
  for (std::string line; std::getline(std::cin, line);) {
    const size_t space = line.find(' ');
    if (space != line.npos) ReadLineOf(line.substr(0, space), line.substr(space + 1), &spec);
  }
  spec.limits.file_bytes = kLibraryBytes;
  return spec;
}

// False: nobody reads it any more.
bool WriteAll(const std::string& text) {
  for (size_t at = 0; at < text.size();) {
    const ssize_t written = write(kTurnsFd, text.data() + at, text.size() - at);
    if (written <= 0) return false;
    at += static_cast<size_t>(written);
  }
  return true;
}

bool Tell(const TurnsSpec& spec, const std::string& text) {
  return WriteAll(spec.limits.token + " " + text + "\n");
}

std::string LackingOf(const Confinement& got, bool seccomp) {
  std::string lacking;
  const auto say = [&](bool has, const char* what) {
    if (!has) lacking += std::string(lacking.empty() ? "" : ", ") + what;
  };
  say(got.namespaces, "namespaces");
  say(got.read_only_files, "read-only file systems");
  say(got.landlock, "Landlock");
  say(seccomp, "seccomp");
  return lacking;
}

using Models = std::vector<std::unique_ptr<runtime::Model>>;

Models Load(const TurnsSpec& spec) {
  Models models;
  const int threads = spec.limits.threads;
  const StartCpus cpus;
  for (const std::string& path : spec.packages) {
    cpus.Restore();
    models.push_back(runtime::OpenModel(path, {.threads = threads, .bind = threads > 1}));
    FillModelInputs(*models.back());
  }
  return models;
}

std::string RunOne(const TurnsSpec& spec, size_t index, runtime::Model& model) {
  std::vector<double> calls(model.plan().calls.size());
  const Clock::time_point start = Clock::now();
  model.Run(calls.data(), calls.size());
  const double whole = SecondsSince(start);
  std::ostringstream line;
  line.precision(std::numeric_limits<double>::max_digits10);
  line << spec.limits.token << " run " << index << " " << whole;
  for (const double seconds : calls) line << " " << seconds;
  line << "\n";
  return line.str();
}

// Told only at the end: nobody else shall be busy while kernels are timed.
bool RunRounds(const TurnsSpec& spec, const Models& models) {
  for (const auto& model : models) model->Run();  // first touches
  std::string told;
  const Clock::time_point start = Clock::now();
  for (size_t round = 0; round < spec.most; ++round) {
    if (round >= spec.least && SecondsSince(start) >= spec.seconds) break;
    for (size_t i = 0; i < models.size(); ++i) told += RunOne(spec, i, *models[i]);
  }
  return WriteAll(told) && Tell(spec, "end");
}

bool RunConfined(const TurnsSpec& spec, const Confinement& got) {
  const Models models = Load(spec);
  const std::string lacking = LackingOf(got, ForbidSystemCalls({}));
  if (spec.limits.require_sandbox && !lacking.empty()) {
    return Tell(spec, "fault this machine lacks " + lacking);
  }
  const bool good = Tell(spec, "called " + lacking) && RunRounds(spec, models);
  _exit(good ? 0 : 1);  // no destructors: threads end, libraries unmap, as the filter forbids
}

}  // namespace

int RunInTurn() {
  const TurnsSpec spec = ReadSpec();
  const Confinement got = Confine(spec.limits);
  try {
    return RunConfined(spec, got) ? 0 : 1;
  } catch (const std::exception& error) {
    return Tell(spec, std::string("error ") + error.what()) ? 0 : 1;
  }
}

}  // namespace tilewright
