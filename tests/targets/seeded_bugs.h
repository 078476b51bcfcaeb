// Tasks of which tests spoil the kernels' text, to see that the emulator finds what was done.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "compiler/core/tensor.h"
#include "compiler/core/workload.h"
#include "compiler/templates/lowered_task.h"
#include "runtime/device/device.h"

namespace tilewright {

inline constexpr uint64_t kBugSeed = 9;
inline constexpr double kClose = 2e-3;  // rounding of float16

// A template's kernels, their arguments and what they compute.
struct Subject {
  Workload workload;
  LoweredTask task;
  std::vector<Tensor> args;
  Tensor want;

  // Of a task of one.
  const Program& program() const { return task.steps[0].program; }
};

Subject SubjectOf(const char* key, const char* name, const char* target, const char* entities);

// All its kernels for the emulator.
std::string TextOf(const Subject& subject);

// What the emulator says of the text; "wrong result"; or "" where nothing is found.
std::string FindingsOn(runtime::Device& device, const Subject& subject, const std::string& text);
// The same on an emulator of its own.
std::string Findings(const Subject& subject, const std::string& text);

struct SeededBug {
  const char* name;
  const Subject& (*subject)();
  const char *find, *replace;
  const char* finding;  // part of what is said; one of several, where the order of warps decides

  friend void PrintTo(const SeededBug& bug, std::ostream* out) { *out << bug.name; }
};

// The text with the bug; empty, and the test fails, where it has no place for it.
std::string WithBug(std::string text, const SeededBug& bug);
// A test's name of it.
std::string NameOf(const SeededBug& bug);

inline constexpr char kUnwritten[] = "reads what nobody wrote";
inline constexpr char kRace[] = "races with another thread";
inline constexpr char kOutside[] = "outside it";
inline constexpr char kWrong[] = "wrong result";
// A slot is filled while it is used, or used while it is filled.
inline constexpr char kOverrun[] =
    "has not yet brought|another one is under way|no more arrivals|wrong result|deadlock";

}  // namespace tilewright
