#include "cli/npz/npy.h"

#include <array>
#include <charconv>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "cli/npz/text_array.h"

namespace tilewright {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr size_t kMaxRank = 8;
constexpr int64_t kMaxBytes = int64_t{2} << 30;

struct ElementType {
  std::string_view descr, dtype;
  int64_t bytes;
};
// The first row of a type is how it is written. numpy has no bfloat16: ml_dtypes' is saved as two
// opaque bytes.
constexpr std::array<ElementType, 14> kTypes = {{{"|b1", "bool", 1},
                                                 {"|i1", "int8", 1},
                                                 {"|u1", "uint8", 1},
                                                 {"<i2", "int16", 2},
                                                 {"<u2", "uint16", 2},
                                                 {"<i4", "int32", 4},
                                                 {"<u4", "uint32", 4},
                                                 {"<i8", "int64", 8},
                                                 {"<u8", "uint64", 8},
                                                 {"<f2", "float16", 2},
                                                 {"<f4", "float32", 4},
                                                 {"<f8", "float64", 8},
                                                 {"<V2", "bfloat16", 2},
                                                 {"|V2", "bfloat16", 2}}};

absl::Status Bad(const std::string& name, std::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("array ", name, ": ", std::string(why)));
}

// The header's dictionary and where the data begins.
struct Frame {
  std::string_view dictionary, data;
};

std::optional<Frame> SplitFrame(std::string_view bytes) {
  if (bytes.size() < 10 || bytes.substr(0, kMagic.size()) != kMagic) return std::nullopt;
  const auto byte = [&](size_t i) { return size_t{static_cast<unsigned char>(bytes[i])}; };
  const size_t major = byte(6);
  if (major != 1 && major != 2) return std::nullopt;
  size_t at = major == 1 ? 10 : 12, length = byte(8) | byte(9) << 8;
  if (bytes.size() < at) return std::nullopt;
  if (major == 2) length |= byte(10) << 16 | byte(11) << 24;
  if (length > bytes.size() - at) return std::nullopt;
  return Frame{bytes.substr(at, length), bytes.substr(at + length)};
}

// The text after 'key': in the header's Python dictionary; empty when it is missing. numpy writes
// the dictionary by repr(), so there is one spelling.
std::string_view ValueOf(std::string_view dictionary, std::string_view key) {
  const size_t at = dictionary.find(absl::StrCat("'", std::string(key), "':"));
  if (at == std::string_view::npos) return {};
  dictionary.remove_prefix(at + key.size() + 3);
  const size_t start = dictionary.find_first_not_of(' ');
  return start == std::string_view::npos ? std::string_view{} : dictionary.substr(start);
}

// (1, 3, 224, 224), (5,) or ().
std::optional<std::vector<int64_t>> ParseShape(std::string_view text) {
  const size_t end = text.find(')');
  if (text.empty() || text[0] != '(' || end == std::string_view::npos) return std::nullopt;
  std::vector<int64_t> shape;
  for (size_t at = 1; at < end;) {
    if (text[at] == ' ' || text[at] == ',') {
      ++at;
      continue;
    }
    int64_t extent = 0;
    const auto [stop, error] = std::from_chars(&text[at], &text[end], extent);
    if (error != std::errc() || extent < 0 || shape.size() == kMaxRank) return std::nullopt;
    shape.push_back(extent);
    at = static_cast<size_t>(stop - text.data());
  }
  return shape;
}

std::optional<ElementType> FindType(std::string_view text) {
  const size_t end = text.empty() ? std::string_view::npos : text.find('\'', 1);
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view descr = text.substr(1, end - 1);
  for (const ElementType& type : kTypes) {
    if (type.descr == descr) return type;
  }
  if (IsTextType(descr)) return ElementType{descr, descr, TextBytes(descr)};
  return std::nullopt;
}

// As it stands there, for messages: up to its end, or its start.
std::string TypeText(std::string_view text) {
  const size_t end = text.empty() ? std::string_view::npos : text.find(text[0], 1);
  const bool quoted = text.starts_with('\'') && end != std::string_view::npos;
  return Shown(quoted ? text.substr(0, end + 1) : text.substr(0, text.find(']') + 1));
}

// nullopt above the limit.
std::optional<int64_t> BytesOf(const std::vector<int64_t>& shape, int64_t element) {
  int64_t bytes = element;
  for (const int64_t extent : shape) {
    if (extent != 0 && bytes > kMaxBytes / extent) return std::nullopt;
    bytes *= extent;
  }
  return bytes;
}

std::string ShapeText(const std::vector<int64_t>& shape) {
  std::string text = "(";
  for (size_t i = 0; i < shape.size(); ++i) {
    absl::StrAppend(&text, i > 0 ? " " : "", shape[i], i + 1 < shape.size() || i == 0 ? "," : "");
  }
  return text + ")";
}

// What a header promises.
struct Promise {
  ElementType type;
  std::vector<int64_t> shape;
  std::string_view data;  // what of it is there
};

// Of the first bytes of an array of `total`.
absl::StatusOr<Promise> ParseHeader(const std::string& name, std::string_view head, size_t total) {
  const std::optional<Frame> frame = SplitFrame(head);
  if (!frame) return Bad(name, "not in numpy's format 1.0 or 2.0");
  const std::string_view descr = ValueOf(frame->dictionary, "descr");
  const std::optional<ElementType> type = FindType(descr);
  if (!type) {
    return Bad(name, absl::StrCat("element type ", TypeText(descr),
                                  " is not one of little-endian bool, (u)int8 to (u)int64, "
                                  "float16, float32, float64, str (U), or V2 for bfloat16"));
  }
  if (ValueOf(frame->dictionary, "fortran_order").substr(0, 5) != "False") {
    return Bad(name, "it is in Fortran order; save it as numpy.ascontiguousarray(array)");
  }
  const auto shape = ParseShape(ValueOf(frame->dictionary, "shape"));
  if (!shape) return Bad(name, "its shape is unreadable or has more than 8 axes");
  const auto size = BytesOf(*shape, type->bytes);
  if (!size) return Bad(name, "it is larger than 2 GiB");
  const size_t data = total - (head.size() - frame->data.size());
  if (data == static_cast<size_t>(*size)) return Promise{*type, *shape, frame->data};
  return Bad(name, absl::StrCat("it has ", data, " bytes of data where its shape ",
                                ShapeText(*shape), " needs ", *size));
}

}  // namespace

absl::Status CheckNpySize(const std::string& name, std::string_view head, size_t total) {
  return ParseHeader(name, head, total).status();
}

absl::StatusOr<NpzArray> ParseNpy(const std::string& name, std::string_view bytes) {
  TW_ASSIGN_OR_RETURN(const Promise array, ParseHeader(name, bytes, bytes.size()));
  return NpzArray{name, std::string(array.type.dtype), array.shape, std::string(array.data)};
}

std::string FormatNpy(const NpzArray& array) {
  std::string_view descr;
  if (IsTextType(array.dtype)) descr = array.dtype;
  for (const ElementType& type : kTypes) {
    if (descr.empty() && type.dtype == array.dtype) descr = type.descr;
  }
  std::string header =
      absl::StrCat("{'descr': '", std::string(descr),
                   "', 'fortran_order': False, 'shape': ", ShapeText(array.shape), ", }");
  const size_t before = kMagic.size() + 4;
  header.resize((before + header.size() + 64) / 64 * 64 - before - 1, ' ');
  header += '\n';
  std::string bytes(kMagic);
  bytes += {1, 0, static_cast<char>(header.size() & 0xff), static_cast<char>(header.size() >> 8)};
  return bytes + header + array.data;
}

}  // namespace tilewright
