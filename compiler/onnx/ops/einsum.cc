// Einsum: operands are contracted from left to right, each pair as a batched matrix product. What
// only one operand has and nothing reads later is summed first, and diagonals are taken before.
#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/multiply_matrices.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

// A subscript: a letter, or kEllipsis + i for the dimension that is i-th from the ellipsis' end.
using Label = int;
using Labels = std::vector<Label>;
constexpr Label kEllipsis = 256;

struct Operand {
  ValueId value;
  Labels labels;  // one a dimension; unique
};

// The subscripts of one term; -1 stands for the ellipsis.
absl::StatusOr<Labels> ParseTerm(std::string_view text) {
  Labels labels;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool letter = (text[i] >= 'a' && text[i] <= 'z') || (text[i] >= 'A' && text[i] <= 'Z');
    if (letter) {
      labels.push_back(text[i]);
    } else if (text.substr(i, 3) == "..." && std::count(labels.begin(), labels.end(), -1) == 0) {
      labels.push_back(-1);
      i += 2;
    } else {
      return absl::InvalidArgumentError("equation has something else than letters and one ...");
    }
  }
  return labels;
}

struct Equation {
  std::vector<Labels> terms;
  std::optional<Labels> output;
};

absl::StatusOr<Equation> Parse(std::string text) {
  text.erase(std::remove(text.begin(), text.end(), ' '), text.end());
  Equation equation;
  std::string_view rest = text;
  const size_t arrow = rest.find("->");
  if (arrow != std::string_view::npos) {
    TW_ASSIGN_OR_RETURN(equation.output, ParseTerm(rest.substr(arrow + 2)));
    rest = rest.substr(0, arrow);
  }
  while (true) {
    const size_t comma = rest.find(',');
    TW_ASSIGN_OR_RETURN(equation.terms.emplace_back(), ParseTerm(rest.substr(0, comma)));
    if (comma == std::string_view::npos) return equation;
    rest = rest.substr(comma + 1);
  }
}

// The ellipsis as `count` labels.
Labels Expanded(const Labels& labels, size_t count) {
  Labels all;
  for (Label label : labels) {
    if (label != -1) all.push_back(label);
    if (label == -1) {
      for (size_t i = count; i-- > 0;) all.push_back(kEllipsis + static_cast<Label>(i));
    }
  }
  return all;
}

// Without "->": the ellipsis, then in alphabetic order the letters that occur once.
Labels ImplicitOutput(const std::vector<Labels>& terms, size_t ellipsis) {
  std::map<Label, int> count;
  for (const Labels& term : terms) {
    for (Label label : term) ++count[label];
  }
  Labels output = Expanded({-1}, ellipsis);
  for (const auto& [label, times] : count) {
    if (label < kEllipsis && times == 1) output.push_back(label);
  }
  return output;
}

using Extents = std::map<Label, int64_t>;

absl::Status AddExtents(const Labels& labels, const Shape& shape, Extents& extents) {
  for (size_t d = 0; d < labels.size(); ++d) {
    int64_t& extent = extents.emplace(labels[d], 1).first->second;
    if (extent == 1) extent = shape[d];
    if (shape[d] != 1 && shape[d] != extent) {
      return absl::InvalidArgumentError(
          absl::StrCat("one subscript has the extents ", extent, " and ", shape[d]));
    }
  }
  return absl::OkStatus();
}

// Of every label one dimension: the diagonal where there are several. Dimensions of extent 1 that
// are broadcast go away.
absl::StatusOr<Operand> Distinct(OpBuilder& b, ValueId value, const Labels& labels,
                                 const Extents& extents) {
  const TensorType& from = b.TypeOf(value);
  Operand operand{value, {}};
  TensorType type{from.dtype, {}};
  for (size_t d = 0; d < labels.size(); ++d) {
    const bool seen = std::count(operand.labels.begin(), operand.labels.end(), labels[d]) > 0;
    const bool broadcast = from.shape[d] == 1 && extents.at(labels[d]) != 1;
    if (seen || broadcast) continue;
    operand.labels.push_back(labels[d]);
    type.shape.push_back(from.shape[d]);
  }
  if (operand.labels == labels) return operand;
  const Shape shape = from.shape;
  TW_ASSIGN_OR_RETURN(
      operand.value,
      b.Emit({.op = "diagonal", .inputs = {value}, .type = type, .body = [&](const Point& p) {
                Exprs at;
                for (size_t d = 0; d < labels.size(); ++d) {
                  const auto found =
                      std::find(operand.labels.begin(), operand.labels.end(), labels[d]);
                  at.push_back(shape[d] == 1 || found == operand.labels.end()
                                   ? Int(0)
                                   : p.axes[static_cast<size_t>(found - operand.labels.begin())]);
                }
                return p.Load(0, std::move(at));
              }}));
  return operand;
}

bool Has(const Labels& labels, Label label) {
  return std::find(labels.begin(), labels.end(), label) != labels.end();
}

// Sums over the labels that are not in `keep`.
absl::StatusOr<Operand> SumOut(OpBuilder& b, const Operand& operand, const std::set<Label>& keep) {
  std::vector<size_t> axes;
  Labels left;
  for (size_t d = 0; d < operand.labels.size(); ++d) {
    if (keep.contains(operand.labels[d])) {
      left.push_back(operand.labels[d]);
    } else {
      axes.push_back(d);
    }
  }
  if (axes.empty()) return operand;
  TW_ASSIGN_OR_RETURN(
      const ValueId sum,
      ReduceAxes(b, {.op = "einsum_sum", .inputs = {operand.value}, .axes = axes, .keep = false}));
  return Operand{sum, left};
}

absl::StatusOr<ValueId> InOrder(OpBuilder& b, const Operand& operand, const Labels& order) {
  std::vector<size_t> permutation;
  for (Label label : order) {
    permutation.push_back(static_cast<size_t>(
        std::find(operand.labels.begin(), operand.labels.end(), label) - operand.labels.begin()));
  }
  return Transpose(b, operand.value, permutation);
}

// Where the labels of two operands belong in their product.
struct Roles {
  Labels batch, left, right, summed;
};

Roles Assign(const Operand& x, const Operand& y, const std::set<Label>& needed) {
  Roles roles;
  for (Label label : x.labels) {
    if (!Has(y.labels, label)) {
      roles.left.push_back(label);
    } else if (needed.contains(label)) {
      roles.batch.push_back(label);
    } else {
      roles.summed.push_back(label);
    }
  }
  for (Label label : y.labels) {
    if (!Has(x.labels, label)) roles.right.push_back(label);
  }
  return roles;
}

Labels Join(std::initializer_list<const Labels*> parts) {
  Labels all;
  for (const Labels* part : parts) all.insert(all.end(), part->begin(), part->end());
  return all;
}

Shape ShapeOfLabels(const Labels& labels, const Extents& extents) {
  Shape shape;
  for (Label label : labels) shape.push_back(extents.at(label));
  return shape;
}

int64_t Size(const Labels& labels, const Extents& extents) {
  return NumElements(ShapeOfLabels(labels, extents));
}

// Two operands, the labels that are still needed, and the extents of all.
struct Contraction {
  const Operand &x, &y;
  std::set<Label> needed;
  const Extents& extents;
};

// x [batch, left, summed] by y [batch, summed, right].
absl::StatusOr<Operand> Contract(OpBuilder& b, const Contraction& c) {
  const auto& [x, y, needed, extents] = c;
  const Roles r = Assign(x, y, needed);
  const Labels out = Join({&r.batch, &r.left, &r.right});
  TW_RETURN_IF_ERROR(CheckShape(ShapeOfLabels(out, extents)));
  TW_ASSIGN_OR_RETURN(ValueId left, InOrder(b, x, Join({&r.batch, &r.left, &r.summed})));
  TW_ASSIGN_OR_RETURN(ValueId right, InOrder(b, y, Join({&r.batch, &r.summed, &r.right})));
  const int64_t batch = Size(r.batch, extents), m = Size(r.left, extents),
                k = Size(r.summed, extents), n = Size(r.right, extents);
  Shape left_shape = {m, k}, right_shape = {k, n};
  if (!r.batch.empty()) left_shape.insert(left_shape.begin(), batch);
  if (!r.batch.empty()) right_shape.insert(right_shape.begin(), batch);
  TW_ASSIGN_OR_RETURN(left, Reshape(b, left, left_shape));
  TW_ASSIGN_OR_RETURN(right, Reshape(b, right, right_shape));
  ValueId product = kNoValue;
  if (r.summed.empty()) {  // [.., m, 1] * [.., 1, n]
    TW_ASSIGN_OR_RETURN(product,
                        Map(b, "mul", {left, right}, [](const Exprs& v) { return v[0] * v[1]; }));
  } else {
    TW_ASSIGN_OR_RETURN(product, MultiplyMatrices(b, left, right));
  }
  TW_ASSIGN_OR_RETURN(product, Reshape(b, product, ShapeOfLabels(out, extents)));
  return Operand{product, out};
}

// What the output and the operands from `next` on still read.
std::set<Label> Needed(const std::vector<Operand>& operands, size_t next, const Labels& output) {
  std::set<Label> needed(output.begin(), output.end());
  for (size_t i = next; i < operands.size(); ++i) {
    needed.insert(operands[i].labels.begin(), operands[i].labels.end());
  }
  return needed;
}

absl::StatusOr<ValueId> ContractAll(OpBuilder& b, const std::vector<Operand>& operands,
                                    const Labels& output, const Extents& extents) {
  Operand so_far = operands[0];
  for (size_t i = 1; i < operands.size(); ++i) {
    const std::set<Label> later = Needed(operands, i + 1, output);
    std::set<Label> for_left = later, for_right = later;
    for_left.insert(operands[i].labels.begin(), operands[i].labels.end());
    for_right.insert(so_far.labels.begin(), so_far.labels.end());
    TW_ASSIGN_OR_RETURN(const Operand left, SumOut(b, so_far, for_left));
    TW_ASSIGN_OR_RETURN(const Operand right, SumOut(b, operands[i], for_right));
    TW_ASSIGN_OR_RETURN(so_far, Contract(b, {left, right, later, extents}));
  }
  TW_ASSIGN_OR_RETURN(const Operand sum, SumOut(b, so_far, Needed({}, 0, output)));
  return InOrder(b, sum, output);
}

// Dimensions that the ellipses stand for; every operand's rank must fit its term.
absl::StatusOr<size_t> EllipsisRank(const OpBuilder& b, const Equation& equation) {
  size_t count = 0;
  for (size_t i = 0; i < equation.terms.size(); ++i) {
    const Labels& term = equation.terms[i];
    const size_t rank = b.RankOf(b.Input(i));
    const size_t letters = term.size() - (Has(term, -1) ? 1 : 0);
    if (rank < letters || (rank > letters && !Has(term, -1))) {
      return absl::InvalidArgumentError(
          absl::StrCat("operand ", i, " has ", rank, " dimensions, its term ", letters));
    }
    count = std::max(count, rank - letters);
  }
  return count;
}

absl::StatusOr<Outputs> Einsum(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(const Equation equation, Parse(b.Str("equation", "")));
  if (equation.terms.size() != b.num_inputs()) {
    return absl::InvalidArgumentError(absl::StrCat("equation has ", equation.terms.size(),
                                                   " terms for ", b.num_inputs(), " operands"));
  }
  TW_RETURN_IF_ERROR(CheckSameType(b, b.Inputs()));
  if (b.DTypeOf(b.Input(0)) == DType::kBool) return absl::InvalidArgumentError("operands are bool");
  TW_ASSIGN_OR_RETURN(const size_t ellipsis, EllipsisRank(b, equation));
  Extents extents;
  std::vector<Labels> terms;
  for (size_t i = 0; i < equation.terms.size(); ++i) {
    const Labels& term = equation.terms[i];
    const size_t own = Has(term, -1) ? b.RankOf(b.Input(i)) + 1 - term.size() : 0;
    terms.push_back(Expanded(term, own));
    TW_RETURN_IF_ERROR(AddExtents(terms[i], b.ShapeOf(b.Input(i)), extents));
  }
  const Labels output =
      equation.output ? Expanded(*equation.output, ellipsis) : ImplicitOutput(terms, ellipsis);
  for (size_t i = 0; i < output.size(); ++i) {
    if (extents.contains(output[i]) && std::count(output.begin(), output.end(), output[i]) == 1) {
      continue;
    }
    return absl::InvalidArgumentError("a subscript of the output is in no term, or there twice");
  }
  std::vector<Operand> operands;
  for (size_t i = 0; i < terms.size(); ++i) {
    TW_ASSIGN_OR_RETURN(operands.emplace_back(), Distinct(b, b.Input(i), terms[i], extents));
  }
  return ContractAll(b, operands, output, extents);
}

}  // namespace

OpList einsum() { return {{"Einsum", 12, kAllInputs, Einsum, kNumbers}}; }

}  // namespace tilewright::onnx_ops
