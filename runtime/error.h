// How the runtime fails inside: one exception that the C API turns into a code and a text.
// Nothing of the runtime throws across its C header.
#pragma once

#include <stdexcept>
#include <string>

#include "runtime/include/tilewright.h"

namespace tilewright::runtime {

class Error : public std::runtime_error {
 public:
  Error(tw_status code, const std::string& text) : std::runtime_error(text), code_(code) {}
  tw_status code() const { return code_; }

 private:
  tw_status code_;
};

// A package that is damaged or of another format version.
inline Error BadPackage(const std::string& text) {
  return Error(TW_BAD_PACKAGE, "bad package: " + text);
}

}  // namespace tilewright::runtime
