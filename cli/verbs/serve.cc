// tilewright serve: the farm's server.
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <iostream>
#include <memory>
#include <mutex>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "cli/endpoints/open_records.h"
#include "cli/endpoints/server_option.h"
#include "cli/exit_code.h"
#include "cli/tuning/log_options.h"
#include "cli/tuning/signals.h"
#include "cli/verb.h"
#include "records/store/postgres_store.h"
#include "records/store/postgres_url.h"
#include "tuner/server/server.h"

namespace tilewright {
namespace {

constexpr char kExample[] =
    "  $ tilewright serve --listen 127.0.0.1:9190 --records farm.db\n"
    "  listening on 127.0.0.1:9190, records in farm.db\n"
    "  $ tilewright worker --server 127.0.0.1:9190 --key xeon\n"
    "  $ tilewright submit resnet18.onnx --server 127.0.0.1:9190 --key xeon\n"
    "For other machines, with certificates (see `tilewright certs`):\n"
    "  $ tilewright serve --listen 0.0.0.0:9190 --tls server-tls\n";

constexpr int kReadyFd = 3;
constexpr size_t kMostSecret = 4096;

struct Options {
  ServerOptions server{.listen = "127.0.0.1:9190"};
  std::string records, tls, webhook_secret;
  LogOptions log;
  bool embedded = false;
};

// Tells the process that started this one that the server answers.
void SayReady(const std::string& address) {
  const std::string line = address + "\n";
  if (write(kReadyFd, line.data(), line.size()) < 0) return;  // then nobody waits for it
}

// The text of a file that only its owner reads, without the newline at its end.
absl::StatusOr<std::string> ReadSecret(const std::string& path) {
  struct stat file{};
  if (stat(path.c_str(), &file) != 0 || !S_ISREG(file.st_mode)) {
    return BadInput(
        absl::NotFoundError(absl::StrCat("no file ", path, " with the webhook's secret")));
  }
  if ((file.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return BadInput(absl::PermissionDeniedError(
        absl::StrCat("others may read ", path, ", the webhook's secret: chmod 600 it")));
  }
  std::string secret(kMostSecret, '\0');
  std::ifstream in(path, std::ios::binary);
  in.read(secret.data(), static_cast<std::streamsize>(secret.size()));
  secret.resize(static_cast<size_t>(in.gcount()));
  while (!secret.empty() && secret.back() == '\n') secret.pop_back();
  return secret;
}

absl::Status SetWebhook(Options* options) {
  const bool named = !options->server.webhook.url.empty();
  if (named != !options->webhook_secret.empty()) {
    return UsageError("--webhook and --webhook-secret need each other");
  }
  if (!named) return absl::OkStatus();
  TW_ASSIGN_OR_RETURN(options->server.webhook.secret, ReadSecret(options->webhook_secret));
  return absl::OkStatus();
}

// The records, and why this server can use them no longer: its disk failed, or another server has
// taken them over.
struct ServedRecords {
  std::atomic<bool> told_to_stop = false;
  std::unique_ptr<RecordStore> store;

  // Ends the server.
  void Lose(absl::string_view why) {
    std::lock_guard lock(mutex_);
    if (!lost_.ok()) return;
    lost_ = absl::UnavailableError(why);
    kill(getpid(), SIGTERM);
  }
  absl::Status lost() {
    std::lock_guard lock(mutex_);
    return lost_;
  }

 private:
  std::mutex mutex_;
  absl::Status lost_;
};

// Of a database waits while another server writes; Cancelled when told to end meanwhile.
absl::Status OpenServed(const Options& options, Log& log, ServedRecords* records) {
  const std::string path = RecordsPath(options.records);
  StandbyOptions standby;
  const SignalWatch watch([&] { records->told_to_stop = true; });
  if (!options.embedded) {
    standby.on_wait = [&](const std::string& writer) {
      log.Info("standby: waits while another server writes to the records",
               {{"records", ShownRecords(path)}, {"writer", writer}});
    };
  }
  standby.stop = [records] { return records->told_to_stop.load(); };
  standby.on_lost = [records, &log](const absl::Status& why) {
    log.Error("server stops", {{"reason", std::string(why.message())}});
    records->Lose("another server has taken over");
  };
  absl::StatusOr<std::unique_ptr<RecordStore>> store =
      IsPostgresUrl(path) ? OpenPostgresStore(path, standby) : OpenRecordsToWrite(path);
  if (records->told_to_stop) return absl::CancelledError("told to stop");
  TW_RETURN_IF_ERROR(store.status());
  records->store = *std::move(store);
  return absl::OkStatus();
}

absl::Status Serve(Options options) {
  if (options.embedded) DieWithParent();
  BlockSignals();
  TW_RETURN_IF_ERROR(CheckListenAddress(options.server.listen));
  TW_RETURN_IF_ERROR(SetWebhook(&options));
  TW_ASSIGN_OR_RETURN(options.server.credentials, LoadTls(options.tls));
  TW_ASSIGN_OR_RETURN(const std::unique_ptr<Log> log, OpenLog(options.log));
  if (!options.embedded) options.server.log = log.get();
  ServedRecords records;
  const absl::Status opened = OpenServed(options, *log, &records);
  if (absl::IsCancelled(opened)) return absl::OkStatus();
  TW_RETURN_IF_ERROR(opened);
  const std::string shown = ShownRecords(RecordsPath(options.records));
  const SystemClock clock;
  options.server.on_broken_store = [&](const absl::Status& why) { records.Lose(why.message()); };
  TW_ASSIGN_OR_RETURN(const auto server, Server::Start(options.server, *records.store, clock));
  if (options.embedded) {
    SayReady(server->address());
  } else {
    std::cout << "listening on " << server->address() << ", records in " << shown << std::endl;
    if (!options.server.http.empty()) {
      std::cout << "web page and /metrics on http://" << server->http_address() << std::endl;
    }
    log->Info(
        "server started",
        {{"address", server->address()}, {"http", server->http_address()}, {"records", shown}});
  }
  WaitForSignal();
  TW_RETURN_IF_ERROR(records.lost());
  if (!options.embedded) log->Info("server stops; its jobs go on with the next");
  return absl::OkStatus();
}

}  // namespace

void verb_serve(CLI::App& parent) {
  const auto options = std::make_shared<Options>();
  CLI::App* verb = AddVerb(parent, {"serve", "runs the farm's server", kExample},
                           [options] { return Serve(*options); });
  verb->add_option("--listen", options->server.listen, "HOST:PORT or unix:PATH")
      ->capture_default_str();
  verb->add_option("--records", options->records,
                   "records file, or postgresql://USER@HOST/DATABASE, where a second server waits "
                   "until the first ends (default: $TILEWRIGHT_RECORDS or the user's data folder)");
  verb->add_option("--tls", options->tls,
                   "folder with the server's certificate: every caller then needs one of the same "
                   "farm (see `tilewright certs`)");
  verb->add_flag("--insecure", options->server.insecure,
                 "listen where other machines reach it, without authentication");
  verb->add_option("--http", options->server.http,
                   "HOST:PORT of a read-only web page and of Prometheus' /metrics (default: none)");
  verb->add_option("--webhook", options->server.webhook.url,
                   "URL that is told, by a signed POST, when a job ends or a worker goes bad");
  verb->add_option("--webhook-secret", options->webhook_secret,
                   "file with the secret that signs these, which only its owner may read");
  AddLogOptions(verb, &options->log);
  verb->add_option("--lease", options->server.lease_seconds,
                   "seconds after which a silent worker's trials go to another")
      ->check(CLI::Range(1.0, 3600.0))
      ->capture_default_str();
  verb->add_flag("--embedded", options->embedded)->group("");  // its parent waits on descriptor 3
  verb->add_flag("--one-job", options->server.embedded)->group("");  // started by `tune`
}

}  // namespace tilewright
