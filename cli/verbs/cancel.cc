// tilewright cancel: ends a job of a farm.
#include "cli/endpoints/job_verb.h"

namespace tilewright {
namespace {

constexpr char kExample[] =
    "  $ tilewright cancel resnet18-3f2a90c1d4e5f607 --server farm:9190\n"
    "  resnet18-3f2a90c1d4e5f607: cancelled\n"
    "What was measured is kept; submitting the same job again continues it.\n";

}  // namespace

void verb_cancel(CLI::App& parent) {
  AddJobVerb(parent, {"cancel", "ends a job of a farm", kExample}, &FarmClient::Cancel);
}

}  // namespace tilewright
