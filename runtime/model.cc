#include "runtime/model.h"

#include <chrono>

#include "runtime/cpu_info.h"
#include "runtime/error.h"

namespace tilewright::runtime {
namespace {

size_t Aligned(size_t bytes) { return (bytes + 63) / 64 * 64; }

// Inputs and outputs stay out of the planned arena: their contents outlive a run.
size_t AllBufferBytes(const ExecutionPlan& plan) {
  size_t total = Aligned(static_cast<size_t>(plan.arena_bytes));
  for (const PlanTensor& tensor : plan.tensors) {
    if (tensor.place == "input" || tensor.place == "output") total += Aligned(BytesOf(tensor));
  }
  return total;
}

}  // namespace

Model::Model(const std::string& path, const ModelOptions& options)
    : file_(path),
      package_(ReadPackage(file_.bytes(), ReadCpuInfo())),
      kernels_(package_.so),
      arena_(AllBufferBytes(package_.plan)),
      pool_(options.threads, options.bind) {
  PlaceTensors();
  BindCalls();
}

void Model::PlaceTensors() {
  // Kernels take void* for every argument and write only to the last, never a constant.
  char* const params = const_cast<char*>(package_.params.data());
  char* next = arena_.data() + Aligned(static_cast<size_t>(package_.plan.arena_bytes));
  for (const PlanTensor& tensor : package_.plan.tensors) {
    if (tensor.place == "arena") {
      places_.push_back(arena_.data() + tensor.offset);
    } else if (tensor.place == "param") {
      places_.push_back(params + tensor.offset);
    } else {
      places_.push_back(next);
      next += Aligned(BytesOf(tensor));
    }
  }
  const auto end = [this](int id) {
    const PlanTensor& tensor = package_.plan.tensors[static_cast<size_t>(id)];
    return End{&tensor, places_[static_cast<size_t>(id)], BytesOf(tensor)};
  };
  for (const int id : package_.plan.inputs) inputs_.push_back(end(id));
  for (const int id : package_.plan.outputs) outputs_.push_back(end(id));
}

void Model::BindCalls() {
  for (const PlanCall& planned : package_.plan.calls) {
    void* address = kernels_.Find(planned.kernel);
    if (address == nullptr) throw BadPackage("mod.so has no kernel " + planned.kernel);
    Call call = {reinterpret_cast<Kernel>(address), {}, planned.extent};
    for (const int id : planned.args) call.args.push_back(places_[static_cast<size_t>(id)]);
    calls_.push_back(std::move(call));
  }
}

void Model::RunCall(const Call& call) {
  pool_.ParallelFor(call.extent, [&call](int64_t begin, int64_t end) {
    call.kernel(call.args.data(), begin, end);
  });
}

void Model::Run(double* seconds, size_t capacity) {
  using Clock = std::chrono::steady_clock;
  for (size_t i = 0; i < calls_.size(); ++i) {
    if (seconds == nullptr || i >= capacity) {
      RunCall(calls_[i]);
      continue;
    }
    const auto start = Clock::now();
    RunCall(calls_[i]);
    seconds[i] = std::chrono::duration<double>(Clock::now() - start).count();
  }
}

}  // namespace tilewright::runtime
