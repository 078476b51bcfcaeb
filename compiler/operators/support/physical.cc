#include "compiler/operators/support/physical.h"

namespace tilewright {

std::vector<Expr> ToPhysical(const Layout& layout, const std::vector<Expr>& logical) {
  std::vector<Expr> outer = logical;
  std::vector<Expr> inner(layout.blocks().size());
  for (size_t b = layout.blocks().size(); b-- > 0;) {
    const Layout::Block& block = layout.blocks()[b];
    inner[b] = FloorMod(outer[block.dim], block.factor);
    outer[block.dim] = FloorDiv(outer[block.dim], block.factor);
  }
  outer.insert(outer.end(), inner.begin(), inner.end());
  return outer;
}

std::vector<Expr> ToLogical(const Layout& layout, const std::vector<Expr>& physical) {
  std::vector<Expr> logical(physical.begin(), physical.begin() + layout.rank());
  for (size_t b = 0; b < layout.blocks().size(); ++b) {
    const Layout::Block& block = layout.blocks()[b];
    logical[block.dim] = logical[block.dim] * block.factor + physical[layout.rank() + b];
  }
  return logical;
}

std::vector<Axis> PhysicalAxes(const Layout& layout, const std::vector<int64_t>& shape,
                               const std::vector<std::string>& names) {
  const Shape physical = layout.Physical(shape);
  std::vector<Axis> axes;
  for (size_t d = 0; d < physical.size(); ++d) {
    const bool outer = d < names.size();
    const std::string name =
        outer ? names[d] : names[layout.blocks()[d - names.size()].dim] + "_in";
    axes.push_back({.var = Var(name), .extent = physical[d]});
  }
  return axes;
}

int64_t PaddedExtent(const Layout& layout, char letter, int64_t extent) {
  const int64_t block = layout.BlockOf(letter);
  return (extent + block - 1) / block * block;
}

}  // namespace tilewright
