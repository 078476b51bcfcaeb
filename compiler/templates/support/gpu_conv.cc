#include "compiler/templates/support/gpu_conv.h"

#include "compiler/core/layout.h"
#include "compiler/operators/define.h"

namespace tilewright {

bool IsPlain(const Workload& w) {
  for (const std::string* layout : {&w.data_layout, &w.weight_layout, &w.out_layout}) {
    if (!layout->empty() && Layout::Parse(*layout).value().blocked()) return false;
  }
  return true;
}

SimtForm ConvForm(const Workload& workload) {
  SimtForm form{.compute = Define(workload), .staged = {0, 1}};
  form.compute.predicate = nullptr;
  form.axes = {{.block = ThreadAxis::kBlockZ},
               {"tile_f", 4, ThreadAxis::kBlockZ, ThreadAxis::kThreadZ},
               {"tile_y", 4, ThreadAxis::kBlockY, ThreadAxis::kThreadY},
               {"tile_x", 4, ThreadAxis::kBlockX, ThreadAxis::kThreadX}};
  return form;
}

}  // namespace tilewright
