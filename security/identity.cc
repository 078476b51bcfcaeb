#include "security/identity.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "base/strings.h"

namespace tilewright {
namespace {

constexpr std::pair<Role, const char*> kRoles[] = {{Role::kServer, "server"},
                                                   {Role::kWorker, "worker"},
                                                   {Role::kClient, "client"},
                                                   {Role::kViewer, "viewer"},
                                                   {Role::kAdmin, "admin"}};
constexpr char kScheme[] = "tilewright://";
constexpr char kKeys[] = "keys=";
constexpr char kBetweenKeys[] = ";";  // a comma would end the URI in OpenSSL's lists of names
constexpr size_t kMostNameBytes = 64;
constexpr size_t kMostKeys = 64;

// No character that a URI, a file's name, a log line or a terminal gives a meaning.
absl::Status CheckName(absl::string_view what, const std::string& name) {
  const bool plain = std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return absl::ascii_isalnum(c) || c == '.' || c == '_' || c == '-';
  });
  if (plain && !name.empty() && name.size() <= kMostNameBytes && name[0] != '.') {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("the ", what, " \"", Shown(name),
                   "\" of a certificate; allowed are 1 to 64 letters, digits and ._-, no dot "
                   "first"));
}

}  // namespace

std::string NameOf(Role role) {
  for (const auto& [known, name] : kRoles) {
    if (known == role) return name;
  }
  return "unknown";
}

absl::StatusOr<Role> ParseRole(std::string_view text) {
  for (const auto& [role, name] : kRoles) {
    if (text == name) return role;
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "unknown role \"", Shown(text),
      "\"; known: ", absl::StrJoin(kRoles, ", ", [](std::string* out, const auto& entry) {
        out->append(entry.second);
      })));
}

absl::Status CheckIdentity(const Identity& identity) {
  TW_RETURN_IF_ERROR(CheckName("name", identity.name));
  for (const std::string& key : identity.keys) TW_RETURN_IF_ERROR(CheckName("device key", key));
  const bool is_worker = identity.role == Role::kWorker;
  if (identity.keys.empty() == !is_worker && identity.keys.size() <= kMostKeys) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat(identity.keys.size(), " device keys for the role ", NameOf(identity.role),
                   is_worker ? "; a worker's certificate names 1 to 64" : "; only workers have"));
}

std::string UriOf(const Identity& identity) {
  std::string uri = absl::StrCat(kScheme, NameOf(identity.role), "/", identity.name);
  if (!identity.keys.empty()) {
    absl::StrAppend(&uri, "?", kKeys, absl::StrJoin(identity.keys, kBetweenKeys));
  }
  return uri;
}

absl::StatusOr<Identity> ParseIdentityUri(std::string_view uri) {
  absl::string_view rest = Sv(uri);
  if (!absl::ConsumePrefix(&rest, kScheme)) {
    return absl::InvalidArgumentError(absl::StrCat("no identity: ", Shown(uri)));
  }
  const std::pair<absl::string_view, absl::string_view> role_and_name =
      absl::StrSplit(rest, absl::MaxSplits('/', 1));
  std::pair<absl::string_view, absl::string_view> name_and_query =
      absl::StrSplit(role_and_name.second, absl::MaxSplits('?', 1));
  Identity identity{.name = std::string(name_and_query.first)};
  TW_ASSIGN_OR_RETURN(identity.role, ParseRole(Std(role_and_name.first)));
  if (absl::ConsumePrefix(&name_and_query.second, kKeys)) {
    identity.keys = absl::StrSplit(name_and_query.second, kBetweenKeys);
  }
  TW_RETURN_IF_ERROR(CheckIdentity(identity));
  return identity;
}

}  // namespace tilewright
