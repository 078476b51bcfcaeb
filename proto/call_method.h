// A unary call of a method by its name: of services without generated code here (gRPC's health),
// and of any method with any bytes. Thread-safe.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "grpcpp/channel.h"
#include "grpcpp/support/status.h"

namespace tilewright {

struct MethodReply {
  grpc::Status status;
  std::string message;  // its bytes, where the status is ok
};

// `method` is "/package.Service/Method"; waits for the answer, DEADLINE_EXCEEDED after `seconds`.
MethodReply CallMethod(const std::shared_ptr<grpc::Channel>& channel, const std::string& method,
                       std::string_view request, double seconds);

}  // namespace tilewright
