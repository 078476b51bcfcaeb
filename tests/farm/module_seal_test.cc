// Modules between builder and runner: what is refused before anything of it is loaded.
#include "worker/pipeline/module_seal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/clock.h"
#include "compiler/operators/workload_rules.h"
#include "security/certificate.h"
#include "security/signature.h"

namespace tilewright {
namespace {

using ::testing::HasSubstr;

int64_t Now() { return static_cast<int64_t>(SystemClock().UnixTime()); }

Credentials Issue(const CertificateAndKey& authority, const Identity& identity) {
  CertificateRequest request{.identity = identity, .validity = {Now(), 5}};
  if (identity.role == Role::kServer) request.hosts = {"127.0.0.1"};
  return {.authority = authority.certificate, .own = IssueCertificate(authority, request).value()};
}

// Begins as a library does.
std::string LibraryOf(const std::string& text) {
  std::string bytes(
      "\x7f"
      "ELF",
      4);
  bytes.resize(64, '\0');
  bytes[16] = 3;  // ET_DYN
  return bytes + text;
}

class ModuleSeal : public ::testing::Test {
 protected:
  ModuleSeal() {
    trial_.task = {ParseWorkload("dense(float32[4,8],float32[8,8];,NK,)").value(), "dense.cpu",
                   ParseTarget("cpu -mcpu=znver5").value()};
    trial_.config.entities = {{"tile", SplitEntity{{-1, 2}}}};
    const CompiledTask task{.so = LibraryOf("library"),
                            .buffers = {ParseTensorType("float32[4]").value()},
                            .calls = {{.symbol = "k", .operands = {0, 1, 3, 2}}},
                            .tolerance = 1e-4};
    module_ = {task, task};
    module_.reference.so = LibraryOf("plain");
  }
  // As it comes to a runner of "xeon", who was announced the hash of these very bytes.
  absl::Status Opened(v1::SignedModule sealed, bool tls = true) {
    trial_.module_sha256 = Sha256Hex(sealed.module()).value();
    return OpenModule(sealed, trial_, {"xeon", tls ? &runner_ : nullptr, &revoked_}, now_).status();
  }
  // As the server hands it out: with a list that revokes this builder, or nobody.
  v1::SignedModule WithList(v1::SignedModule sealed, const CertificateAndKey& authority,
                            const Credentials* builder, int64_t made) {
    Serials serials;
    if (builder) serials.insert(ReadCertificate(builder->own.certificate)->serial);
    sealed.set_revocations(MakeRevocationList(authority, serials, made).value());
    return sealed;
  }
  v1::SignedModule SealedBy(const Credentials& builder, const std::string& key = "xeon") {
    return SealModule(module_, trial_, {key, &builder}).value();
  }
  void ExpectRefused(const v1::SignedModule& sealed, const std::string& why) {
    const absl::Status status = Opened(sealed);
    EXPECT_TRUE(absl::IsDataLoss(status)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(why));
  }

  const CertificateAndKey authority_ = MakeAuthority("farm", {Now(), 10}).value();
  const Credentials builder_ = Issue(authority_, {Role::kWorker, "big", {"xeon", "h200"}});
  const Credentials runner_ = Issue(authority_, {Role::kWorker, "board", {"xeon"}});
  KnownRevocations revoked_{authority_.certificate};
  int64_t now_ = Now();
  WorkerTrial trial_;
  TrialModule module_;
};

TEST_F(ModuleSeal, WhatABuilderOfTheKeySignedIsOpened) {
  const v1::SignedModule sealed = SealedBy(builder_);
  trial_.module_sha256 = Sha256Hex(sealed.module()).value();
  const auto opened = OpenModule(sealed, trial_, {"xeon", &runner_}, now_);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(opened->kernel.so, module_.kernel.so);
  EXPECT_EQ(opened->reference.so, module_.reference.so);
  EXPECT_EQ(opened->kernel.calls.at(0).operands, module_.kernel.calls[0].operands);
  EXPECT_EQ(opened->kernel.buffers, module_.kernel.buffers);
}

TEST_F(ModuleSeal, BytesOfAnotherHashAreRefusedAlsoWithoutTls) {
  v1::SignedModule sealed = SealModule(module_, trial_, {"xeon", nullptr}).value();
  EXPECT_TRUE(sealed.signature().empty());
  EXPECT_TRUE(Opened(sealed, /*tls=*/false).ok());
  sealed.mutable_module()->back() ^= 1;
  const absl::Status status = OpenModule(sealed, trial_, {"xeon", nullptr}, now_).status();
  EXPECT_TRUE(absl::IsDataLoss(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("another hash"));
}

TEST_F(ModuleSeal, TamperedBytesAreRefusedWhateverHashIsAnnounced) {
  v1::SignedModule sealed = SealedBy(builder_);
  TrialModule other = module_;
  other.kernel.so = "evil";
  sealed.set_module(EncodeModule(other));
  ExpectRefused(sealed, "not that of the certificate's key");
  sealed = SealedBy(builder_);
  sealed.mutable_signature()->back() ^= 1;
  ExpectRefused(sealed, "not that of the certificate's key");
}

TEST_F(ModuleSeal, AnUnsignedModuleIsRefusedWithTls) {
  ExpectRefused(SealModule(module_, trial_, {"xeon", nullptr}).value(), "no certificate");
}

TEST_F(ModuleSeal, OnlyWorkersOfTheFarmAndKeyMayBuild) {
  const CertificateAndKey stranger = MakeAuthority("farm", {Now(), 10}).value();
  ExpectRefused(SealedBy(Issue(stranger, {Role::kWorker, "big", {"xeon"}})), "another authority");
  ExpectRefused(SealedBy(Issue(authority_, {Role::kClient, "ann", {}})), "client ann");
  ExpectRefused(SealedBy(Issue(authority_, {Role::kAdmin, "root", {}})), "admin root");
  ExpectRefused(SealedBy(Issue(authority_, {Role::kServer, "farm", {}})), "server farm");
  ExpectRefused(SealedBy(Issue(authority_, {Role::kWorker, "gpu", {"h200"}})), "worker gpu");
  now_ += 6 * 86'400;
  EXPECT_TRUE(absl::IsDataLoss(Opened(SealedBy(builder_)))) << "its time is over";
}

TEST_F(ModuleSeal, AModuleOfARevokedBuilderIsRefused) {
  const Credentials other = Issue(authority_, {Role::kWorker, "other", {"xeon"}});
  EXPECT_TRUE(Opened(WithList(SealedBy(builder_), authority_, nullptr, Now())).ok());
  const v1::SignedModule sealed = WithList(SealedBy(builder_), authority_, &builder_, Now());
  ExpectRefused(sealed, "the certificate of worker big, who signed it, is revoked");
  EXPECT_TRUE(Opened(SealedBy(other)).ok());
}

TEST_F(ModuleSeal, AnOlderListOrNoneBringsNobodysTrustBack) {
  const v1::SignedModule sealed = SealedBy(builder_);
  ExpectRefused(WithList(sealed, authority_, &builder_, Now()), "revoked");
  ExpectRefused(WithList(sealed, authority_, nullptr, Now() - 3600), "revoked");
  ExpectRefused(WithList(sealed, authority_, nullptr, Now() + 3600), "revoked");
  ExpectRefused(sealed, "revoked");
}

TEST_F(ModuleSeal, AListThatTheAuthorityHasNotSignedIsNotTheBuildersFault) {
  const CertificateAndKey stranger = MakeAuthority("farm", {Now(), 10}).value();
  absl::Status status = Opened(WithList(SealedBy(builder_), stranger, nullptr, Now()));
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("crl.pem"));
  v1::SignedModule sealed = SealedBy(builder_);
  sealed.set_revocations(std::string(kMaxRevocationBytes + 1, 'x'));
  status = Opened(sealed);
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("allowed"));
}

TEST_F(ModuleSeal, AModuleOfAnotherTrialOrKeyIsRefused) {
  ExpectRefused(SealedBy(builder_, "h200"), "not that of the certificate's key");
  const v1::SignedModule sealed = SealedBy(builder_);
  const WorkerTrial trial = trial_;
  trial_.config.entities[0].second = SplitEntity{{-1, 4}};
  ExpectRefused(sealed, "not that of the certificate's key");
  trial_ = trial;
  trial_.task.workload = ParseWorkload("dense(float32[2,8],float32[8,8];,NK,)").value();
  ExpectRefused(sealed, "not that of the certificate's key");
}

TEST_F(ModuleSeal, WhatNoBuilderSendsIsRefused) {
  const auto with = [&](const std::function<void(TrialModule*)>& change) {
    TrialModule module = module_;
    change(&module);
    v1::SignedModule sealed;
    sealed.set_module(EncodeModule(module));
    return Opened(sealed, /*tls=*/false);
  };
  EXPECT_TRUE(with([](TrialModule*) {}).ok());
  const std::function<void(TrialModule*)> changes[] = {
      [](TrialModule* m) { m->kernel.calls[0].symbol = "k 1\nreference /etc/shadow"; },
      [](TrialModule* m) { m->kernel.so = ""; },
      [](TrialModule* m) { m->kernel.so = std::string(4096, 'x'); },
      [](TrialModule* m) { m->reference.so[16] = 2; },  // a program
      [](TrialModule* m) { m->kernel.calls[0].symbol = ""; },
      [](TrialModule* m) { m->kernel.calls[0].operands = {}; },
      [](TrialModule* m) { m->kernel.calls[0].operands = {0, 4}; },
      [](TrialModule* m) { m->reference.calls[0].operands = {-1}; },
      [](TrialModule* m) { m->reference.calls.clear(); },
      [](TrialModule* m) { m->kernel.calls[0].extent = 0; },
      [](TrialModule* m) { m->kernel.calls[0].launch.grid[0] = 0; },
      [](TrialModule* m) { m->kernel.tolerance = 1e9; },
      [](TrialModule* m) {
        m->kernel.buffers.assign(10, ParseTensorType("float32[1099511627776]").value());
      }};
  for (size_t i = 0; i < std::size(changes); ++i) {
    EXPECT_TRUE(absl::IsDataLoss(with(changes[i]))) << "change " << i;
  }
  v1::SignedModule garbage;
  for (const std::string& bytes : {std::string(), std::string("\xff\xff"), std::string(100, 'x')}) {
    garbage.set_module(bytes);
    EXPECT_TRUE(absl::IsDataLoss(Opened(garbage, /*tls=*/false)));
  }
}

TEST_F(ModuleSeal, AModuleAboveTheLimitIsNotSent) {
  module_.kernel.so.assign(kMaxModuleBytes, 'x');
  EXPECT_TRUE(absl::IsResourceExhausted(SealModule(module_, trial_, {"xeon", nullptr}).status()));
}

}  // namespace
}  // namespace tilewright
