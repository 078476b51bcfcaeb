// tilewright certs: the certificates of a farm.
#include <iostream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "cli/exit_code.h"
#include "cli/verb.h"
#include "security/authority.h"

namespace tilewright {
namespace {

constexpr char kExample[] =
    "  $ tilewright certs init --ca farm-ca\n"
    "  $ tilewright certs issue server farm --host farm.example --ca farm-ca -o server-tls\n"
    "  $ tilewright certs issue worker rack3 --key xeon --ca farm-ca -o rack3-tls\n"
    "  $ tilewright certs issue client ann --ca farm-ca -o ann-tls\n"
    "  $ tilewright serve --listen 0.0.0.0:9190 --tls server-tls\n"
    "  $ tilewright worker --server farm.example:9190 --key xeon --tls rack3-tls    (on rack3)\n";

struct Options {
  std::string folder, output, farm = "tilewright", role, name;
  std::vector<std::string> keys, hosts;
  int days = 365;
};

int64_t Now() { return static_cast<int64_t>(SystemClock().UnixTime()); }

absl::Status Init(const Options& options) {
  TW_RETURN_IF_ERROR(
      Authority::Create(options.folder, options.farm, {Now(), options.days}).status());
  std::cout << options.folder << ": authority of the farm " << options.farm << "; keep "
            << options.folder << "/ca.key secret, and a copy of the folder\n";
  return absl::OkStatus();
}

absl::Status Issue(const Options& options) {
  CertificateRequest request{.identity = {.name = options.name, .keys = options.keys},
                             .hosts = options.hosts,
                             .validity = {Now(), options.days}};
  const absl::StatusOr<Role> role = ParseRole(options.role);
  if (!role.ok()) return UsageError(std::string(role.status().message()));
  request.identity.role = *role;
  TW_ASSIGN_OR_RETURN(Authority authority, Authority::Open(options.folder));
  TW_ASSIGN_OR_RETURN(const CertificateFacts facts, authority.Issue(request, options.output));
  std::cout << options.output << ": " << NameOf(*role) << " " << options.name;
  if (!options.keys.empty()) std::cout << " for " << absl::StrJoin(options.keys, ", ");
  std::cout << ", until " << TimeText(facts.not_after) << "\n";
  return absl::OkStatus();
}

absl::Status Revoke(const Options& options) {
  TW_ASSIGN_OR_RETURN(Authority authority, Authority::Open(options.folder));
  TW_ASSIGN_OR_RETURN(const auto revoked, authority.Revoke(options.name, Now()));
  for (const CertificateFacts& facts : revoked) {
    std::cout << "revoked: " << NameOf(facts.identity.role) << " " << facts.identity.name
              << ", serial " << facts.serial << "\n";
  }
  std::cout << revoked.size() << " certificates revoked; the server takes it from crl.pem: copy "
            << authority.revocation_path() << " into its --tls folder\n";
  return absl::OkStatus();
}

using Action = absl::Status (*)(const Options&);

CLI::App* Add(CLI::App* group, const std::shared_ptr<Options>& options, VerbInfo info,
              Action action) {
  CLI::App* verb = AddVerb(*group, std::move(info), [options, action] { return action(*options); });
  verb->add_option("--ca", options->folder, "folder of the farm's authority")->required();
  return verb;
}

void AddDays(CLI::App* verb, Options* options, int days) {
  verb->add_option("--days", options->days, absl::StrCat("of validity (default: ", days, ")"))
      ->check(CLI::Range(1, 36'500));
}

void AddInit(CLI::App* group) {
  constexpr int kYears = 3650;
  const auto options = std::make_shared<Options>();
  options->days = kYears;
  CLI::App* verb = Add(group, options,
                       {"init", "makes the authority that signs a farm's certificates",
                        "  $ tilewright certs init --ca farm-ca\n"
                        "  farm-ca: authority of the farm tilewright; keep farm-ca/ca.key secret, "
                        "and a copy of the folder\n"},
                       Init);
  verb->add_option("--farm", options->farm, "name of the farm, for people")->capture_default_str();
  AddDays(verb, options.get(), kYears);
}

void AddIssue(CLI::App* group) {
  const auto options = std::make_shared<Options>();
  CLI::App* verb = Add(group, options,
                       {"issue", "makes a folder with a certificate, for --tls",
                        "  $ tilewright certs issue worker rack3 --key xeon --ca farm-ca -o tls\n"
                        "  tls: worker rack3 for xeon, until 2027-11-26 09:31:02 UTC\n"
                        "Roles: server; worker (serves the keys it names); client (its own jobs); "
                        "viewer (sees all,\nchanges nothing); admin (sees and steers all).\n"},
                       Issue);
  verb->add_option("ROLE", options->role, "server, worker, client, viewer or admin")->required();
  verb->add_option("NAME", options->name, "of the holder: jobs, records and logs show it")
      ->required();
  verb->add_option("-o,--output", options->output, "folder to make")->required();
  verb->add_option("--key", options->keys, "device key that a worker may serve; may be repeated")
      ->expected(1)
      ->take_all()
      ->allow_extra_args(false);
  verb->add_option("--host", options->hosts,
                   "name or address under which a server is reached; may be repeated")
      ->expected(1)
      ->take_all()
      ->allow_extra_args(false);
  AddDays(verb, options.get(), options->days);
}

void AddRevoke(CLI::App* group) {
  const auto options = std::make_shared<Options>();
  CLI::App* verb = Add(group, options,
                       {"revoke", "ends the trust in every certificate of a holder",
                        "  $ tilewright certs revoke rack3 --ca farm-ca\n"
                        "  revoked: worker rack3, serial 3fa9c1...\n"
                        "  $ cp farm-ca/crl.pem server-tls/    (a running server sees it)\n"},
                       Revoke);
  verb->add_option("NAME", options->name, "of the holder")->required();
}

}  // namespace

void verb_certs(CLI::App& parent) {
  CLI::App* group =
      AddVerbGroup(parent, {"certs", "makes and revokes a farm's certificates", kExample});
  AddInit(group);
  AddIssue(group);
  AddRevoke(group);
}

}  // namespace tilewright
