#include "compiler/onnx/zoo/zoo.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "compiler/onnx/onnx.pb.h"
#include "compiler/onnx/zoo/network.h"

namespace tilewright {
namespace zoo {

#define ENTRY(stem) const ZooNetwork& stem();
#include "compiler/onnx/zoo/networks.inc"
#undef ENTRY

}  // namespace zoo

namespace {

using zoo::ModelWriter;
using zoo::ZooNetwork;

constexpr int64_t kMaxBatch = 1024;
constexpr int64_t kMaxImage = 4096;

struct Named {
  const char* name;
  const ZooNetwork& (*network)();
};
constexpr Named kNetworks[] = {
#define ENTRY(stem) {#stem, &zoo::stem},
#include "compiler/onnx/zoo/networks.inc"
#undef ENTRY
};

absl::StatusOr<const ZooNetwork*> Find(std::string_view name) {
  std::vector<std::string> known;
  for (const Named& entry : kNetworks) {
    if (name == entry.name) return &entry.network();
    known.push_back(entry.name);
  }
  return absl::NotFoundError(
      absl::StrCat("no network is named \"", Sv(name), "\"; known: ", absl::StrJoin(known, ", ")));
}

absl::Status CheckOptions(const ZooNetwork& network, const ZooOptions& options) {
  if (options.batch < 1 || options.batch > kMaxBatch) {
    return absl::InvalidArgumentError(
        absl::StrCat("batch ", options.batch, " is not in 1..", kMaxBatch));
  }
  if (options.image < 0 || options.image > kMaxImage) {
    return absl::InvalidArgumentError(
        absl::StrCat("image size ", options.image, " is not in 1..", kMaxImage));
  }
  if (options.image > 0 && network.image == 0) {
    return absl::InvalidArgumentError("the network takes no image");
  }
  return absl::OkStatus();
}

// Builds the model and hands it to `use`.
template <typename Use>
auto WithModel(std::string_view name, ZooOptions options, Use use)
    -> decltype(use(std::declval<const onnx::ModelProto&>())) {
  TW_ASSIGN_OR_RETURN(const ZooNetwork* network, Find(name));
  TW_RETURN_IF_ERROR(CheckOptions(*network, options));
  if (options.image == 0) options.image = network->image;
  ModelWriter net(std::string(name), network->opset, options.seed);
  network->build(net, options);
  TW_RETURN_IF_ERROR(net.Check());
  return use(net.model());
}

absl::Status WriteFile(const onnx::ModelProto& model, const std::string& path) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  bool written = fd >= 0;
  if (written) written = model.SerializeToFileDescriptor(fd);
  if (fd >= 0) written = close(fd) == 0 && written;
  if (written) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("cannot write ", path, ": ", std::strerror(errno)));
}

}  // namespace

const std::vector<ZooEntry>& ZooNetworks() {
  static const auto* entries = [] {
    auto* list = new std::vector<ZooEntry>();
    for (const Named& entry : kNetworks) {
      const ZooNetwork& network = entry.network();
      list->push_back({entry.name, network.summary, network.parameters});
    }
    return list;
  }();
  return *entries;
}

absl::StatusOr<std::string> MakeZooModel(std::string_view name, const ZooOptions& options) {
  return WithModel(name, options, [](const onnx::ModelProto& model) -> absl::StatusOr<std::string> {
    return model.SerializeAsString();
  });
}

absl::Status WriteZooModel(std::string_view name, const ZooOptions& options,
                           const std::string& path) {
  return WithModel(name, options,
                   [&](const onnx::ModelProto& model) { return WriteFile(model, path); });
}

}  // namespace tilewright
