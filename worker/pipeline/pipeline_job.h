// A trial on its way through the pipeline. Only for the pipeline's own files.
#pragma once

#include <chrono>
#include <memory>

#include "worker/pipeline/network_round.h"
#include "worker/pipeline/pipeline.h"
#include "worker/pipeline/removed_file.h"

namespace tilewright {

struct Pipeline::Job {
  WorkerTrial trial;
  std::chrono::steady_clock::time_point added;
  std::unique_ptr<RemovedFile> library;
  BuiltKernel kernel;
  ReferenceFuture reference;
  NetworkPackages packages;  // of a whole network, instead of the kernel
  WorkerResult result;

  bool HasReference() const {
    return trial.network ||
           reference.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  }
};

}  // namespace tilewright
