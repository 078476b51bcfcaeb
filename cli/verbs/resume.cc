// tilewright resume: lets a paused job of a farm go on.
#include "cli/endpoints/job_verb.h"

namespace tilewright {
namespace {

constexpr char kExample[] =
    "  $ tilewright resume resnet18-3f2a90c1d4e5f607 --server farm:9190\n"
    "  resnet18-3f2a90c1d4e5f607: running\n";

}  // namespace

void verb_resume(CLI::App& parent) {
  AddJobVerb(parent, {"resume", "lets a paused job of a farm go on", kExample},
             &FarmClient::Resume);
}

}  // namespace tilewright
