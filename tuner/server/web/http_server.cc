#include "tuner/server/web/http_server.h"

#include <CivetServer.h>

#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace tilewright {
namespace {

constexpr size_t kMostParameter = 1 << 10;
const char* const kParameters[] = {"id", "q", "key"};  // of any path

const char* PhraseOf(int code) {
  switch (code) {
    case 200: return "OK";
    case 400: return "Bad Request";
    case 404: return "Not Found";
    case 421: return "Misdirected Request";
    default: return "Service Unavailable";
  }
}

void Send(mg_connection* connection, const HttpReply& reply) {
  // Nothing from elsewhere runs in the page, nobody frames it, nothing is kept.
  mg_printf(connection,
            "HTTP/1.1 %d %s\r\nContent-Type: %s; charset=utf-8\r\nContent-Length: %zu\r\n"
            "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
            "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "
            "connect-src 'self'; frame-ancestors 'none'\r\nConnection: close\r\n\r\n",
            reply.code, PhraseOf(reply.code), reply.type.c_str(), reply.body.size());
  mg_write(connection, reply.body.data(), reply.body.size());
}

// An address in digits, or localhost.
bool IsOwnHost(const char* host) {
  if (!host) return false;
  std::string name = host;
  if (const size_t colon = name.rfind(':'); colon != name.npos && name.back() != ']') {
    name.resize(colon);
  }
  return name == "localhost" || name.find_first_not_of("0123456789.") == name.npos ||
         (absl::StartsWith(name, "[") && absl::EndsWith(name, "]"));
}

class Route final : public CivetHandler {
 public:
  Route(std::string path, HttpHandler handler)
      : path_(std::move(path)), handler_(std::move(handler)) {}

  bool handleGet(CivetServer*, mg_connection* connection) override {
    const mg_request_info* request = mg_get_request_info(connection);
    // civetweb gives a handler the paths below its own too.
    if (path_ != request->local_uri) {
      Send(connection, {404, "text/plain", "no such page\n"});
    } else if (!IsOwnHost(mg_get_header(connection, "Host"))) {
      Send(connection, {421, "text/plain", "ask for this server by its address\n"});
    } else {
      Send(connection, handler_(QueryOf(connection)));
    }
    return true;
  }

 private:
  static HttpQuery QueryOf(mg_connection* connection) {
    HttpQuery query;
    for (const char* name : kParameters) {
      std::string value;
      if (!CivetServer::getParam(connection, name, value)) continue;
      query[name] = value.substr(0, kMostParameter);
    }
    return query;
  }

  const std::string path_;
  const HttpHandler handler_;
};

class HttpServerImpl final : public HttpServer {
 public:
  // Throws CivetException when the address cannot be bound.
  HttpServerImpl(const std::string& listen, HttpRoutes routes)
      : server_({"listening_ports", listen, "num_threads", "4", "request_timeout_ms", "10000",
                 "enable_keep_alive", "no", "max_request_size", "8192"}) {
    for (auto& [path, handler] : routes) {
      routes_.push_back(std::make_unique<Route>(path, std::move(handler)));
      server_.addHandler(path, *routes_.back());
    }
    const std::vector<int> ports = server_.getListeningPorts();
    address_ = absl::StrCat(listen.substr(0, listen.rfind(':')), ":", ports.empty() ? 0 : ports[0]);
  }
  ~HttpServerImpl() override { server_.close(); }  // before the handlers go

  const std::string& address() const override { return address_; }

 private:
  std::vector<std::unique_ptr<Route>> routes_;
  CivetServer server_;
  std::string address_;
};

}  // namespace

HttpReply FailedReply(const absl::Status& status) {
  return {absl::IsNotFound(status) ? 404 : 503, "text/plain", std::string(status.message()) + "\n"};
}

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(const std::string& listen,
                                                              HttpRoutes routes) {
  try {
    return std::make_unique<HttpServerImpl>(listen, std::move(routes));
  } catch (const CivetException&) {
    return absl::UnavailableError(
        absl::StrCat("cannot serve HTTP on ", listen,
                     ": the address is in use, not of this machine, or no numeric HOST:PORT"));
  }
}

}  // namespace tilewright
