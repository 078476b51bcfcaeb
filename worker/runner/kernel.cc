#include "worker/runner/kernel.h"

#include <dlfcn.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>

#include "worker/runner/cache.h"
#include "worker/runner/inputs.h"
#include "worker/runner/output_check.h"

namespace tilewright {
namespace {

constexpr int64_t kHugePage = 2 << 20;

}  // namespace

void Kernel::Free::operator()(void* p) const { std::free(p); }

// Aligned as the calling convention asks; large ones to huge pages, as the runtime's arena is.
bool Kernel::Allocate(int64_t bytes) {
  const int64_t align = bytes >= kHugePage ? kHugePage : 64;
  const int64_t rounded = (std::max<int64_t>(bytes, 1) + align - 1) / align * align;
  void* memory = std::aligned_alloc(align, rounded);
  if (memory && align == kHugePage) madvise(memory, rounded, MADV_HUGEPAGE);
  memory_.emplace_back(memory);
  operands_.push_back(memory);
  return memory != nullptr;
}

int64_t Kernel::BytesOf(size_t argument) const {
  return sizes_[argument] * static_cast<int64_t>(SizeOf(spec_.arguments[argument].dtype));
}

std::string Kernel::AllocateAll() {
  for (const RunArgument& argument : spec_.arguments) {
    sizes_.push_back(ElementsOf(argument));
    if (!Allocate(BytesOf(sizes_.size() - 1))) {
      return "fault not enough memory for the arguments";
    }
  }
  for (const RunBuffer& buffer : spec_.buffers) {
    if (!Allocate(buffer.bytes)) return "fault not enough memory for the buffers";
  }
  return "";
}

std::string Kernel::ReadExpected() {
  if (spec_.write_reference) return "";
  return ReadReference(spec_, BytesOf(sizes_.size() - 1), &expected_);
}

Kernel::Kernel(const RunSpec& spec, std::string* error)
    : spec_(spec), pool_(spec.threads, /*bind=*/spec.threads > 1) {
  *error = AllocateAll();
  if (error->empty()) *error = ReadExpected();
  if (!error->empty()) return;
  library_ = dlopen(spec.library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library_) {
    const bool there = access(spec.library.c_str(), R_OK) == 0;
    *error = std::string(there ? "crash " : "fault ") + dlerror();
    return;
  }
  FillArguments();
  *error = Bind(spec.prepare, &prepare_);
  if (error->empty()) *error = Bind(spec.calls, &calls_);
  ChooseCold();
}

void Kernel::FillArguments() {
  for (size_t i = 0; i < spec_.arguments.size(); ++i) FillArgument(spec_, i, operands_[i]);
}

std::string Kernel::Bind(const std::vector<RunCall>& calls, std::vector<BoundCall>* bound) const {
  for (const RunCall& call : calls) {
    const auto function = reinterpret_cast<Function>(dlsym(library_, call.symbol.c_str()));
    if (!function) return "crash the library has no symbol " + call.symbol;
    BoundCall one{function, call.extent, {}};
    for (const int operand : call.operands) one.args.push_back(operands_[operand]);
    bound->push_back(std::move(one));
  }
  return "";
}

// What the timed calls read cold. Weights that are only read to prepare others are of no account.
void Kernel::ChooseCold() {
  std::vector<bool> used(operands_.size(), false);
  for (const RunCall& call : spec_.calls) {
    for (const int operand : call.operands) used[operand] = true;
  }
  for (size_t i = 0; i < operands_.size(); ++i) {
    const bool argument = i < spec_.arguments.size();
    const RunBuffer buffer = argument ? RunBuffer{} : spec_.buffers[i - spec_.arguments.size()];
    if (!used[i] || !(argument ? spec_.arguments[i].cold : buffer.cold)) continue;
    cold_.push_back({operands_[i], argument ? BytesOf(i) : buffer.bytes});
  }
}

void Kernel::Run(const std::vector<BoundCall>& calls) {
  for (const BoundCall& call : calls) {
    pool_.ParallelFor(call.extent, [&call](int64_t begin, int64_t end) {
      call.function(call.args.data(), begin, end);
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

std::string Kernel::Compare() const {
  return CompareOutput(spec_, operands_[sizes_.size() - 1], expected_.data());
}

std::string Kernel::WriteReference() const {
  std::ofstream out(spec_.reference, std::ios::binary);
  out.write(static_cast<const char*>(operands_[sizes_.size() - 1]), BytesOf(sizes_.size() - 1));
  out.close();
  return out ? "" : "fault cannot write " + spec_.reference;
}

}  // namespace tilewright
