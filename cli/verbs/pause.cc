// tilewright pause: keeps a job of a farm from being given devices.
#include "cli/endpoints/job_verb.h"

namespace tilewright {
namespace {

constexpr char kExample[] =
    "  $ tilewright pause resnet18-3f2a90c1d4e5f607 --server farm:9190\n"
    "  resnet18-3f2a90c1d4e5f607: paused\n"
    "What runs is finished; the time it is paused does not count.\n";

}  // namespace

void verb_pause(CLI::App& parent) {
  AddJobVerb(parent, {"pause", "keeps a job of a farm from being given devices", kExample},
             &FarmClient::Pause);
}

}  // namespace tilewright
