#include "compiler/onnx/external_data.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace tilewright {
namespace {

namespace fs = std::filesystem;

absl::Status Refuse(const std::string& location, const std::string& why) {
  return absl::InvalidArgumentError(
      absl::StrCat("its data is kept in an external file, \"", location, "\", ", why));
}

// The file, its links resolved; it lies beneath the folder.
absl::StatusOr<fs::path> Resolve(const std::string& folder, const std::string& location) {
  if (folder.empty()) return Refuse(location, "which only a model read from a file may have");
  const fs::path relative(location);
  const bool climbs = std::find(relative.begin(), relative.end(), "..") != relative.end();
  if (location.empty() || relative.is_absolute() || climbs) {
    return Refuse(location, "which is not beneath the model's folder: move it there");
  }
  std::error_code error;
  const fs::path root = fs::canonical(folder, error);
  if (error) return absl::NotFoundError(absl::StrCat(folder, ": ", error.message()));
  const fs::path file = fs::canonical(root / relative, error);
  if (error) {
    return absl::NotFoundError(absl::StrCat("its data is kept in an external file, ",
                                            (root / relative).string(),
                                            ", which cannot be read: ", error.message()));
  }
  const auto [end, ignored] = std::mismatch(root.begin(), root.end(), file.begin(), file.end());
  if (end != root.end()) return Refuse(location, "a link that leads outside the model's folder");
  if (!fs::is_regular_file(file, error)) return Refuse(location, "which is no regular file");
  return file;
}

// A count of bytes among the entries; `otherwise` when it is not given.
absl::StatusOr<int64_t> Bytes(const std::map<std::string, std::string>& entries,
                              const std::string& key, int64_t otherwise) {
  const auto found = entries.find(key);
  if (found == entries.end()) return otherwise;
  int64_t value = 0;
  if (absl::SimpleAtoi(found->second, &value) && value >= 0) return value;
  return absl::InvalidArgumentError(
      absl::StrCat("external ", key, " \"", found->second, "\" is no count of bytes"));
}

}  // namespace

bool IsExternal(const onnx::TensorProto& proto) {
  return proto.data_location() == onnx::TensorProto::EXTERNAL || proto.external_data_size() > 0;
}

absl::StatusOr<Tensor> ReadExternalData(const onnx::TensorProto& proto, const std::string& folder,
                                        const TensorType& type) {
  std::map<std::string, std::string> entries;
  for (const auto& entry : proto.external_data()) entries[entry.key()] = entry.value();
  const std::string location = entries["location"];
  TW_ASSIGN_OR_RETURN(const fs::path file, Resolve(folder, location));
  const int64_t needed = NumBytes(type);
  TW_ASSIGN_OR_RETURN(const int64_t offset, Bytes(entries, "offset", 0));
  TW_ASSIGN_OR_RETURN(const int64_t length, Bytes(entries, "length", needed));
  if (length != needed) {
    return Refuse(location, absl::StrCat("with ", length, " bytes where ", ToString(type),
                                         " needs ", needed));
  }
  std::error_code error;
  const auto size = static_cast<int64_t>(fs::file_size(file, error));
  if (error || offset > size || needed > size - offset) {
    return Refuse(location, absl::StrCat("which ends before byte ", offset, " + ", needed));
  }
  Tensor tensor(type);
  std::ifstream in(file, std::ios::binary);
  in.seekg(offset);
  in.read(static_cast<char*>(tensor.data()), needed);
  if (!in || in.gcount() != needed) return Refuse(location, "which cannot be read");
  return tensor;
}

}  // namespace tilewright
