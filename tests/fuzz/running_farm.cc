#include "tests/fuzz/running_farm.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>

#include "base/check.h"
#include "proto/call_method.h"
#include "proto/channel.h"
#include "tests/farm/played_peers.h"
#include "tests/records/sample_records.h"

namespace tilewright {
namespace {

constexpr int kMostRequests = 2000;
constexpr double kPatienceSeconds = 0.1;

}  // namespace

RunningFarm& RunningFarm::Get() {
  static auto* farm = new std::unique_ptr<RunningFarm>();
  if (!*farm || ++(*farm)->requests_ > kMostRequests) {
    farm->reset();
    *farm = std::make_unique<RunningFarm>();
  }
  return **farm;
}

RunningFarm::RunningFarm()
    : folder_(PrivateFolder::Make(std::filesystem::temp_directory_path().string()).value()),
      store_(MakeMemoryStore()) {
  const Record record = SampleRecord("run-1");
  TW_CHECK(store_->Append({&record, 1}).ok()) << "a store in memory";
  server_ = Server::Start({.listen = "unix:" + folder_->path() + "/s", .http = "127.0.0.1:0"},
                          *store_, clock_)
                .value();
  channel_ = MakeChannel({server_->address(), nullptr});
  grpc::ClientContext context;
  v1::OpenSessionReply reply;
  const auto worker = v1::WorkerService::NewStub(channel_);
  TW_CHECK(worker->OpenSession(&context, PlayedWorker("w", "cpu", 4), &reply).ok()) << "a session";
  session_ = reply.session();
  epoch_ = reply.server_epoch();
}

bool RunningFarm::Call(const std::string& method, std::string_view request) {
  return CallMethod(channel_, method, request, kPatienceSeconds).status.ok();
}

std::string RunningFarm::Http(std::string_view request) {
  const std::string& address = server_->http_address();
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  to.sin_port = htons(static_cast<uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  TW_CHECK(connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof(to)) == 0) << "no web page";
  send(fd, request.data(), request.size(), MSG_NOSIGNAL);
  shutdown(fd, SHUT_WR);
  std::string answer;
  char buffer[4096];
  for (ssize_t n; (n = recv(fd, buffer, sizeof(buffer), 0)) > 0;) {
    answer.append(buffer, static_cast<size_t>(n));
  }
  close(fd);
  return answer;
}

}  // namespace tilewright
