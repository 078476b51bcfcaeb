#include "proto/call_method.h"

#include <chrono>
#include <vector>

#include "grpcpp/generic/generic_stub.h"

namespace tilewright {

MethodReply CallMethod(const std::shared_ptr<grpc::Channel>& channel, const std::string& method,
                       std::string_view request, double seconds) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() +
                       std::chrono::milliseconds(static_cast<int64_t>(seconds * 1e3)));
  const grpc::Slice slice(request.data(), request.size());
  grpc::CompletionQueue queue;
  grpc::GenericStub stub(channel);
  const auto call = stub.PrepareUnaryCall(&context, method, grpc::ByteBuffer(&slice, 1), &queue);
  call->StartCall();
  grpc::ByteBuffer answer;
  MethodReply reply;
  call->Finish(&answer, &reply.status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  std::vector<grpc::Slice> slices;
  if (!reply.status.ok() || !answer.Dump(&slices).ok()) return reply;
  for (const grpc::Slice& part : slices) reply.message.append(part.begin(), part.end());
  return reply;
}

}  // namespace tilewright
