// Requests to every method of the farm's services, to a server in this process: the first byte says
// which method, the rest is the request.
#include <google/protobuf/descriptor.h>

#include "tests/farm/played_peers.h"
#include "tests/fuzz/running_farm.h"
#include "tests/fuzz/target.h"

namespace tilewright {
namespace {

// Stands for the session of a worker, of which nobody knows the name beforehand: as long as it.
const std::string& SessionPlace() {
  static const auto* place = new std::string(32, 's');
  return *place;
}

std::vector<const google::protobuf::MethodDescriptor*> Methods() {
  std::vector<const google::protobuf::MethodDescriptor*> methods;
  const google::protobuf::FileDescriptor& file = *v1::JobSpec::descriptor()->file();
  for (int service = 0; service < file.service_count(); ++service) {
    for (int i = 0; i < file.service(service)->method_count(); ++i) {
      methods.push_back(file.service(service)->method(i));
    }
  }
  return methods;
}

std::string PathOf(const google::protobuf::MethodDescriptor& method) {
  return "/" + method.service()->full_name() + "/" + method.name();
}

void Replace(const std::string& from, const std::string& to, std::string* text) {
  for (size_t at; (at = text->find(from)) != text->npos;) text->replace(at, from.size(), to);
}

// A report that the server takes for one of its own time.
std::string OfThisEpoch(const std::string& bytes, uint64_t epoch) {
  v1::ReportRequest report;
  if (!report.ParseFromString(bytes)) return bytes;
  report.set_server_epoch(epoch);
  return report.SerializeAsString();
}

bool Ask(std::string_view bytes) {
  if (bytes.empty()) return false;
  static const auto methods = Methods();
  RunningFarm& farm = RunningFarm::Get();
  const auto& method = *methods[static_cast<unsigned char>(bytes[0]) % methods.size()];
  std::string request(bytes.substr(1));
  Replace(SessionPlace(), farm.session(), &request);
  if (method.name() == "Report") request = OfThisEpoch(request, farm.epoch());
  farm.Call(PathOf(method), request);
  // Whatever that was, the next one is answered.
  return farm.Call("/tilewright.v1.TuningService/ListWorkers", "");
}

std::string WorkersRequest(const std::string& method) {
  if (method == "OpenSession") return PlayedWorker("other", "cpu", 4).SerializeAsString();
  v1::ReportRequest report;
  report.set_session(SessionPlace());
  report.set_attempt(1);
  report.set_fence(1);
  report.mutable_measured()->mutable_outcome()->add_seconds(0.5);
  if (method == "Report") return report.SerializeAsString();
  v1::LeaseRequest lease;  // its first field is that of the others
  lease.set_session(SessionPlace());
  return lease.SerializeAsString();
}

std::string ClientsRequest(const std::string& method) {
  if (method == "SubmitJob") {
    v1::SubmitJobRequest submit;
    *submit.mutable_spec() = PlayedJob("cpu", 4);
    submit.set_request("request");
    return submit.SerializeAsString();
  }
  if (method == "LookUpRecords") {
    v1::LookUpRecordsRequest look;
    look.add_workloads(kPlayedWorkload);
    look.set_target(kPlayedTarget);
    return look.SerializeAsString();
  }
  if (method == "RevokeRecords") {
    v1::RevokeRecordsRequest revoke;
    revoke.set_worker("worker-1");
    revoke.set_reason("its fan had stopped");
    return revoke.SerializeAsString();
  }
  v1::WatchJobRequest named;  // of a job, a worker or a blob
  named.set_job("records.log");
  return named.SerializeAsString();
}

}  // namespace

FuzzTarget service_request() {
  FuzzTarget target{.read = Ask, .variants = 10};
  const auto methods = Methods();
  for (size_t i = 0; i < methods.size(); ++i) {
    const bool worker = methods[i]->service()->name() == "WorkerService";
    const std::string& name = methods[i]->name();
    target.seeds.push_back(static_cast<char>(i) +
                           (worker ? WorkersRequest(name) : ClientsRequest(name)));
  }
  return target;
}

}  // namespace tilewright
