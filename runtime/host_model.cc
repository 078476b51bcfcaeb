#include "runtime/host_model.h"

#include "runtime/error.h"
#include "runtime/timed_calls.h"

namespace tilewright::runtime {
namespace {

size_t ArenaBytes(const ExecutionPlan& plan) {
  return (static_cast<size_t>(plan.arena_bytes) + 63) / 64 * 64;
}

}  // namespace

HostModel::HostModel(MappedFile file, Package read, const ModelOptions& options)
    : Model(std::move(file), std::move(read)),
      kernels_(package().so),
      arena_(ArenaBytes(plan()) + EndBytes(plan())),
      pool_(options.threads, options.bind) {
  const std::vector<char*> places = PlaceTensors();
  SetEnds(places);
  BindCalls(places);
}

std::vector<char*> HostModel::PlaceTensors() {
  // Inputs and outputs stay out of the planned arena: their contents outlive a run.
  std::vector<char*> places = PlacesOfEnds(plan(), arena_.data() + ArenaBytes(plan()));
  // Kernels take void* for every argument and write only to the last, never a constant.
  char* const params = const_cast<char*>(package().params.data());
  for (size_t i = 0; i < places.size(); ++i) {
    const PlanTensor& tensor = plan().tensors[i];
    if (tensor.place == "arena") places[i] = arena_.data() + tensor.offset;
    if (tensor.place == "param") places[i] = params + tensor.offset;
  }
  return places;
}

void HostModel::BindCalls(const std::vector<char*>& places) {
  for (const PlanCall& planned : plan().calls) {
    void* address = kernels_.Find(planned.kernel);
    if (address == nullptr) throw BadPackage("mod.so has no kernel " + planned.kernel);
    Call call = {reinterpret_cast<Kernel>(address), {}, planned.extent};
    for (const int id : planned.args) call.args.push_back(places[static_cast<size_t>(id)]);
    calls_.push_back(std::move(call));
  }
}

void HostModel::RunCall(const Call& call) {
  pool_.ParallelFor(call.extent, [&call](int64_t begin, int64_t end) {
    call.kernel(call.args.data(), begin, end);
  });
}

void HostModel::Run(double* seconds, size_t capacity) {
  ForEachCall(calls_, seconds, capacity, [this](const Call& call, bool) { RunCall(call); });
}

}  // namespace tilewright::runtime
