// What the converter of an ONNX operator works with: the node's inputs and attributes, and Emit,
// which turns definitions into graph nodes. A definition whose inputs are all constant and that is
// small is evaluated at once, so that shape computations vanish and later operators find the
// concrete values they need.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "compiler/graph/graph.h"
#include "compiler/onnx/bounds.h"
#include "compiler/onnx/element_types.h"
#include "compiler/onnx/onnx.pb.h"
#include "compiler/onnx/sequences.h"
#include "compiler/onnx/strings.h"

namespace tilewright {

// Where an element is defined: the output's position, the reduction's position and the inputs.
// Elements of 16-bit floats are loaded as float32: definitions compute with them in float32, and
// what they give is rounded once to the output's type.
struct Point {
  std::vector<Buffer> in;
  std::vector<Expr> axes;
  std::vector<Expr> reduce;
  Expr acc;  // the reduction's value; set in Definition::result only

  Expr Load(size_t input, std::vector<Expr> indices) const;
  // in[input] at `axes`, broadcast: aligned at the last dimensions, dimensions of 1 repeat.
  Expr Here(size_t input) const;
};
using PointFn = std::function<Expr(const Point&)>;

// One node to be: output[axes] = result(reducer over `reduce` where predicate of body).
struct Definition {
  std::string op;  // for people: "relu"
  std::vector<ValueId> inputs;
  TensorType type;  // of the output
  PointFn body;
  Reducer reducer = Reducer::kNone;
  Shape reduce = {};            // extents of the reduction
  PointFn predicate = nullptr;  // optional
  PointFn result = nullptr;     // optional
  bool folds = true;            // false: stays a node, which a pass looks for, even of constants
};

// One node to be that is computed in order (compiler/loop/compute.h): the statement writes every
// element of the output.
struct Procedure {
  std::string op;
  std::vector<ValueId> inputs;
  TensorType type;  // of the output
  std::function<Stmt(const std::vector<Buffer>& in, const Buffer& out)> body;
};

// What has been imported so far.
struct Imported {
  Graph graph;
  Bounds bounds;
  Sequences sequences;
  ClassNames classes;
};

// One conversion. REQUIRES of every accessor: the operator's row promises the input, and of those
// that ask for a type, that it is a tensor.
class OpBuilder {
 public:
  // `imported` and `node` outlive the builder. An absent optional input is kNoValue.
  OpBuilder(Imported& imported, const onnx::NodeProto& node, int64_t opset,
            std::vector<ValueId> inputs);

  // The same node over other inputs, in the order of another operator's.
  OpBuilder WithInputs(std::vector<ValueId> inputs) const;

  const std::string& op_type() const { return node_.op_type(); }
  const std::string& name() const { return name_; }  // the node's, or its first output's
  int64_t opset() const { return opset_; }
  size_t num_inputs() const { return inputs_.size(); }
  size_t num_outputs() const { return static_cast<size_t>(node_.output_size()); }
  bool HasInput(size_t i) const { return i < inputs_.size() && inputs_[i] != kNoValue; }
  ValueId Input(size_t i) const { return inputs_[i]; }
  const std::vector<ValueId>& Inputs() const { return inputs_; }

  const TensorType& TypeOf(ValueId value) const { return graph_.values[value].type; }
  const Shape& ShapeOf(ValueId value) const { return TypeOf(value).shape; }
  DType DTypeOf(ValueId value) const { return TypeOf(value).dtype; }
  size_t RankOf(ValueId value) const { return ShapeOf(value).size(); }
  bool IsConstant(ValueId value) const { return !graph_.values[value].constant.empty(); }
  // False when the value is made of constants alone, and so is one after fold_constants.
  bool DependsOnInputs(ValueId value) const { return !InputsBehind(value).empty(); }
  // The model's inputs that the value is computed from, by name.
  std::set<std::string> InputsBehind(ValueId value) const;
  // How the user makes the value known before the run: "; fix ... with --input-value sr=NUMBER".
  // Empty where it follows from inputs of more than a few numbers.
  std::string HowToKnow(ValueId value) const;

  // The elements of an input that must be a sequence; InvalidArgument when it is not.
  absl::StatusOr<std::vector<ValueId>> SequenceInput(size_t i) const;
  ValueId Sequence(std::vector<ValueId> tensors) { return sequences_.Add(std::move(tensors)); }
  // InvalidArgument for an input that is a sequence or an empty optional.
  absl::Status CheckIsTensor(size_t i) const;

  // The value of an input that must be known now; Unimplemented "needs a constant <what>".
  absl::StatusOr<Tensor> ConstInput(size_t i, std::string_view what) const;
  // The same of any value.
  absl::StatusOr<Tensor> ConstValue(ValueId id) const;
  // The same as integers; InvalidArgument unless it is an integer tensor of at most 4096 elements.
  absl::StatusOr<std::vector<int64_t>> ConstInts(size_t i, std::string_view what) const;

  // Attributes with their default. One of another type yields the default and fails the whole
  // conversion afterwards (status()).
  bool HasAttr(std::string_view name) const { return Find(name) != nullptr; }
  int64_t Int(std::string_view name, int64_t otherwise);
  double Float(std::string_view name, double otherwise);
  std::string Str(std::string_view name, std::string otherwise);
  std::vector<int64_t> Ints(std::string_view name, std::vector<int64_t> otherwise);
  std::vector<float> Floats(std::string_view name);
  std::vector<std::string> Strings(std::string_view name);
  // The value of an attribute that is a tensor; InvalidArgument when there is none.
  absl::StatusOr<Tensor> TensorAttr(std::string_view name);
  const onnx::AttributeProto* Find(std::string_view name) const;
  std::vector<std::string> AttributeNames() const;
  // The first wrongly typed attribute, if any was asked for.
  const absl::Status& status() const { return status_; }

  // Adds a node (or a constant, when all inputs are constant and the work is small).
  // InvalidArgument when the output's shape is out of the limits.
  absl::StatusOr<ValueId> Emit(Definition definition);
  absl::StatusOr<ValueId> EmitProcedure(const Procedure& procedure);
  // Adds a node of a definition that is whole; its inputs' types are those of `inputs`.
  absl::StatusOr<ValueId> EmitCompute(std::vector<ValueId> inputs, Compute compute);
  // Adds a tunable node: Define(workload) over `inputs`. InvalidArgument when it does not check.
  absl::StatusOr<ValueId> EmitWorkload(std::vector<ValueId> inputs, Workload workload);
  ValueId Constant(Tensor tensor);

  // Says that the number of elements along a dimension depends on data (bounds.h). What is emitted
  // from the value keeps that, or is refused.
  void SetBound(ValueId value, Bound bound) { bounds_[value] = bound; }
  bool IsBounded(ValueId value) const { return bounds_.contains(value); }

  // What the value's elements or columns stand for (strings.h); null where they are numbers.
  const Names* ClassesOf(ValueId value) const;
  void SetClasses(ValueId value, Names names) { classes_[value] = std::move(names); }
  bool IsStrings(ValueId value) const { return ClassesOf(value) && DTypeOf(value) == DType::kI64; }
  ValueId Constant(StringTensor strings);

 private:
  const onnx::AttributeProto* FindTyped(std::string_view name,
                                        onnx::AttributeProto::AttributeType type);
  // The node's name for the first value, "<name>.<op>" for the further ones.
  std::string NameFor(std::string_view op) const;
  absl::Status CheckInputsHaveElements(const Definition& definition) const;
  // Whether a node of so many steps, made of these, is evaluated now.
  bool WorthFolding(const std::vector<ValueId>& inputs, int64_t elements, int64_t steps) const;
  absl::StatusOr<ValueId> Fold(const std::vector<ValueId>& inputs, const Compute& compute);
  // Adds the node, or the constant that it would give where it may be `folded`.
  absl::StatusOr<ValueId> Add(std::string op, std::vector<ValueId> inputs, Compute compute,
                              int64_t steps);

  Graph& graph_;
  Bounds& bounds_;
  Sequences& sequences_;
  ClassNames& classes_;
  const onnx::NodeProto& node_;
  int64_t opset_;
  std::vector<ValueId> inputs_;
  std::string name_;
  absl::Status status_;
};

// What a converter yields: the operator's outputs in order. Trailing ones may be missing; they
// are refused only if something reads them.
struct Outputs {
  Outputs(ValueId value) : values{value} {}                      // NOLINT: implicit
  Outputs(std::vector<ValueId> all) : values(std::move(all)) {}  // NOLINT: implicit
  std::vector<ValueId> values;
};
using Converter = std::function<absl::StatusOr<Outputs>(OpBuilder&)>;

// For OpRow::min_inputs: at least one input, and none absent (operators of any number of inputs).
inline constexpr size_t kAllInputs = static_cast<size_t>(-1);

// A row of the catalogue: how `op_type` is converted from opset `since` on. Of several rows of one
// operator the newest that the model's opset has reached is taken.
struct OpRow {
  std::string op_type;
  int64_t since;
  size_t min_inputs;  // so many of the first inputs must be present
  Converter convert;
  ElementTypes types = kEveryType;  // of the data that it computes with; others are refused
  bool takes_sequences = false;     // and optionals; others are given tensors only
  size_t data_input = 0;            // which input the data are
};
using OpList = std::vector<OpRow>;

}  // namespace tilewright
