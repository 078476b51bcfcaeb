// A bad network: stands between a server and those who connect to it, and holds back bytes or
// breaks connections when told. Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <mutex>
#include <string>
#include <thread>

namespace tilewright {

class TcpProxy {
 public:
  // To a server on this machine's loopback.
  explicit TcpProxy(int server_port);
  ~TcpProxy();

  // What clients connect to.
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

  // While held, nothing arrives at that end; nothing is lost either, as TCP sends again.
  void HoldToServer(bool hold) { held_[0] = hold; }
  void HoldToClient(bool hold) { held_[1] = hold; }
  // That went to clients so far.
  int64_t BytesToClients() const { return bytes_to_clients_; }
  // Ends every connection with a reset; what was under way is lost.
  void BreakAll();

 private:
  struct Connection {
    int client = -1, server = -1;
    std::thread pumps[2];
  };
  void Accept();
  // One direction: 0 to the server, 1 to the client.
  void Pump(int direction, int from, int to);

  int listener_ = -1, port_ = 0, server_port_;
  std::atomic<bool> stopping_ = false, held_[2] = {false, false};
  std::atomic<int64_t> bytes_to_clients_ = 0;
  std::mutex mutex_;
  std::list<Connection> connections_;  // guarded by mutex_; kept to the end
  std::thread acceptor_;               // last: it uses all of the above
};

}  // namespace tilewright
