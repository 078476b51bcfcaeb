// tilewright-device-runner DEVICE [CORE,CORE... [FOLDER]]: keeps a device and runs candidates on
// it, one after another, on these cores, writing only to that folder (where drivers keep what they
// compile). First writes to descriptor 3 "ready LACKING", the device's name, its driver and its
// architecture, a line each, or "fault TEXT". Then a RunSpec and a line "end" on standard input are
// answered by the line "called" when all is there but the kernel's code, and by the spec's token
// and one of "ok SECONDS...", "wrong_result TEXT", "build TEXT", "crash TEXT" and "fault TEXT".
// After the last two the device may be unusable: whoever asks should start another process. With a
// line "ahead" before the spec nothing is checked or timed: the driver compiles the kernels, which
// another process with the same folder then finds compiled; "compiled" is the answer instead of
// "ok". Links nothing but libc and the runtime.
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>

#include "runtime/device/device_driver.h"
#include "runtime/error.h"
#include "worker/device_runner/claim.h"
#include "worker/device_runner/time_floor.h"
#include "worker/device_runner/timed_task.h"
#include "worker/run_spec.h"
#include "worker/runner/ok_line.h"
#include "worker/sandbox/landlock.h"

namespace tilewright {
namespace {

constexpr int kAnswerFd = 3;
constexpr std::string_view kAhead = "ahead\n";
// Of those that compile ahead: where a device is the CPU, what it times goes first.
constexpr int kAheadNice = 10;
// Compiled code that was not asked for as long is not asked for again.
constexpr auto kKeptCode = std::chrono::minutes(10);
// Runs are repeated until they take so long: what the clock and the last wait add is small then.
constexpr double kLeastSampleSeconds = 2e-3;
constexpr int kMostRuns = 1000;

bool WriteLine(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  text += '\n';
  return write(kAnswerFd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

void RunOn(const std::string& cores) {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::istringstream in(cores);
  for (std::string core; std::getline(in, core, ',');) CPU_SET(std::atoi(core.c_str()), &set);
  if (CPU_COUNT(&set) > 0) sched_setaffinity(0, sizeof(set), &set);
}

// Drivers compile into folders of their own; those of the user stay untouched.
void KeepFilesIn(const std::string& folder, const std::string& device) {
  setenv("TMPDIR", folder.c_str(), 1);
  const runtime::DeviceDriver* driver = runtime::FindDriver(runtime::KindOf(device));
  if (driver != nullptr && driver->keep_files_in != nullptr) driver->keep_files_in(folder.c_str());
}

// Drivers keep what they compile for good. PoCL: a folder a program in folders of two letters, and
// files beside them.
void ForgetOldCode(const std::string& folder) {
  namespace fs = std::filesystem;
  std::error_code error;  // another process may be doing the same
  const auto forget = [](const fs::directory_entry& entry) {
    std::error_code gone;
    const auto age = fs::file_time_type::clock::now() - entry.last_write_time(gone);
    if (!gone && age > kKeptCode) fs::remove_all(entry.path(), gone);
  };
  for (fs::directory_iterator top(folder, error), end; !error && top != end; top.increment(error)) {
    const std::string name = top->path().filename().string();
    if (name.starts_with("tempfile_")) forget(*top);
    if (name.size() != 2) continue;
    fs::directory_iterator program(top->path(), error);
    for (; !error && program != end; program.increment(error)) forget(*program);
  }
}

// What the machine does not give of the sandbox.
std::string Confine(const std::string& folder, const std::string& device) {
  if (folder.empty()) return "";
  KeepFilesIn(folder, device);
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  const bool landlock = RestrictFiles(
      {{"/", FileAccess::kRun}, {folder, FileAccess::kDrive}, {"/dev", FileAccess::kDrive}});
  return landlock ? "" : "Landlock";
}

// The first run has been checked, so that drivers which compile late have done so.
std::vector<double> Sample(const RunSpec& spec, TimedTask& task) {
  const double seconds = std::max(kLeastSampleSeconds, spec.sample_seconds);
  const auto runs = [seconds](double one) {
    return static_cast<int>(std::clamp(std::ceil(seconds / one), 1.0, double{kMostRuns}));
  };
  double one = task.Time(1);
  int times = runs(one);
  if (times > 1) {  // most of it may have been the wait
    one = task.Time(times);
    times = runs(one);
  }
  if (spec.drop_seconds > 0 && one > spec.drop_seconds) return {one};
  times = std::max(times, static_cast<int>(spec.sample_calls));
  std::vector<double> samples;
  for (double spent = 0; samples.size() < spec.max_samples; spent += samples.back() * times) {
    if (samples.size() >= spec.min_samples && spent >= spec.sampling_seconds) break;
    samples.push_back(task.Time(times));
  }
  return samples;
}

std::string ImpossibleTime(const RunSpec& spec, const runtime::DeviceInfo& info,
                           const std::vector<double>& samples) {
  const double least = *std::min_element(samples.begin(), samples.end());
  if (least >= LeastSeconds(spec.flops, spec.arguments[0].dtype, info)) return "";
  std::ostringstream text;
  text << "fault a time of " << least << " s for " << spec.flops << " operations is beyond "
       << info.name;
  return text.str();
}

// A time under a clock that is held down says nothing of a device that is well.
std::string SlowedDown(const runtime::DeviceInfo& info, const runtime::DeviceCondition& condition) {
  if (condition.slowed.empty()) return "";
  std::ostringstream text;
  text << "fault " << info.name << " is slowed down: " << condition.slowed << "; it runs at "
       << condition.clock_mhz << " of " << condition.most_clock_mhz << " MHz at "
       << condition.celsius << " degrees Celsius; look after its cooling and power";
  return text.str();
}

std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Faults until the candidate's code is in play, its crashes from there on.
std::string Measure(const RunSpec& spec, runtime::Device& device, bool ahead, bool* called) {
  TimedTask task(spec, device);
  const std::string code = ReadFile(spec.library);
  if (code.empty()) return "fault cannot read " + spec.library;
  *called = WriteLine("called");
  task.Load(code);
  if (ahead) {
    task.StartEach();
    return "compiled";
  }
  std::string error = task.Check();
  if (!error.empty()) return error;
  const std::vector<double> samples = Sample(spec, task);
  error = task.Check();
  if (error.empty()) error = ImpossibleTime(spec, device.info(), samples);
  if (error.empty()) error = SlowedDown(device.info(), task.ConditionWhileBusy());
  return error.empty() ? OkLine(samples) : error;
}

std::string Answer(const RunSpec& spec, runtime::Device& device, bool ahead) {
  bool called = false;
  try {
    return Measure(spec, device, ahead, &called);
  } catch (const runtime::Error& error) {
    if (!called) return std::string("fault ") + error.what();
    return std::string(error.code() == TW_BAD_PACKAGE ? "build " : "crash ") + error.what();
  } catch (const std::bad_alloc&) {
    return "fault not enough memory for the arguments";
  }
}

std::string NextSpec() {
  std::string text;
  for (std::string line; std::getline(std::cin, line) && line != "end";) text += line + "\n";
  return text;
}

// Who else measures on the device. Without an identity (OpenCL) nobody can tell.
std::string HolderOtherThanUs(const runtime::DeviceInfo& info) {
  return info.uuid.empty() ? "" : ClaimDevice(info.uuid);
}

bool SayReady(const runtime::DeviceInfo& info, const std::string& lacking) {
  return WriteLine("ready " + lacking) && WriteLine(info.name) && WriteLine(info.driver) &&
         WriteLine(info.arch);
}

int Main(const std::string& name, const std::string& cores, const std::string& folder) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  RunOn(cores);
  const std::string lacking = Confine(folder, name);
  std::unique_ptr<runtime::Device> device;
  try {
    device = runtime::OpenDevice(name);
  } catch (const runtime::Error& error) {
    WriteLine(std::string("fault ") + error.what());
    return 1;
  }
  if (const std::string holder = HolderOtherThanUs(device->info()); !holder.empty()) {
    WriteLine("fault " + device->info().name + " (" + device->info().uuid + ") is measured on by " +
              holder + "; two at once would disturb each other's times: end that one first");
    return 1;
  }
  if (!SayReady(device->info(), lacking)) return 1;
  for (std::string text; !(text = NextSpec()).empty();) {
    const bool ahead = text.starts_with(kAhead);
    if (ahead) setpriority(PRIO_PROCESS, 0, kAheadNice);
    const std::optional<RunSpec> spec = ParseRunSpec(ahead ? text.substr(kAhead.size()) : text);
    if (!spec) return 2;
    if (!WriteLine(spec->token + " " + Answer(*spec, *device, ahead))) return 1;
    if (!folder.empty()) ForgetOldCode(folder);
  }
  _exit(0);  // no destructors: the device may be unusable
}

}  // namespace
}  // namespace tilewright

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  return tilewright::Main(argv[1], argc > 2 ? argv[2] : "", argc > 3 ? argv[3] : "");
}
