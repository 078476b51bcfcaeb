// A small read-only HTTP server (civetweb): a few fixed paths, GET only. Knows nothing of farms.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace tilewright {

struct HttpReply {
  int code = 200;
  std::string type = "application/json";
  std::string body;
};
// What a failure is answered with: 404 for NotFound, 503 for all else, and its message as text.
HttpReply FailedReply(const absl::Status& status);

// Parameters of the query, at most 1 KiB each; called on any of a few threads.
using HttpQuery = std::map<std::string, std::string>;
using HttpHandler = std::function<HttpReply(const HttpQuery& query)>;
using HttpRoutes = std::map<std::string, HttpHandler>;  // exact path -> handler

class HttpServer {
 public:
  // listen: "HOST:PORT", a numeric address (port 0: any). Unavailable when it cannot be bound. What
  // the handlers use outlives this. Requests whose Host is a name other than localhost are refused:
  // a page of somebody else's must not read a server on loopback by a name that it controls.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(const std::string& listen,
                                                           HttpRoutes routes);
  virtual ~HttpServer() = default;
  virtual const std::string& address() const = 0;

 protected:
  HttpServer() = default;
};

}  // namespace tilewright
