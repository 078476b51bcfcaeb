// TW_CHECK(condition) << "why": our own mistakes end the process with file, line and reason.
// Never for user input, files or peers (those are absl::Status) and never for a kernel's failure
// (that is an Outcome).
#pragma once

#include <cstdio>
#include <cstdlib>
#include <sstream>

namespace tilewright {

class CheckFailure {
 public:
  CheckFailure(const char* file, int line, const char* condition) {
    stream_ << file << ":" << line << ": check failed: " << condition << " ";
  }
  ~CheckFailure() {
    std::fprintf(stderr, "%s\n", stream_.str().c_str());
    std::abort();
  }
  std::ostream& stream() { return stream_; }

 private:
  std::ostringstream stream_;
};

}  // namespace tilewright

#define TW_CHECK(condition) \
  if (condition) {          \
  } else                    \
    ::tilewright::CheckFailure(__FILE__, __LINE__, #condition).stream()
