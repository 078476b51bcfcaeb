// The limits of an execution plan (declared in runtime/read_package.h).
#include <algorithm>
#include <limits>
#include <set>
#include <string>

#include "runtime/error.h"
#include "runtime/read_package.h"

namespace tilewright::runtime {
namespace {

constexpr size_t kMaxItems = size_t{1} << 20;
constexpr size_t kMaxRank = 8;
constexpr size_t kMaxPlans = 256;
constexpr int64_t kMaxBytes = int64_t{1} << 40;
constexpr int64_t kMaxThreads = 1024;  // of a block, on every device there is

// Bytes of one element of a dtype by numpy's name, or bfloat16; 0 when unknown.
int64_t BytesOfType(const std::string& dtype) {
  if (dtype == "bool" || dtype == "int8" || dtype == "uint8") return 1;
  if (dtype == "int16" || dtype == "uint16") return 2;
  if (dtype == "float16" || dtype == "bfloat16") return 2;
  if (dtype == "float32" || dtype == "int32" || dtype == "uint32") return 4;
  if (dtype == "float64" || dtype == "int64" || dtype == "uint64") return 8;
  return 0;
}

std::string Quoted(const PlanTensor& tensor) { return "tensor \"" + tensor.name + "\""; }

void CheckType(const PlanTensor& tensor) {
  int64_t bytes = BytesOfType(tensor.dtype);
  if (bytes == 0) throw BadPackage(Quoted(tensor) + " has unknown type " + tensor.dtype);
  if (tensor.shape.size() > kMaxRank) throw BadPackage(Quoted(tensor) + " has more than 8 axes");
  for (const int64_t extent : tensor.shape) {
    if (extent < 0 || extent > kMaxBytes / std::max<int64_t>(bytes, 1)) {
      throw BadPackage(Quoted(tensor) + " has a shape out of range");
    }
    bytes *= extent;
  }
}

// Places among the classes are int64; columns are as many as they.
void CheckClasses(const PlanTensor& tensor) {
  if (tensor.classes.empty() || tensor.dtype == "int64") return;
  const auto count = static_cast<int64_t>(tensor.classes.size());
  if (!tensor.shape.empty() && tensor.shape.back() == count) return;
  throw BadPackage(Quoted(tensor) + " has " + std::to_string(count) + " classes for its columns");
}

// Where the tensor's bytes must fit; inputs and outputs have buffers of their own.
int64_t PlaceBytes(const PlanTensor& tensor, int64_t arena, int64_t params) {
  if (tensor.place == "arena") return arena;
  if (tensor.place == "param") return params;
  if (tensor.place == "input" || tensor.place == "output") {
    return std::numeric_limits<int64_t>::max();
  }
  throw BadPackage(Quoted(tensor) + " has unknown place " + tensor.place);
}

void CheckPlace(const PlanTensor& tensor, int64_t arena, int64_t params, int64_t alignment) {
  const int64_t room = PlaceBytes(tensor, arena, params);
  const auto bytes = static_cast<int64_t>(BytesOf(tensor));
  if (tensor.offset < 0 || tensor.offset % alignment != 0 || bytes > room ||
      tensor.offset > room - bytes) {
    throw BadPackage(Quoted(tensor) + " lies outside the " + tensor.place + " buffer");
  }
}

void CheckId(int id, const ExecutionPlan& plan) {
  if (id < 0 || static_cast<size_t>(id) >= plan.tensors.size()) {
    throw BadPackage("tensor id " + std::to_string(id) + " is out of range");
  }
}

// Every input or output of the model is listed once, under a name of its own.
void CheckEnds(const ExecutionPlan& plan, const std::vector<int>& ids, const std::string& place) {
  std::set<std::string> names;
  for (const int id : ids) {
    CheckId(id, plan);
    const PlanTensor& tensor = plan.tensors[static_cast<size_t>(id)];
    if (tensor.place != place) throw BadPackage(Quoted(tensor) + " is not of place " + place);
    if (!names.insert(tensor.name).second) throw BadPackage(Quoted(tensor) + " is listed twice");
  }
  const auto in_place = [&](const PlanTensor& tensor) { return tensor.place == place; };
  const auto count = std::count_if(plan.tensors.begin(), plan.tensors.end(), in_place);
  if (static_cast<size_t>(count) != ids.size()) {
    throw BadPackage("a tensor of place " + place + " is not listed");
  }
}

void CheckLaunch(const PlanCall& call) {
  int64_t threads = 1;
  for (size_t d = 0; d < 3; ++d) {
    const bool fits = call.grid[d] >= 1 && call.grid[d] <= std::numeric_limits<int32_t>::max() &&
                      call.block[d] >= 1 && call.block[d] <= kMaxThreads / threads;
    if (!fits) throw BadPackage("call " + call.kernel + " has a grid or block out of range");
    threads *= call.block[d];
  }
}

void CheckCall(const PlanCall& call, const ExecutionPlan& plan) {
  if (call.args.empty()) throw BadPackage("call " + call.kernel + " has no arguments");
  for (const int id : call.args) CheckId(id, plan);
  if (call.extent < 0 || call.extent > std::numeric_limits<int32_t>::max()) {
    throw BadPackage("call " + call.kernel + " has an extent out of range");
  }
  CheckLaunch(call);
  const PlanTensor& written = plan.tensors[static_cast<size_t>(call.args.back())];
  if (written.place == "param" || written.place == "input") {
    throw BadPackage("call " + call.kernel + " writes to " + Quoted(written) + ", a constant");
  }
}

// How many samples an end holds along an axis of a padding; 0 where it has none.
int64_t SamplesOf(const ExecutionPlan& plan, int id, int axis) {
  const PlanTensor& tensor = plan.tensors[static_cast<size_t>(id)];
  if (axis < -1 || axis >= static_cast<int>(tensor.shape.size())) {
    throw BadPackage(Quoted(tensor) + " has no axis " + std::to_string(axis) + " to pad");
  }
  return axis < 0 ? 0 : tensor.shape[static_cast<size_t>(axis)];
}

// Every input that has samples has the same number, and every output a multiple of it.
void CheckPadding(const PlanPadding& padding, const ExecutionPlan& plan) {
  if (padding.inputs.size() != plan.inputs.size() ||
      padding.outputs.size() != plan.outputs.size()) {
    throw BadPackage("a padding names an axis too few or too many");
  }
  int64_t samples = 0;
  for (size_t i = 0; i < padding.inputs.size(); ++i) {
    const int64_t here = SamplesOf(plan, plan.inputs[i], padding.inputs[i]);
    if (samples == 0) samples = here;
    if (here != 0 && here != samples) throw BadPackage("a padding's inputs differ in extent");
  }
  if (samples == 0) throw BadPackage("a padding concerns no input");
  for (size_t i = 0; i < padding.outputs.size(); ++i) {
    if (SamplesOf(plan, plan.outputs[i], padding.outputs[i]) % samples != 0) {
      throw BadPackage("a padding's output is no multiple of its inputs");
    }
  }
}

void CheckSameEnds(const ExecutionPlan& plan, const std::vector<int>& ids,
                   const ExecutionPlan& first, const std::vector<int>& first_ids) {
  if (ids.size() != first_ids.size()) throw BadPackage("its plans differ in inputs or outputs");
  for (size_t i = 0; i < ids.size(); ++i) {
    const PlanTensor& a = plan.tensors[static_cast<size_t>(ids[i])];
    const PlanTensor& b = first.tensors[static_cast<size_t>(first_ids[i])];
    if (a.name != b.name || a.dtype != b.dtype || a.shape.size() != b.shape.size() ||
        a.classes != b.classes) {
      throw BadPackage("its plans differ in " + Quoted(b));
    }
  }
}

}  // namespace

size_t ElementBytes(const PlanTensor& tensor) {
  return static_cast<size_t>(BytesOfType(tensor.dtype));
}

size_t BytesOf(const PlanTensor& tensor) {
  int64_t bytes = BytesOfType(tensor.dtype);
  for (const int64_t extent : tensor.shape) bytes *= extent;
  return static_cast<size_t>(bytes);
}

void CheckPlan(const ExecutionPlan& plan, size_t params_bytes, int64_t alignment) {
  if (plan.arena_bytes < 0 || plan.arena_bytes > kMaxBytes) {
    throw BadPackage("arena_bytes is out of range");
  }
  if (plan.tensors.size() > kMaxItems || plan.calls.size() > kMaxItems) {
    throw BadPackage("more than 2^20 tensors or calls");
  }
  for (const PlanTensor& tensor : plan.tensors) {
    CheckType(tensor);
    CheckClasses(tensor);
    CheckPlace(tensor, plan.arena_bytes, static_cast<int64_t>(params_bytes), alignment);
  }
  CheckEnds(plan, plan.inputs, "input");
  CheckEnds(plan, plan.outputs, "output");
  for (const PlanCall& call : plan.calls) CheckCall(call, plan);
  for (const PlanPadding& padding : plan.padding) CheckPadding(padding, plan);
}

void CheckPlans(const std::vector<ExecutionPlan>& plans, size_t params_bytes, int64_t alignment) {
  if (plans.empty() || plans.size() > kMaxPlans) throw BadPackage("it has no or over 256 plans");
  for (const ExecutionPlan& plan : plans) {
    CheckPlan(plan, params_bytes, alignment);
    CheckSameEnds(plan, plan.inputs, plans[0], plans[0].inputs);
    CheckSameEnds(plan, plan.outputs, plans[0], plans[0].outputs);
  }
}

}  // namespace tilewright::runtime
