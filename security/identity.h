// Who a certificate says its holder is: a role, a name and, for a worker, the device keys that it
// may serve. Kept in the certificate as one URI (RFC 5280 subjectAltName):
//
//   tilewright://worker/rack3?keys=xeon;h200
//
// Values. Thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace tilewright {

enum class Role {
  kServer,
  kWorker,  // offers devices of its keys
  kClient,  // submits jobs, and sees and steers those of its own name
  kViewer,  // sees everything, changes nothing
  kAdmin,   // sees and steers everything
};

struct Identity {
  Role role = Role::kViewer;
  std::string name;               // letters, digits and ._- ; at most 64
  std::vector<std::string> keys;  // a worker's, at least one; others have none

  friend bool operator==(const Identity&, const Identity&) = default;
};

std::string NameOf(Role role);  // "worker"
// InvalidArgument lists the roles.
absl::StatusOr<Role> ParseRole(std::string_view text);

// InvalidArgument for names and keys outside of the bounds, and keys that do not fit the role.
absl::Status CheckIdentity(const Identity& identity);

// REQUIRES: CheckIdentity passes.
std::string UriOf(const Identity& identity);
// InvalidArgument when it is no such URI, or fails CheckIdentity.
absl::StatusOr<Identity> ParseIdentityUri(std::string_view uri);

}  // namespace tilewright
