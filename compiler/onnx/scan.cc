// Scan: a copy of the body for each element of the scanned dimension. Before opset 9 it is repeated
// for each element of a batch, the first dimension of everything.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/concatenate.h"
#include "compiler/onnx/graph_bodies.h"
#include "compiler/onnx/importer.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright {
namespace {

// Entry i of a list that may be shorter: 0 then.
int64_t Entry(const std::vector<int64_t>& list, size_t i) { return i < list.size() ? list[i] : 0; }

}  // namespace

// Inputs: states, then what is scanned; results: states, then what is collected.
struct Importer::ScanForm {
  onnx::GraphProto* body;
  size_t states, scanned, collected;
  std::vector<int64_t> in_axes, in_back, out_axes, out_back;
  std::vector<size_t> axes;  // of the scanned inputs
  int64_t length = -1;
};

// How the inputs are scanned: finds the axes and their one length.
absl::Status Importer::MeasureScan(const OpBuilder& b, const Values& inputs, ScanForm& form) {
  form.axes.clear();
  for (size_t i = 0; i < form.scanned; ++i) {
    const Shape& shape = b.ShapeOf(inputs[form.states + i]);
    TW_ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(Entry(form.in_axes, i), shape.size()));
    if (form.length >= 0 && shape[axis] != form.length) {
      return absl::InvalidArgumentError("its scan inputs have different lengths");
    }
    form.length = shape[axis];
    form.axes.push_back(axis);
  }
  if (form.length <= kMaxIterations) return absl::OkStatus();
  return absl::UnimplementedError(
      absl::StrCat("scans ", form.length, " elements; at most ", kMaxIterations, " are supported"));
}

absl::StatusOr<Importer::Values> Importer::ScanOnce(const Scope& scope, ScanForm form, OpBuilder& b,
                                                    const Values& given) {
  TW_RETURN_IF_ERROR(MeasureScan(b, given, form));
  const auto states = static_cast<std::ptrdiff_t>(form.states);
  Values state(given.begin(), given.begin() + states);
  std::vector<Values> outputs(form.collected);
  for (int64_t t = 0; t < form.length; ++t) {
    Values inputs = state;
    for (size_t i = 0; i < form.scanned; ++i) {
      const int64_t at = Entry(form.in_back, i) != 0 ? form.length - 1 - t : t;
      TW_ASSIGN_OR_RETURN(inputs.emplace_back(),
                          ElementAt(b, given[form.states + i], form.axes[i], at));
    }
    TW_ASSIGN_OR_RETURN(const Values results, ConvertBody(*form.body, &scope, inputs));
    std::copy_n(results.begin(), states, state.begin());
    for (size_t k = 0; k < form.collected; ++k) {
      const bool back = Entry(form.out_back, k) != 0;
      outputs[k].insert(back ? outputs[k].begin() : outputs[k].end(), results[form.states + k]);
    }
  }
  for (size_t k = 0; k < form.collected; ++k) {
    if (outputs[k].empty()) return absl::UnimplementedError("scans no elements");
    TW_RETURN_IF_ERROR(CheckAreTensors(outputs[k], "what it collects"));
    TW_ASSIGN_OR_RETURN(const size_t axis,
                        NormalizeAxis(Entry(form.out_axes, k), b.RankOf(outputs[k][0]) + 1));
    TW_ASSIGN_OR_RETURN(state.emplace_back(), Stack(b, std::move(outputs[k]), axis));
  }
  return state;
}

// Opset 8: the first input may say how long each sequence of the batch is.
absl::StatusOr<Importer::Values> Importer::ScanBatch(const Scope& scope, ScanForm form,
                                                     OpBuilder& b) {
  if (b.HasInput(0)) {
    return absl::UnimplementedError(
        "sequence_lens is not supported: export the model with opset 9 or newer");
  }
  const Values inputs(b.Inputs().begin() + 1, b.Inputs().end());
  for (ValueId input : inputs) TW_RETURN_IF_ERROR(CheckRank(b, input, 1, kMaxRank));
  const int64_t batch = b.ShapeOf(inputs[0])[0];
  std::vector<Values> results(form.states + form.collected);
  for (int64_t i = 0; i < batch; ++i) {
    Values slices;
    for (ValueId input : inputs) {
      if (b.ShapeOf(input)[0] != batch) {
        return absl::InvalidArgumentError("its inputs have different batches");
      }
      TW_ASSIGN_OR_RETURN(slices.emplace_back(), ElementAt(b, input, 0, i));
    }
    TW_ASSIGN_OR_RETURN(const Values one, ScanOnce(scope, form, b, slices));
    for (size_t k = 0; k < one.size(); ++k) results[k].push_back(one[k]);
  }
  Values all;
  for (Values& list : results) {
    if (list.empty()) return absl::UnimplementedError("scans no elements");
    TW_ASSIGN_OR_RETURN(all.emplace_back(), Stack(b, std::move(list), 0));
  }
  return all;
}

absl::StatusOr<Importer::Values> Importer::ConvertScan(const Scope& scope, onnx::NodeProto& node,
                                                       OpBuilder& b) {
  // The optional input of opset 8 is the first.
  const Values inputs(b.Inputs().begin() + (b.opset() < 9 && b.num_inputs() > 0 ? 1 : 0),
                      b.Inputs().end());
  TW_RETURN_IF_ERROR(CheckAreTensors(inputs, "an input"));
  ScanForm form{};
  TW_ASSIGN_OR_RETURN(form.body, BodyOf(node, "body"));
  const int64_t scanned = b.Int("num_scan_inputs", 0);
  const int64_t states = static_cast<int64_t>(inputs.size()) - scanned;
  if (scanned < 1 || states < 0 || form.body->output_size() < states) {
    return absl::InvalidArgumentError("num_scan_inputs does not fit its inputs");
  }
  form.states = static_cast<size_t>(states);
  form.scanned = static_cast<size_t>(scanned);
  form.collected = static_cast<size_t>(form.body->output_size() - states);
  form.in_axes = b.Ints("scan_input_axes", {});
  form.in_back = b.Ints(b.opset() < 9 ? "directions" : "scan_input_directions", {});
  form.out_axes = b.Ints("scan_output_axes", {});
  form.out_back = b.Ints("scan_output_directions", {});
  return b.opset() < 9 ? ScanBatch(scope, form, b) : ScanOnce(scope, form, b, b.Inputs());
}

}  // namespace tilewright
