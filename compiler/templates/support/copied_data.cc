#include "compiler/templates/support/copied_data.h"

#include <utility>

#include "compiler/loop/compute.h"
#include "compiler/schedule/schedule.h"

namespace tilewright {
namespace {

// Where a coordinate from `first` to `last` lies in an image of `extent`; null: everywhere.
Expr Inside(const Expr& at, int64_t first, int64_t last, int64_t extent) {
  Expr inside;
  if (first < 0) inside = Le(Int(0), at);
  if (last >= extent) inside = And(inside, Lt(at, Int(extent)));
  return inside;
}

}  // namespace

Program CopyData(const TensorType& data, const DataCopy& copy) {
  Compute c{.name = "copy"};
  c.axes = {{Var("n"), data.shape[0]},
            {Var("c"), data.shape[1]},
            {Var("h"), copy.height},
            {Var("w"), copy.width},
            {Var("lane"), data.shape[4]}};
  const std::vector<Expr> at = Vars(c.axes);
  const Expr h = at[2] * copy.strides[0] - copy.top;
  const Expr w = at[3] * copy.strides[1] - copy.left;
  const Buffer from = MakeBuffer("data", data.dtype, data.shape);
  c.inputs = {from};
  c.output = MakeBuffer("copied", data.dtype,
                        {data.shape[0], data.shape[1], copy.height, copy.width, data.shape[4]});
  c.body = Load(from, {at[0], at[1], h, w, at[4]});
  const int64_t bottom = (copy.height - 1) * copy.strides[0] - copy.top;
  const int64_t right = (copy.width - 1) * copy.strides[1] - copy.left;
  const Expr inside =
      And(Inside(h, -copy.top, bottom, data.shape[2]), Inside(w, -copy.left, right, data.shape[3]));
  if (inside) c.body = Select(inside, c.body, Const(0, data.dtype));
  Schedule sch(std::move(c));
  sch.Parallel(2);
  sch.Vectorize(sch.axis(4));
  return sch.Lower();
}

void AfterCopy(Program copy, LoweredTask* task) {
  std::vector<int>& operands = task->steps[0].operands;
  const Buffer copied = copy.params[1];
  const int scratch = static_cast<int>(operands.size() + task->buffers.size());
  operands[0] = scratch;
  task->buffers.push_back({copied->dtype, copied->shape});
  task->steps.insert(task->steps.begin(), {std::move(copy), {0, scratch}});
}

}  // namespace tilewright
