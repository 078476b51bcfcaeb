#include "tests/faults/tcp_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>

#include "base/check.h"

namespace tilewright {
namespace {

constexpr int kPollMilliseconds = 20;

sockaddr_in Loopback(int port) {
  sockaddr_in address{.sin_family = AF_INET, .sin_port = htons(static_cast<uint16_t>(port))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int Connect(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in to = Loopback(port);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) == 0) return fd;
  close(fd);
  return -1;
}

bool Readable(int fd) {
  pollfd wait{.fd = fd, .events = POLLIN};
  return poll(&wait, 1, kPollMilliseconds) > 0;
}

bool SendAll(int fd, const char* data, ssize_t bytes) {
  while (bytes > 0) {
    const ssize_t sent = send(fd, data, bytes, MSG_NOSIGNAL);
    if (sent <= 0) return false;
    data += sent;
    bytes -= sent;
  }
  return true;
}

// The next close sends a reset; both pumps see the end at once.
void Break(int fd) {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  shutdown(fd, SHUT_RDWR);
}

}  // namespace

TcpProxy::TcpProxy(int server_port) : server_port_(server_port) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in here = Loopback(0);
  socklen_t size = sizeof(here);
  auto* address = reinterpret_cast<sockaddr*>(&here);
  TW_CHECK(bind(listener_, address, size) == 0 && listen(listener_, 64) == 0);
  TW_CHECK(getsockname(listener_, address, &size) == 0);
  port_ = ntohs(here.sin_port);
  acceptor_ = std::thread([this] { Accept(); });
}

TcpProxy::~TcpProxy() {
  stopping_ = true;
  BreakAll();
  acceptor_.join();
  for (Connection& connection : connections_) {
    for (std::thread& pump : connection.pumps) pump.join();
    close(connection.client);
    close(connection.server);
  }
  close(listener_);
}

void TcpProxy::Accept() {
  while (!stopping_) {
    if (!Readable(listener_)) continue;
    const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    const int server = Connect(server_port_);
    if (client < 0 || server < 0) {
      if (client >= 0) close(client);
      continue;
    }
    std::lock_guard lock(mutex_);
    Connection& connection = connections_.emplace_back();
    connection.client = client;
    connection.server = server;
    connection.pumps[0] = std::thread([=, this] { Pump(0, client, server); });
    connection.pumps[1] = std::thread([=, this] { Pump(1, server, client); });
  }
}

void TcpProxy::Pump(int direction, int from, int to) {
  char buffer[1 << 14];
  while (!stopping_) {
    if (held_[direction]) {
      std::this_thread::sleep_for(std::chrono::milliseconds(kPollMilliseconds));
      continue;
    }
    if (!Readable(from)) continue;
    const ssize_t bytes = recv(from, buffer, sizeof(buffer), 0);
    if (bytes <= 0 || !SendAll(to, buffer, bytes)) break;
    if (direction == 1) bytes_to_clients_ += bytes;
  }
  Break(from);
  Break(to);
}

void TcpProxy::BreakAll() {
  std::lock_guard lock(mutex_);
  for (const Connection& connection : connections_) {
    Break(connection.client);
    Break(connection.server);
  }
}

}  // namespace tilewright
