#include "tuner/server/web/webhook.h"

#include <curl/curl.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "proto/channel.h"
#include "security/hmac.h"
#include "tuner/server/dispatch/random_id.h"

namespace tilewright {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMostWaiting = 1000;
constexpr int kAttempts = 5;
constexpr long kConnectSeconds = 5, kSeconds = 10;
constexpr size_t kLeastSecret = 16;
constexpr size_t kIdBytes = 16;

struct CurlFree {
  void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};

std::string PartOf(CURLU* url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, 0) != CURLUE_OK) return "";
  std::string found = text;
  curl_free(text);
  return found;
}

absl::Status CheckUrl(const WebhookOptions& options) {
  const std::unique_ptr<CURLU, CurlFree> url(curl_url());
  const bool parsed = curl_url_set(url.get(), CURLUPART_URL, options.url.c_str(), 0) == CURLUE_OK;
  const std::string scheme = parsed ? PartOf(url.get(), CURLUPART_SCHEME) : "";
  if (scheme != "http" && scheme != "https") {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", options.url, "\" is no address for a webhook; write https://HOST/PATH"));
  }
  const std::string host = PartOf(url.get(), CURLUPART_HOST);
  const bool local = IsLocal(absl::StrCat(host, ":0"));
  if (scheme == "https" || local || options.insecure) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("a webhook to ", host, " by http would show everyone on the way what the farm ",
                   "does; use https, or pass --insecure"));
}

absl::Status CheckSecret(const WebhookOptions& options) {
  if (options.secret.size() >= kLeastSecret) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("a webhook's secret of ", options.secret.size(), " bytes can be guessed; give ",
                   kLeastSecret, " or more, as `openssl rand -hex 32` prints them"));
}

size_t Ignore(char*, size_t size, size_t count, void*) { return size * count; }

}  // namespace

absl::StatusOr<std::unique_ptr<Webhook>> Webhook::Start(const WebhookOptions& options,
                                                        const Clock& clock, Log& log) {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (ready != CURLE_OK) return absl::InternalError(curl_easy_strerror(ready));
  TW_RETURN_IF_ERROR(CheckUrl(options));
  TW_RETURN_IF_ERROR(CheckSecret(options));
  return std::unique_ptr<Webhook>(new Webhook(options, clock, log));
}

Webhook::Webhook(WebhookOptions options, const Clock& clock, Log& log)
    : options_(std::move(options)), clock_(clock), log_(log), sender_([this] { Loop(); }) {}

Webhook::~Webhook() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  sender_.join();
  for (const Event& event : waiting_) {
    log_.Warn("webhook not delivered, the server stops", {{"id", event.id}});
  }
}

void Webhook::OnFault(const AttemptView& attempt, const std::string& reason, bool quarantined) {
  if (!quarantined) return;
  Tell({{"event", "worker_bad"},
        {"worker", attempt.worker.name},
        {"key", attempt.worker.device_key},
        {"reason", reason}});
}

void Webhook::OnHealth(const std::string& worker, WorkerHealth health, const std::string& reason) {
  if (health != WorkerHealth::kBad) return;
  Tell({{"event", "worker_bad"}, {"worker", worker}, {"reason", reason}});
}

void Webhook::OnJobEnded(const std::string& job, const std::string& state,
                         const std::string& message) {
  Tell({{"event", "job_ended"}, {"job", job}, {"state", state}, {"message", message}});
}

void Webhook::Tell(const Fields& fields) {
  std::string id = RandomHex(kIdBytes);
  Json body = {{"id", id}, {"time", clock_.UnixTime()}};
  for (const auto& [name, value] : fields) body[name] = value;
  // What no UTF-8 is becomes U+FFFD.
  Queue(std::move(id), body.dump(-1, ' ', true, Json::error_handler_t::replace));
}

void Webhook::Queue(std::string id, std::string body) {
  {
    std::lock_guard lock(mutex_);
    if (waiting_.size() < kMostWaiting) {
      waiting_.push_back({std::move(id), std::move(body)});
      changed_.notify_all();
      return;
    }
  }
  log_.Warn("webhook not delivered, too many wait", {{"id", id}});
}

void Webhook::Loop() {
  while (true) {
    Event event;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      if (stopping_) return;
      event = std::move(waiting_.front());
      waiting_.pop_front();
    }
    Deliver(event);
  }
}

void Webhook::Deliver(const Event& event) {
  std::string problem;
  double wait = options_.first_wait_seconds;
  for (int attempt = 1;; ++attempt, wait *= 2) {
    const long status = Post(event, &problem);
    if (status >= 200 && status < 300) return;
    if (status != 0) problem = absl::StrCat("it answered ", status);
    if (attempt == kAttempts || !Wait(wait)) break;
  }
  log_.Warn("webhook not delivered", {{"id", event.id}, {"reason", problem}});
}

long Webhook::Post(const Event& event, std::string* problem) const {
  const std::unique_ptr<CURL, CurlFree> curl(curl_easy_init());
  const absl::StatusOr<std::string> signature = HmacSha256Hex(options_.secret, event.body);
  if (!curl || !signature.ok()) {
    *problem = curl ? std::string(signature.status().message()) : "out of memory";
    return 0;
  }
  const std::string signed_by = absl::StrCat("X-Tilewright-Signature: sha256=", *signature);
  std::unique_ptr<curl_slist, CurlFree> headers(
      curl_slist_append(nullptr, "Content-Type: application/json"));
  headers.reset(curl_slist_append(headers.release(), signed_by.c_str()));
  headers.reset(curl_slist_append(headers.release(), "User-Agent: tilewright"));
  CURL* const c = curl.get();
  curl_easy_setopt(c, CURLOPT_URL, options_.url.c_str());
  curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(c, CURLOPT_PROXY, "");  // not by what the environment says
  curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
  curl_easy_setopt(c, CURLOPT_TIMEOUT, kSeconds);
  curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(c, CURLOPT_POSTFIELDS, event.body.c_str());
  curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE, static_cast<long>(event.body.size()));
  curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, Ignore);
  curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(c, CURLOPT_XFERINFODATA, this);
  curl_easy_setopt(
      c, CURLOPT_XFERINFOFUNCTION, +[](void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
        return static_cast<const Webhook*>(self)->IsStopping() ? 1 : 0;
      });
  const CURLcode code = curl_easy_perform(c);
  long status = 0;
  if (code == CURLE_OK) curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
  *problem = curl_easy_strerror(code);
  return status;
}

bool Webhook::IsStopping() const {
  std::lock_guard lock(mutex_);
  return stopping_;
}

bool Webhook::Wait(double seconds) {
  std::unique_lock lock(mutex_);
  return !changed_.wait_for(lock, std::chrono::duration<double>(seconds),
                            [this] { return stopping_; });
}

}  // namespace tilewright
