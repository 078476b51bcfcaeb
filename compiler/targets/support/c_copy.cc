#include "compiler/targets/support/c_copy.h"

#include "absl/strings/str_cat.h"
#include "compiler/loop/visit.h"

namespace tilewright {
namespace {

// The address space of pointers into the buffer.
const char* SpaceOf(const Buffer& buffer) {
  if (buffer->scope == Scope::kGlobal) return "TW_GLOBAL ";
  return buffer->scope == Scope::kShared ? "TW_LOCAL " : "";
}

// One loop over `lanes` neighbouring elements of `dtype`.
class VectorCopy {
 public:
  VectorCopy(const StmtNode& loop, int64_t lanes, DType dtype, const CNames& names)
      : loop_(loop), lanes_(lanes), names_(names) {
    bytes_ = lanes * static_cast<int64_t>(SizeOf(dtype));
    first_[loop.var.get()] = loop.min;
    ranges_ = names.ranges;
    ranges_[loop.var.get()] = {0, lanes - 1};
  }

  bool Fits() const { return bytes_ == 2 || bytes_ == 4 || bytes_ == 8 || bytes_ == 16; }

  // "" where the elements may not be taken together.
  std::string Place(const Buffer& buffer, const std::vector<Expr>& indices) const {
    if (!IsAligned(*buffer)) return "";
    Expr flat = Int(0);
    for (size_t d = 0; d < indices.size(); ++d) flat = flat * buffer->shape[d] + indices[d];
    const std::optional<Affine> affine = AffineIn(Simplify(flat, ranges_), loop_.var);
    if (!affine || affine->coefficient != 1) return "";
    const Expr start = Simplify(Substitute(flat, first_), names_.ranges);
    const Expr past = Simplify(FloorMod(start, lanes_), names_.ranges);
    if (AsInt(past) == nullptr || *AsInt(past) != 0) return "";
    return absl::StrCat("(", names_.buffers.at(buffer.get()), " + ", CText(start, names_), ")");
  }

  std::string Value(const Expr& e) const {
    if (e->kind == ExprKind::kLoad) {
      const std::string place = Place(e->buffer, e->operands);
      if (place.empty()) return "";
      const char* constant = e->buffer->scope == Scope::kGlobal ? "const " : "";
      return absl::StrCat("TW_AS(", bytes_, ", ", SpaceOf(e->buffer), constant, ", ", place, ")");
    }
    if (IsZeroBits(e)) return bytes_ < 8 ? "0" : absl::StrCat("TW_ZERO_", bytes_);
    if (e->kind != ExprKind::kSelect || UsesVar(e->operands[0], loop_.var)) return "";
    const std::string yes = Value(e->operands[1]), no = Value(e->operands[2]);
    if (yes.empty() || no.empty()) return "";
    return absl::StrCat("(", CText(e->operands[0], names_), " ? ", yes, " : ", no, ")");
  }

  // A load, or a load where a condition holds and zero elsewhere, of 4 bytes or more; "" else.
  std::string AsyncText(const StmtNode& store) const {
    const ExprNode& value = *store.value;
    const bool choice = value.kind == ExprKind::kSelect && IsZeroBits(value.operands[2]) &&
                        !UsesVar(value.operands[0], loop_.var);
    const Expr& load = choice ? value.operands[1] : store.value;
    if (load->kind != ExprKind::kLoad || bytes_ < 4) return "";
    const std::string to = Place(store.buffer, store.indices);
    const std::string from = Place(load->buffer, load->operands);
    if (to.empty() || from.empty()) return "";
    const std::string there = choice ? CText(value.operands[0], names_) : "1";
    return absl::StrCat("TW_ASYNC_COPY(", bytes_, ", ", SpaceOf(store.buffer), ", ", to, ", ",
                        SpaceOf(load->buffer), ", ", from, ", ", there, ");");
  }

  std::string Text(const StmtNode& store) const {
    if (store.async) {
      if (std::string text = AsyncText(store); !text.empty()) return text;
    }
    const std::string to = Place(store.buffer, store.indices), value = Value(store.value);
    if (to.empty() || value.empty()) return "";
    return absl::StrCat("TW_AS(", bytes_, ", ", SpaceOf(store.buffer), ", ", to, ") = ", value,
                        ";");
  }

 private:
  const StmtNode& loop_;
  const int64_t lanes_;
  const CNames& names_;
  int64_t bytes_;
  Substitution first_;
  Ranges ranges_;
};

}  // namespace

// Arguments are (runtime/device), and what c_text.cc declares so.
bool IsAligned(const BufferNode& buffer) {
  if (buffer.scope == Scope::kRegister) return SizeOf(buffer.dtype) < 4;
  return buffer.scope == Scope::kGlobal || buffer.scope == Scope::kShared;
}

std::string VectorCopyText(const StmtNode& loop, const CNames& names) {
  const StmtNode& store = *loop.body[0];
  const int64_t *min = AsInt(loop.min), *lanes = AsInt(loop.extent);
  if (loop.loop != LoopKind::kVectorized || store.kind != StmtKind::kStore) return "";
  if (min == nullptr || *min != 0 || lanes == nullptr) return "";
  const VectorCopy copy(loop, *lanes, store.buffer->dtype, names);
  return copy.Fits() ? copy.Text(store) : "";
}

}  // namespace tilewright
