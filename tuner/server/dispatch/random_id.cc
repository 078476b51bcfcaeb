#include "tuner/server/dispatch/random_id.h"

#include <sys/random.h>

#include "absl/strings/escaping.h"
#include "base/check.h"

namespace tilewright {

std::string RandomHex(size_t bytes) {
  std::string raw(bytes, '\0');
  // Below 256 bytes the call is not interrupted, and gives all that was asked for (getrandom(2)).
  TW_CHECK(bytes <= 256 && getrandom(raw.data(), bytes, 0) == static_cast<ssize_t>(bytes))
      << "the kernel gives no random numbers";
  return absl::BytesToHexString(raw);
}

}  // namespace tilewright
