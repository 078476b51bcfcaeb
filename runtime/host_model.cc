#include "runtime/host_model.h"

#include <algorithm>

#include "runtime/error.h"
#include "runtime/timed_calls.h"

namespace tilewright::runtime {
namespace {

size_t ArenaBytes(const std::vector<ExecutionPlan>& plans) {
  int64_t most = 0;
  for (const ExecutionPlan& plan : plans) most = std::max(most, plan.arena_bytes);
  return (static_cast<size_t>(most) + 63) / 64 * 64;
}

}  // namespace

HostModel::HostModel(MappedFile file, Package read, const ModelOptions& options)
    : Model(std::move(file), std::move(read)),
      kernels_(package().so),
      arena_(ArenaBytes(plans()) + EndBytes(plans())),
      pool_(options.threads, options.bind) {
  PlaceEnds(arena_.data() + ArenaBytes(plans()));
  for (const ExecutionPlan& plan : plans()) calls_.push_back(BindCalls(plan));
}

std::vector<char*> HostModel::PlaceTensors(const ExecutionPlan& plan) {
  // Inputs and outputs stay out of the planned arena: their contents outlive a run.
  std::vector<char*> places = PlacesOfEnds(plan, arena_.data() + ArenaBytes(plans()));
  // Kernels take void* for every argument and write only to the last, never a constant.
  char* const params = const_cast<char*>(package().params.data());
  for (size_t i = 0; i < places.size(); ++i) {
    const PlanTensor& tensor = plan.tensors[i];
    if (tensor.place == "arena") places[i] = arena_.data() + tensor.offset;
    if (tensor.place == "param") places[i] = params + tensor.offset;
  }
  return places;
}

std::vector<HostModel::Call> HostModel::BindCalls(const ExecutionPlan& plan) {
  const std::vector<char*> places = PlaceTensors(plan);
  std::vector<Call> calls;
  for (const PlanCall& planned : plan.calls) {
    void* address = kernels_.Find(planned.kernel);
    if (address == nullptr) throw BadPackage("mod.so has no kernel " + planned.kernel);
    Call call = {reinterpret_cast<Kernel>(address), {}, planned.extent};
    for (const int id : planned.args) call.args.push_back(places[static_cast<size_t>(id)]);
    calls.push_back(std::move(call));
  }
  return calls;
}

void HostModel::RunCall(const Call& call) {
  pool_.ParallelFor(call.extent, [&call](int64_t begin, int64_t end) {
    call.kernel(call.args.data(), begin, end);
  });
}

void HostModel::Execute(double* seconds, size_t capacity) {
  ForEachCall(calls_[current()], seconds, capacity,
              [this](const Call& call, bool) { RunCall(call); });
}

}  // namespace tilewright::runtime
