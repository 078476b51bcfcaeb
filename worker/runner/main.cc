// tilewright-runner: runs one kernel in a confined process. Reads a RunSpec from standard input, up
// to kEndOfSpec, and writes to descriptor 3: just before the kernel's library is loaded, and with
// it its first code runs, the line "called", followed by what the machine lacks to confine it; once
// all is made that needs no quiet core, the spec's token and "ready". Then it waits for a GoLine,
// after which the end of the input ends spare time (worker/runner/sampling.h). The answer is the
// token and one of "ok SECONDS...", "wrong_result TEXT", "crash TEXT" and "fault TEXT", the last
// when this machine and not the kernel is to blame; what fails earlier is answered instead of
// "ready". Anything the kernel does to standard output is nobody's concern. Links nothing but libc,
// libseccomp and the runtime.
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "worker/run_spec.h"
#include "worker/runner/confine.h"
#include "worker/runner/kernel.h"
#include "worker/runner/ok_line.h"
#include "worker/runner/sampling.h"
#include "worker/runner/turn.h"
#include "worker/sandbox/system_calls.h"

namespace tilewright {
namespace {

constexpr int kResultFd = 3;
// A warm-up call this many times above the drop limit is not worth a second one: first touches
// of caches and page tables do not explain it.
constexpr double kHopeless = 2;

// Up to the line that ends it, or to the end of standard input.
std::string ReadSpec() {
  const std::string end = std::string("\n") + kEndOfSpec;
  std::string text;
  char buffer[4096];
  while (!text.ends_with(end)) {
    const ssize_t n = read(STDIN_FILENO, buffer, sizeof(buffer));
    if (n <= 0) return text;
    text.append(buffer, static_cast<size_t>(n));
  }
  text.resize(text.size() - std::strlen(kEndOfSpec));
  return text;
}

bool WriteResult(const std::string& line) {
  const std::string text = line + "\n";
  return write(kResultFd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

// What of the sandbox the machine does not give; empty: it gives all.
std::string Lacking(const RunSpec& spec, const Confinement& got, bool seccomp) {
  std::string lacking;
  const auto say = [&](bool has, const char* what) {
    if (!has) lacking += std::string(lacking.empty() ? "" : ", ") + what;
  };
  say(got.namespaces, "namespaces");
  say(got.read_only_files || spec.write_reference, "read-only file systems");
  say(got.landlock, "Landlock");
  say(seccomp, "seccomp");
  return lacking;
}

GuardedMemory::Place FirstPlace(const RunSpec& spec, const Kernel& kernel) {
  const bool both = kernel.moves() && !spec.write_reference;
  return both ? GuardedMemory::Place::kBegin : GuardedMemory::Place::kEnd;
}

std::string MakeReference(Kernel& kernel) {
  kernel.Prepare();
  kernel.Call();
  std::string error = kernel.Damage();
  if (error.empty()) error = kernel.WriteReference();
  return error.empty() ? "ok" : error;
}

// Of a candidate that is too slow to keep the next one waiting for a sample of several calls.
RunSpec WithSamplesOfOneCall(RunSpec spec) {
  spec.sample_calls = 1;
  spec.sample_seconds = 0;
  return spec;
}

// A first call with the operands' begins at guard pages, then one with their ends there, which is
// also the warm-up of the timed ones: they find everything where it was. A hopeless candidate gets
// one call, and it is checked, unless there is time to spare.
std::string Measure(const RunSpec& spec, const SpareTimeLeft& spare, Kernel& kernel) {
  const auto first = FirstPlace(spec, kernel);
  bool hopeless = false;
  for (const auto place : {GuardedMemory::Place::kBegin, GuardedMemory::Place::kEnd}) {
    const bool last = place == GuardedMemory::Place::kEnd;
    if (!last && place != first) continue;
    if (place != first) kernel.PlaceAt(place);
    kernel.Prepare();
    const double warm_up = kernel.TimedCall();
    hopeless = spec.drop_seconds > 0 && warm_up > kHopeless * spec.drop_seconds;
    std::string error = kernel.Damage();
    if (error.empty() && (last || hopeless)) error = kernel.Compare();
    if (!error.empty()) return error;
    if (hopeless && !spare.Any()) return OkLine({warm_up});
  }
  return OkLine(Sample(hopeless ? WithSamplesOfOneCall(spec) : spec, spare, kernel));
}

// All that needs no quiet core. The library is loaded last: its constructors are a kernel's code
// too, and what they do is the kernel's doing. Empty, or the answer.
std::string Make(const RunSpec& spec, const Confinement& got, Kernel& kernel) {
  const std::string lacking = Lacking(spec, got, ForbidSystemCalls(kernel.files()));
  if (spec.require_sandbox && !lacking.empty()) return "fault this machine lacks " + lacking;
  if (!WriteResult("called " + lacking)) return "fault nobody reads the result";
  std::string error = kernel.Load();
  if (error.empty()) kernel.PlaceAt(FirstPlace(spec, kernel));
  return error;
}

// While it waits it may be woken on the slot's cores too, which are free then, and not behind what
// runs where it was made.
std::optional<double> SayReadyAndWait(const RunSpec& spec) {
  std::vector<int> either = spec.ahead;
  if (!either.empty()) either.insert(either.end(), spec.cores.begin(), spec.cores.end());
  Pin(either);
  if (!WriteResult(spec.token + " ready")) return std::nullopt;
  return AwaitTurn();
}

std::string Run(const RunSpec& spec, double spare_seconds, Kernel& kernel) {
  kernel.Settle();
  if (spec.write_reference) return MakeReference(kernel);
  return Measure(spec, SpareTimeLeft(spare_seconds), kernel);
}

// Beginning with what a kernel that writes to this descriptor does not know. No destructors: the
// kernel may have damaged the heap. The slot's cores are the next kernel's from here on: what is
// left to do, and to the system, is done elsewhere.
[[noreturn]] void Answer(const RunSpec& spec, const std::string& result) {
  const bool written = WriteResult(spec.token + " " + result);
  Pin(spec.ahead);
  _exit(written ? 0 : 1);
}

int Main() {
  const std::optional<RunSpec> spec = ParseRunSpec(ReadSpec());
  if (!spec) {
    std::fprintf(stderr, "tilewright-runner: standard input is not a run spec\n");
    return 2;
  }
  fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);  // for AwaitTurn and SpareTimeLeft
  const Confinement got = Confine(*spec);
  std::string error;
  Kernel kernel(*spec, &error);
  if (error.empty()) error = Make(*spec, got, kernel);
  if (!error.empty()) Answer(*spec, error);
  const std::optional<double> spare_seconds = SayReadyAndWait(*spec);
  if (!spare_seconds) _exit(1);
  Answer(*spec, Run(*spec, *spare_seconds, kernel));
}

}  // namespace
}  // namespace tilewright

int main() { return tilewright::Main(); }
