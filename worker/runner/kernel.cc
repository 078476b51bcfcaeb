#include "worker/runner/kernel.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>

#include "worker/runner/cache.h"
#include "worker/runner/inputs.h"
#include "worker/runner/output_check.h"

namespace tilewright {
namespace {

// All that kernels need (compiler/targets/support/link.cc). Loaded before them, because nothing but
// the kernel can be opened then.
constexpr char kMathLibrary[] = "libm.so.6";

bool WriteWhole(int file, const char* data, size_t bytes) {
  while (bytes > 0) {
    const ssize_t written = write(file, data, bytes);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    data += written;
    bytes -= static_cast<size_t>(written);
  }
  return true;
}

}  // namespace

int64_t Kernel::BytesOf(size_t operand) const {
  const size_t arguments = spec_.arguments.size();
  if (operand >= arguments) return spec_.buffers[operand - arguments].bytes;
  const RunArgument& argument = spec_.arguments[operand];
  return ElementsOf(argument) * static_cast<int64_t>(SizeOf(argument.dtype));
}

std::string Kernel::AllocateAll() {
  for (size_t i = 0; i < spec_.arguments.size() + spec_.buffers.size(); ++i) {
    std::optional<GuardedMemory> memory = GuardedMemory::Make(BytesOf(i));
    if (!memory) return "fault not enough memory for the arguments and buffers";
    memory_.push_back(*std::move(memory));
  }
  return "";
}

std::string Kernel::ReadExpected() {
  if (spec_.write_reference) return "";
  return ReadReference(spec_, BytesOf(spec_.arguments.size() - 1), &expected_);
}

std::string Kernel::OpenFiles() {
  dlopen(kMathLibrary, RTLD_NOW | RTLD_LOCAL);
  library_file_ = open(spec_.library.c_str(), O_RDONLY | O_CLOEXEC);
  if (library_file_ < 0) return "fault cannot open " + spec_.library + ": " + strerror(errno);
  if (!spec_.write_reference) return "";
  const int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC;
  reference_file_ = open(spec_.reference.c_str(), flags, 0600);
  if (reference_file_ >= 0) return "";
  return "fault cannot write " + spec_.reference + ": " + strerror(errno);
}

Kernel::Kernel(const RunSpec& spec, std::string* error)
    : spec_(spec), pool_(spec.threads, /*bind=*/spec.threads > 1 && spec.ahead.empty()) {
  *error = AllocateAll();
  if (error->empty()) *error = ReadExpected();
  if (error->empty()) *error = OpenFiles();
}

std::string Kernel::Load() {
  library_ = dlopen(spec_.library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library_) return std::string("crash ") + dlerror();
  std::string error = Bind(spec_.prepare, &prepare_);
  if (error.empty()) error = Bind(spec_.calls, &calls_);
  return error;
}

std::string Kernel::Bind(const std::vector<RunCall>& calls, std::vector<BoundCall>* bound) const {
  for (const RunCall& call : calls) {
    const auto function = reinterpret_cast<Function>(dlsym(library_, call.symbol.c_str()));
    if (!function) return "crash the library has no symbol " + call.symbol;
    bound->push_back({function, &call, std::vector<void*>(call.operands.size())});
  }
  return "";
}

void Kernel::Settle() {
  if (!spec_.ahead.empty() && !spec_.cores.empty()) pool_.Bind(spec_.cores);
}

bool Kernel::moves() const {
  for (const GuardedMemory& memory : memory_) {
    if (memory.moves()) return true;
  }
  return false;
}

void Kernel::PlaceAt(GuardedMemory::Place place) {
  std::vector<void*> operands;
  for (GuardedMemory& memory : memory_) operands.push_back(memory.PlaceAt(place));
  for (size_t i = 0; i < spec_.arguments.size(); ++i) FillArgument(spec_, i, operands[i]);
  output_ = operands[spec_.arguments.size() - 1];
  PointTo(operands);
  ChooseCold(operands);
}

void Kernel::PointTo(const std::vector<void*>& operands) {
  for (std::vector<BoundCall>* calls : {&prepare_, &calls_}) {
    for (BoundCall& bound : *calls) {
      for (size_t i = 0; i < bound.args.size(); ++i) {
        bound.args[i] = operands[bound.call->operands[i]];
      }
    }
  }
}

// What the timed calls read cold. Weights that are only read to prepare others are of no account.
void Kernel::ChooseCold(const std::vector<void*>& operands) {
  cold_.clear();
  std::vector<bool> used(operands.size(), false);
  for (const RunCall& call : spec_.calls) {
    for (const int operand : call.operands) used[operand] = true;
  }
  for (size_t i = 0; i < operands.size(); ++i) {
    const bool argument = i < spec_.arguments.size();
    const RunBuffer buffer = argument ? RunBuffer{} : spec_.buffers[i - spec_.arguments.size()];
    if (!used[i] || !(argument ? spec_.arguments[i].cold : buffer.cold)) continue;
    cold_.push_back({operands[i], BytesOf(i)});
  }
}

void Kernel::Run(const std::vector<BoundCall>& calls) {
  for (const BoundCall& bound : calls) {
    pool_.ParallelFor(bound.call->extent, [&bound](int64_t begin, int64_t end) {
      bound.function(bound.args.data(), begin, end);
    });
  }
}

double Kernel::TimedCall() {
  for (const Region& region : cold_) EvictFromCaches(region.data, region.bytes);
  pool_.ParallelFor(pool_.threads(), [](int64_t, int64_t) {});
  const auto start = std::chrono::steady_clock::now();
  Call();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

std::string Kernel::Damage() const {
  for (size_t i = 0; i < memory_.size(); ++i) {
    const std::string where = memory_[i].Damage();
    if (where.empty()) continue;
    return "crash the kernel wrote " + where + " operand " + std::to_string(i);
  }
  return "";
}

std::string Kernel::Compare() const { return CompareOutput(spec_, output_, expected_.data()); }

std::string Kernel::WriteReference() const {
  const auto bytes = static_cast<size_t>(BytesOf(spec_.arguments.size() - 1));
  if (WriteWhole(reference_file_, static_cast<const char*>(output_), bytes)) return "";
  return "fault cannot write " + spec_.reference + ": " + strerror(errno);
}

}  // namespace tilewright
