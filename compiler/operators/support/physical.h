// Between logical indices of a tensor and those of its layout. Used only inside
// compiler/operators.
#pragma once

#include <vector>

#include "compiler/core/layout.h"
#include "compiler/loop/compute.h"

namespace tilewright {

// The physical indices of the element at a logical position: {n, c, h, w} in NCHW16c is
// {n, c / 16, h, w, c % 16}.
std::vector<Expr> ToPhysical(const Layout& layout, const std::vector<Expr>& logical);

// The logical position of a physical index: {n, co, h, w, ci} is {n, co * 16 + ci, h, w}.
std::vector<Expr> ToLogical(const Layout& layout, const std::vector<Expr>& physical);

// One axis per physical dimension of a logical shape: outer ones named as given, inner blocks by
// the same name and "_in".
std::vector<Axis> PhysicalAxes(const Layout& layout, const std::vector<int64_t>& shape,
                               const std::vector<std::string>& names);

// Extent of a logical dimension with its padding.
int64_t PaddedExtent(const Layout& layout, char letter, int64_t extent);

}  // namespace tilewright
