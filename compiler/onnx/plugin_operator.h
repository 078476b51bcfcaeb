// An operator that a user defines by a text file (examples/operators):
//
//   operator com.example.Shift:
//     attribute mode: string = "zero" in "zero", "clamp"   # also int, float and bool
//     attribute by: int = 1
//     type T: float32, float64
//     input x: T[N, W]
//     output y: T[N, W]
//     let at(w) = w - by
//     template nest                                        # its schedule is searched, too
//     define:
//       for n in 0..N:
//         for w in 0..W:
//           y[n, w] = select(mode == "zero" && at(w) < 0, T(0), x[n, max(min(at(w), W - 1), 0)])
//
// The definition is a program of the loop IR (compiler/loop/text.h) over the inputs and the output,
// in which dimensions, types and attributes stand for their values and a `let` for its text. With
// `template nest` a node is a workload of its own (compiler/operators/nest.h), which `tune` tunes.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "compiler/core/dtype.h"

namespace tilewright {

struct PluginAttribute {
  enum class Kind { kInt, kFloat, kBool, kString };
  std::string name;
  Kind kind = Kind::kInt;
  // As the definition's text has them: 1, 0.5, true; of strings what they hold.
  std::optional<std::string> otherwise;  // none: the node must have the attribute
  std::vector<std::string> allowed;      // empty: anything
};

struct PluginTensor {
  std::string name, type;         // a type's name, or a variable of PluginOperator::types
  std::vector<std::string> dims;  // of an input numbers and names, of the output expressions
};

struct PluginMacro {
  std::string name;
  std::vector<std::string> parameters;
  std::string body;
};

// A value; thread-safe.
struct PluginOperator {
  std::string file;  // for messages
  std::string domain, name;
  std::vector<PluginAttribute> attributes;
  std::map<std::string, std::vector<DType>> types;
  std::vector<PluginTensor> inputs;
  PluginTensor output;
  std::vector<PluginMacro> macros;  // each may use those before it
  bool tuned = false;               // `template nest`
  std::string definition;  // lines; blank ones in front, so that their numbers are the file's
};

// InvalidArgument as "FILE:LINE: what" for anything that is wrong with the text, the definition
// apart, which is checked when a model's shapes are known. At most 1 MiB and 1000 operators.
absl::StatusOr<std::vector<PluginOperator>> ParsePluginOperators(std::string_view text,
                                                                 const std::string& file);

}  // namespace tilewright
