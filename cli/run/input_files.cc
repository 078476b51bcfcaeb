#include "cli/run/input_files.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "cli/npz/npy.h"

namespace tilewright {
namespace {

namespace fs = std::filesystem;

constexpr uintmax_t kMaxBytes = (uintmax_t{2} << 30) + (1 << 16);

// One file and the input it is for; empty: not said.
struct Given {
  std::string input, path;
};

std::string NamesOf(const std::vector<NamedInput>& inputs) {
  return absl::StrJoin(inputs, ", ", [](std::string* out, const NamedInput& input) {
    absl::StrAppend(out, input.name);
  });
}

const NamedInput* Find(const std::vector<NamedInput>& inputs, const std::string& name) {
  const auto found = std::find_if(inputs.begin(), inputs.end(),
                                  [&](const NamedInput& input) { return input.name == name; });
  return found == inputs.end() ? nullptr : &*found;
}

// A name may hold '=', and so may a path: what comes before it must be an input.
Given Split(const std::string& text, const std::vector<NamedInput>& inputs) {
  for (size_t at = text.find('='); at != std::string::npos; at = text.find('=', at + 1)) {
    if (Find(inputs, text.substr(0, at))) return {text.substr(0, at), text.substr(at + 1)};
  }
  return {"", text};
}

absl::StatusOr<std::string> ReadBytes(const Given& given, const std::vector<NamedInput>& inputs) {
  std::error_code error;
  if (!fs::is_regular_file(given.path, error)) {
    const bool named = given.input.empty() && given.path.find('=') != std::string::npos;
    if (fs::exists(given.path, error)) return absl::InvalidArgumentError("it is no regular file");
    return absl::InvalidArgumentError(
        absl::StrCat("no such file", named ? "; the model's inputs are " + NamesOf(inputs) : ""));
  }
  if (fs::file_size(given.path, error) > kMaxBytes) {
    return absl::InvalidArgumentError("it is larger than 2 GiB");
  }
  std::ifstream in(given.path, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(in), {}};
  if (!in) return absl::InvalidArgumentError("it cannot be read");
  return bytes;
}

class Reader {
 public:
  Reader(const std::vector<NamedInput>& inputs, const ImageOptions& options)
      : inputs_(inputs), options_(options) {}

  absl::Status Take(const Given& given) {
    TW_ASSIGN_OR_RETURN(const std::string bytes, ReadBytes(given, inputs_));
    if (bytes.starts_with("PK")) return TakeNpz(given);
    if (!bytes.starts_with("\x93NUMPY") && !IsImage(bytes)) {
      return absl::InvalidArgumentError("it is none of .npz, .npy, PNG and JPEG");
    }
    TW_ASSIGN_OR_RETURN(const NamedInput input, InputOf(given));
    if (!IsImage(bytes)) {
      TW_ASSIGN_OR_RETURN(arrays_.emplace_back(), ParseNpy(input.name, bytes));
      return absl::OkStatus();
    }
    TW_ASSIGN_OR_RETURN(images_[input.name].emplace_back(), DecodeImage(bytes));
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<NpzArray>> Arrays() {
    for (const auto& [name, images] : images_) {
      absl::StatusOr<NpzArray> array = ToArray(images, name, Find(inputs_, name)->type, options_);
      if (!array.ok()) {
        return absl::Status(array.status().code(),
                            absl::StrCat("images for ", name, ": ", array.status().message()));
      }
      arrays_.push_back(*std::move(array));
    }
    return std::move(arrays_);
  }

 private:
  absl::Status TakeNpz(const Given& given) {
    if (!given.input.empty()) {
      return absl::InvalidArgumentError("an npz names its arrays itself: give it without a name");
    }
    TW_ASSIGN_OR_RETURN(std::vector<NpzArray> arrays, ReadNpz(given.path));
    std::move(arrays.begin(), arrays.end(), std::back_inserter(arrays_));
    return absl::OkStatus();
  }

  absl::StatusOr<NamedInput> InputOf(const Given& given) const {
    if (!given.input.empty()) return *Find(inputs_, given.input);
    if (inputs_.size() == 1) return inputs_[0];
    return absl::InvalidArgumentError(absl::StrCat("say which input it is for: INPUT=", given.path,
                                                   "; the model's inputs are ", NamesOf(inputs_)));
  }

  const std::vector<NamedInput>& inputs_;
  const ImageOptions& options_;
  std::vector<NpzArray> arrays_;
  std::map<std::string, std::vector<Image>> images_;
};

}  // namespace

absl::StatusOr<std::vector<NpzArray>> ReadInputFiles(const std::vector<std::string>& files,
                                                     const std::vector<NamedInput>& inputs,
                                                     const ImageOptions& options) {
  Reader reader(inputs, options);
  for (const std::string& file : files) {
    const Given given = Split(file, inputs);
    if (const absl::Status status = reader.Take(given); !status.ok()) {
      return absl::InvalidArgumentError(absl::StrCat(given.path, ": ", status.message()));
    }
  }
  return reader.Arrays();
}

}  // namespace tilewright
