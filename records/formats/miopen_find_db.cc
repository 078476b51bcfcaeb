// MIOpen's find-db, a line a convolution:
//
//   PROBLEM=SOLVER:MILLISECONDS,WORKSPACE,ALGORITHM;SOLVER:...
//   C-H-W-RxS-K-OH-OW-N-PxP-SxS-DxD-BIAS-LAYOUT[-WEIGHTS-OUT]-TYPE-DIRECTION[_gGROUPS]
//
// as its conv::ProblemDescription::Serialize and FindDbData write them. Lines of older releases
// have ALGORITHM:SOLVER,MILLISECONDS,WORKSPACE,... instead.
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "compiler/operators/workload_rules.h"
#include "records/formats/import_format.h"
#include "records/run_id.h"

namespace tilewright {
namespace {

using ProblemFields = std::vector<absl::string_view>;

constexpr size_t kFields = 15;            // of a problem of two dimensions and one layout
constexpr size_t kMostMeasurements = 64;  // of a line; MIOpen has some 60 solvers
constexpr absl::string_view kPlain = "NCHW";
constexpr std::pair<absl::string_view, absl::string_view> kElementTypes[] = {
    {"FP32", "float32"}, {"FP16", "float16"}, {"BF16", "bfloat16"}};

// "1x3" as "1,3".
absl::StatusOr<std::string> Both(absl::string_view text) {
  const ProblemFields parts = absl::StrSplit(text, 'x');
  uint32_t number = 0;
  if (parts.size() != 2 || !absl::SimpleAtoi(parts[0], &number) ||
      !absl::SimpleAtoi(parts[1], &number)) {
    return NotRead("no pair of numbers in a problem", text);
  }
  return absl::StrCat(parts[0], ",", parts[1]);
}

// Of "F" and "F_g32": only the forward direction is an operator of a network that runs.
absl::StatusOr<int64_t> GroupsOf(absl::string_view direction) {
  if (absl::ConsumePrefix(&direction, "F_g")) {
    uint32_t groups = 0;
    if (absl::SimpleAtoi(direction, &groups) && groups > 0) return groups;
  } else if (direction == "F") {
    return 1;
  }
  return NotRead("another direction than forward", direction);
}

// One layout, or those of input, weights and output, in front of type and direction.
absl::Status CheckLayouts(const ProblemFields& fields) {
  for (size_t i = kFields - 3; i + 2 < fields.size(); ++i) {
    if (fields[i] != kPlain) return NotRead("another layout than NCHW", fields[i]);
  }
  return absl::OkStatus();
}

absl::StatusOr<absl::string_view> ElementTypeOf(absl::string_view name) {
  for (const auto& [theirs, ours] : kElementTypes) {
    if (theirs == name) return ours;
  }
  return NotRead("an element type that is not read", name);
}

// The text of our key; what its numbers mean together is checked of the workload.
absl::StatusOr<std::string> ConvolutionKey(const ProblemFields& f) {
  TW_ASSIGN_OR_RETURN(const absl::string_view type, ElementTypeOf(f[f.size() - 2]));
  if (f[11] != "0") return NotRead("a convolution with a bias", f[11]);
  TW_ASSIGN_OR_RETURN(const int64_t groups, GroupsOf(f.back()));
  uint32_t channels = 0;
  if (!absl::SimpleAtoi(f[0], &channels)) return NotRead("no number of channels", f[0]);
  if (channels % groups != 0) return NotRead("groups that do not divide the channels", f.back());
  TW_ASSIGN_OR_RETURN(const std::string kernel, Both(f[3]));
  TW_ASSIGN_OR_RETURN(const std::string padding, Both(f[8]));
  TW_ASSIGN_OR_RETURN(const std::string strides, Both(f[9]));
  TW_ASSIGN_OR_RETURN(const std::string dilation, Both(f[10]));
  const bool depthwise = groups > 1 && groups == channels && f[4] == f[0];
  return absl::StrCat(depthwise ? "depthwise_conv2d(" : "conv2d(", type, "[", f[7], ",", f[0], ",",
                      f[1], ",", f[2], "],", type, "[", f[4], ",", channels / groups, ",", kernel,
                      "];dilation=", dilation, ";groups=", groups, ";padding=", padding, ",",
                      padding, ";strides=", strides, ";NCHW,OIHW,NCHW)");
}

absl::StatusOr<Workload> ConvolutionOf(absl::string_view problem) {
  const ProblemFields fields = absl::StrSplit(problem, '-');
  if (fields.size() != kFields && fields.size() != kFields + 2) {
    return NotRead("no problem of 15 or 17 fields", problem);
  }
  if (!absl::StrContains(fields[3], 'x')) {
    return NotRead("a convolution of three dimensions", problem);
  }
  TW_RETURN_IF_ERROR(CheckLayouts(fields));
  TW_ASSIGN_OR_RETURN(const std::string key, ConvolutionKey(fields));
  const absl::StatusOr<Workload> workload = ParseWorkload(key);
  if (!workload.ok()) return NotRead("no convolution", workload.status().message());
  if (absl::Status sound = CheckWorkload(*workload); !sound.ok()) {
    return NotRead("no convolution", sound.message());
  }
  const Shape out = OutputShape(*workload);
  if (absl::StrCat(out[2], "-", out[3]) != absl::StrCat(fields[5], "-", fields[6])) {
    return NotRead("an output of another size", problem);
  }
  return *workload;
}

struct Measurement {
  std::string solver;
  double seconds = 0;
  int64_t workspace = 0;
};

absl::StatusOr<Measurement> MeasurementOf(absl::string_view text) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(text, absl::MaxSplits(':', 1));
  ProblemFields values = absl::StrSplit(parts.second, ',');
  absl::string_view solver = parts.first;
  // An algorithm: the older form. Without a colon there are no values, not even an empty one.
  if (absl::StartsWith(solver, "miopenConvolution") && !values.empty()) {
    solver = values.front();
    values.erase(values.begin());
  }
  double milliseconds = 0;
  Measurement read{.solver = std::string(solver)};
  if (solver.empty() || values.size() < 2 || !absl::SimpleAtod(values[0], &milliseconds) ||
      !absl::SimpleAtoi(values[1], &read.workspace)) {
    return NotRead("no measurement", text);
  }
  read.seconds = milliseconds * 1e-3;
  return read;
}

// "gfx90a" of "gfx90a68" (CUs in hexadecimal) and of "gfx90a_104".
std::string ArchitectureOf(const std::string& device) {
  const size_t end = device.find('_');
  if (end != device.npos) return device.substr(0, end);
  return device.substr(0, absl::StartsWith(device, "gfx9") ? 6 : device.npos);
}

class FindDbReader final : public LineReader {
 public:
  explicit FindDbReader(const std::string& file_name)
      : device_(file_name.substr(0, file_name.find('.'))) {}

  absl::StatusOr<std::vector<Record>> Read(std::string_view line) override {
    if (!absl::StartsWith(device_, "gfx")) {
      return NotRead("a file that is not called after its device, gfx90a68.HIP.fdb.txt", device_);
    }
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(absl::StripAsciiWhitespace(Sv(line)), absl::MaxSplits('=', 1));
    TW_ASSIGN_OR_RETURN(const Workload workload, ConvolutionOf(parts.first));
    const ProblemFields measured = absl::StrSplit(parts.second, ';', absl::SkipEmpty());
    if (measured.empty() || measured.size() > kMostMeasurements) {
      return NotRead("a line of no or more than 64 measurements", parts.first);
    }
    std::vector<Record> records;
    for (const absl::string_view text : measured) {
      TW_ASSIGN_OR_RETURN(const Measurement one, MeasurementOf(text));
      records.push_back(RecordOf(workload, one));
      records.back().run_id = RunIdOfText(absl::StrCat(device_, "|", parts.first, "|", text));
      TW_RETURN_IF_ERROR(CheckImported(line, records.back()));
    }
    return records;
  }

 private:
  Record RecordOf(const Workload& workload, const Measurement& measured) const {
    const Target target{.kind = "rocm", .mcpu = ArchitectureOf(device_)};
    return {.task = {workload, "miopen." + measured.solver, target},
            .config = {{{"workspace", OtherEntity{measured.workspace}}}},
            .outcome = Timing{{measured.seconds}},
            .device = device_,
            .software = "MIOpen find-db",
            .record_class = "imported"};
  }

  const std::string device_;
};

}  // namespace

std::unique_ptr<LineReader> ReadMiopenFindDb(const std::string& file_name) {
  return std::make_unique<FindDbReader>(file_name);
}

}  // namespace tilewright
