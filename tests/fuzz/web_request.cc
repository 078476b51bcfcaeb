// Requests to the farm's web page.
#include "base/check.h"
#include "tests/fuzz/running_farm.h"
#include "tests/fuzz/target.h"

namespace tilewright {

FuzzTarget web_request() {
  FuzzTarget target{.variants = 20};
  for (const char* path :
       {"/", "/farm.js", "/api/jobs", "/api/job?id=test-00", "/api/layers?id=test-00",
        "/api/best?q=conv2d+56&key=xeon", "/api/workers", "/metrics"}) {
    target.seeds.push_back(std::string("GET ") + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
  }
  target.read = [](std::string_view bytes) {
    RunningFarm& farm = RunningFarm::Get();
    const std::string answer = farm.Http(bytes);
    TW_CHECK(answer.empty() || answer.starts_with("HTTP/")) << answer;
    const std::string next = farm.Http("GET /api/workers HTTP/1.1\r\nHost: localhost\r\n\r\n");
    TW_CHECK(next.starts_with("HTTP/1.1 200")) << next;
    return !answer.empty();
  };
  return target;
}

}  // namespace tilewright
