// Who may do what with a server: real servers, certificates of every kind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <set>
#include <thread>

#include "google/protobuf/descriptor.h"
#include "proto/call_method.h"
#include "proto/channel.h"
#include "proto/convert.h"
#include "proto/tilewright.grpc.pb.h"
#include "security/authority.h"
#include "tests/farm/played_peers.h"
#include "tests/records/sample_records.h"
#include "tuner/server/server.h"
#include "tuner/server/services/access.h"

namespace tilewright {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr Role kAllRoles[] = {Role::kServer, Role::kWorker, Role::kClient, Role::kViewer,
                              Role::kAdmin};

// "/tilewright.v1.WorkerService/Lease", ... of every service of the protocol.
std::vector<std::string> AllMethods() {
  std::vector<std::string> methods;
  const auto* file = v1::JobSpec::descriptor()->file();
  for (int s = 0; s < file->service_count(); ++s) {
    for (int m = 0; m < file->service(s)->method_count(); ++m) {
      methods.push_back("/" + file->service(s)->full_name() + "/" +
                        file->service(s)->method(m)->name());
    }
  }
  return methods;
}

std::set<Role> RolesOf(const std::string& method) {
  std::set<Role> roles;
  for (const Role role : kAllRoles) {
    if (CheckRole(method, {role, "x", {}}).ok()) roles.insert(role);
  }
  return roles;
}

TEST(MethodRoles, EveryMethodIsSomebodysAndNoOtherIs) {
  const std::vector<std::string> methods = AllMethods();
  EXPECT_THAT(methods, SizeIs(::testing::Ge(14)));
  for (const std::string& method : methods) {
    const std::set<Role> roles = RolesOf(method);
    EXPECT_FALSE(roles.empty()) << method << " has no row in the table";
    EXPECT_FALSE(roles.contains(Role::kServer)) << method;
    const bool of_workers = method.find("WorkerService") != method.npos;
    EXPECT_EQ(roles.contains(Role::kWorker), of_workers) << method;
    EXPECT_EQ(roles.contains(Role::kAdmin), !of_workers) << method;
  }
  const std::set<Role> readers = {Role::kClient, Role::kViewer, Role::kAdmin};
  for (const char* method : {"LookUpRecords", "FindRecords", "ListRevocations"}) {
    EXPECT_EQ(RolesOf(std::string("/tilewright.v1.TuningService/") + method), readers) << method;
  }
  EXPECT_EQ(RolesOf("/tilewright.v1.TuningService/RevokeRecords"), std::set{Role::kAdmin});
  EXPECT_TRUE(RolesOf("/tilewright.v1.TuningService/DropEverything").empty());
  EXPECT_TRUE(RolesOf("").empty());
}

class TlsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Start();
    stranger_ca_.emplace(Authority::Create(folder_ / "other-ca", "farm", {Now(), 10}).value());
  }
  static int64_t Now() { return static_cast<int64_t>(SystemClock().UnixTime()); }

  Credentials Issue(Authority& ca, const Identity& identity, const std::string& folder) {
    CertificateRequest request{.identity = identity, .validity = {Now(), 5}};
    if (identity.role == Role::kServer) request.hosts = {"127.0.0.1"};
    EXPECT_TRUE(ca.Issue(request, folder_ / folder).ok());
    return LoadCredentials(folder_ / folder, Now()).value();
  }
  // The endpoint of a holder, who gets a certificate the first time.
  Endpoint As(Role role, const std::string& name) {
    std::shared_ptr<const Credentials>& held = held_[NameOf(role) + "-" + name];
    if (!held) {
      Identity identity{role, name, {}};
      if (role == Role::kWorker) identity.keys = {"xeon"};
      held = std::make_shared<const Credentials>(Issue(ca_, identity, NameOf(role) + "-" + name));
    }
    return {server_->address(), held};
  }
  void Start() {
    const auto own =
        std::make_shared<const Credentials>(Issue(ca_, {Role::kServer, "farm", {}}, "tls"));
    crl_ = own->revocation_path();
    server_ = Server::Start({.listen = "127.0.0.1:0", .credentials = own}, *store_, clock_).value();
  }

  // Calls a method with an empty request.
  static grpc::Status Call(const Endpoint& server, const std::string& method) {
    return CallMethod(MakeChannel(server), method, "", 20).status;
  }
  static bool IsRefused(const grpc::Status& status) {
    return status.error_code() == grpc::PERMISSION_DENIED ||
           status.error_code() == grpc::UNAUTHENTICATED || status.error_code() == grpc::UNAVAILABLE;
  }
  static grpc::Status Submit(const Endpoint& server, std::string* job,
                             const std::string& owner = "") {
    v1::SubmitJobRequest request;
    request.set_owner(owner);
    *request.mutable_spec() = PlayedJob("xeon", 5);
    grpc::ClientContext context;
    v1::SubmitJobReply reply;
    const grpc::Status status =
        v1::TuningService::NewStub(MakeChannel(server))->SubmitJob(&context, request, &reply);
    *job = reply.job();
    return status;
  }
  static std::vector<std::string> JobsSeenBy(const Endpoint& server) {
    grpc::ClientContext context;
    v1::ListJobsReply reply;
    const grpc::Status status =
        v1::TuningService::NewStub(MakeChannel(server))->ListJobs(&context, {}, &reply);
    EXPECT_TRUE(status.ok()) << status.error_message();
    std::vector<std::string> jobs;
    for (const v1::JobSummary& job : reply.jobs()) jobs.push_back(job.job() + "/" + job.owner());
    return jobs;
  }
  static grpc::Status Cancel(const Endpoint& server, const std::string& job) {
    grpc::ClientContext context;
    v1::CancelJobRequest request;
    request.set_job(job);
    v1::CancelJobReply reply;
    return v1::TuningService::NewStub(MakeChannel(server))->CancelJob(&context, request, &reply);
  }
  static grpc::Status Open(const Endpoint& server, const std::string& name,
                           const std::string& key) {
    grpc::ClientContext context;
    const v1::OpenSessionRequest request = PlayedWorker(name, key, 1);
    v1::OpenSessionReply reply;
    return v1::WorkerService::NewStub(MakeChannel(server))->OpenSession(&context, request, &reply);
  }

  const TempFolder folder_;
  const SystemClock clock_;
  const std::unique_ptr<RecordStore> store_ = MakeMemoryStore();
  Authority ca_ = Authority::Create(folder_ / "ca", "farm", {Now(), 10}).value();
  std::optional<Authority> stranger_ca_;
  std::string crl_;
  std::map<std::string, std::shared_ptr<const Credentials>> held_;
  std::unique_ptr<Server> server_;
};

TEST_F(TlsTest, EveryMethodAnswersItsRolesAndRefusesAllOthers) {
  for (const std::string& method : AllMethods()) {
    for (const Role role : {Role::kWorker, Role::kClient, Role::kViewer, Role::kAdmin}) {
      const grpc::Status status = Call(As(role, "x"), method);
      const bool may = RolesOf(method).contains(role);
      EXPECT_EQ(status.error_code() == grpc::PERMISSION_DENIED, !may)
          << method << " by " << NameOf(role) << ": " << status.error_message();
      if (may) continue;
      EXPECT_THAT(status.error_message(), HasSubstr("has the role " + NameOf(role)));
    }
  }
}

TEST_F(TlsTest, NobodyElseGetsIn) {
  const std::string method = "/tilewright.v1.TuningService/ListJobs";
  EXPECT_TRUE(IsRefused(Call({server_->address(), nullptr}, method))) << "plaintext";
  const auto stranger =
      std::make_shared<Credentials>(Issue(*stranger_ca_, {Role::kAdmin, "eve", {}}, "eve"));
  stranger->authority = As(Role::kAdmin, "x").credentials->authority;
  EXPECT_TRUE(IsRefused(Call({server_->address(), stranger}, method))) << "another authority's";
  auto own = std::make_shared<Credentials>(Issue(ca_, {Role::kServer, "fake", {}}, "fake"));
  EXPECT_TRUE(IsRefused(Call({server_->address(), own}, method))) << "a server's";
  EXPECT_EQ(Call(As(Role::kAdmin, "x"), "/tilewright.v1.TuningService/Nothing").error_code(),
            grpc::PERMISSION_DENIED);
  EXPECT_TRUE(Call(As(Role::kAdmin, "x"), method).ok());
}

TEST_F(TlsTest, ARevokedCertificateEndsWithoutARestart) {
  const Endpoint ann = As(Role::kClient, "ann");
  const std::string method = "/tilewright.v1.TuningService/ListJobs";
  ASSERT_TRUE(Call(ann, method).ok());
  ASSERT_TRUE(ca_.Revoke("ann", Now()).ok());
  std::filesystem::copy_file(ca_.revocation_path(), crl_,
                             std::filesystem::copy_options::overwrite_existing);
  grpc::Status status;
  for (int i = 0; i < 100 && status.ok(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    status = Call(ann, method);
  }
  EXPECT_EQ(status.error_code(), grpc::UNAUTHENTICATED);
  EXPECT_THAT(status.error_message(), HasSubstr("client ann is revoked"));
  EXPECT_TRUE(Call(As(Role::kClient, "bob"), method).ok());
}

TEST_F(TlsTest, UsersSeeAndSteerTheirOwnJobs) {
  const Endpoint ann = As(Role::kClient, "ann"), bob = As(Role::kClient, "bob");
  std::string of_ann, of_bob;
  ASSERT_TRUE(Submit(ann, &of_ann, "bob").ok()) << "the name is the certificate's";
  ASSERT_TRUE(Submit(bob, &of_bob).ok());
  EXPECT_NE(of_ann, of_bob) << "the same spec";
  EXPECT_THAT(JobsSeenBy(ann), ElementsAre(of_ann + "/ann"));
  EXPECT_THAT(JobsSeenBy(bob), ElementsAre(of_bob + "/bob"));
  EXPECT_THAT(JobsSeenBy(As(Role::kViewer, "wall")), SizeIs(2));
  const grpc::Status others = Cancel(bob, of_ann);
  EXPECT_EQ(others.error_code(), grpc::NOT_FOUND);
  EXPECT_THAT(others.error_message(), HasSubstr("known: " + of_bob));
  EXPECT_TRUE(Cancel(As(Role::kAdmin, "root"), of_ann).ok());
  EXPECT_TRUE(Cancel(bob, of_bob).ok());
}

TEST_F(TlsTest, AWorkerServesOnlyItsKeysUnderItsName) {
  const Endpoint worker = As(Role::kWorker, "rack3");
  EXPECT_TRUE(Open(worker, "rack3", "xeon").ok());
  EXPECT_TRUE(Open(worker, "rack3-2", "xeon").ok());
  for (const char* name : {"rack4", "rack33", "ack3"}) {
    EXPECT_EQ(Open(worker, name, "xeon").error_code(), grpc::PERMISSION_DENIED) << name;
  }
  const grpc::Status other = Open(worker, "rack3", "h200");
  EXPECT_EQ(other.error_code(), grpc::PERMISSION_DENIED);
  EXPECT_THAT(other.error_message(), HasSubstr("issue one with --key h200"));
}

TEST_F(TlsTest, WhatIsWrongWithAConnectionIsSaid) {
  const auto said = [](const Endpoint& server) {
    return std::string(
        ExplainFailure(Call(server, "/tilewright.v1.TuningService/ListJobs"), server).message());
  };
  const Endpoint ann = As(Role::kClient, "ann");
  EXPECT_THAT(said({server_->address(), nullptr}), HasSubstr("wants TLS: pass --tls"));
  const auto stranger =
      std::make_shared<const Credentials>(Issue(*stranger_ca_, {Role::kClient, "eve", {}}, "eve"));
  EXPECT_THAT(said({server_->address(), stranger}), HasSubstr("signed by another authority"));
  auto tolerant = std::make_shared<Credentials>(*stranger);
  tolerant->authority = ann.credentials->authority;
  EXPECT_THAT(said({server_->address(), tolerant}), HasSubstr("refuses the certificate"));
  const std::string port = server_->address().substr(server_->address().rfind(':'));
  EXPECT_THAT(said({"localhost" + port, ann.credentials}), HasSubstr("does not name localhost"));
  const auto store = MakeMemoryStore();
  const auto plain = Server::Start({.listen = "127.0.0.1:0"}, *store, clock_).value();
  EXPECT_THAT(said({plain->address(), ann.credentials}), HasSubstr("does not speak TLS"));
}

TEST_F(TlsTest, AServerNeedsAServersCertificate) {
  const auto own =
      std::make_shared<const Credentials>(Issue(ca_, {Role::kAdmin, "root", {}}, "root"));
  const absl::Status status =
      Server::Start({.listen = "127.0.0.1:0", .credentials = own}, *store_, clock_).status();
  EXPECT_TRUE(absl::IsPermissionDenied(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("needs one of the role server"));
}

}  // namespace
}  // namespace tilewright
