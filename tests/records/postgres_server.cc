#include "tests/records/postgres_server.h"

#include <gtest/gtest.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace tilewright {
namespace {

constexpr char kPrograms[] = "/usr/lib/postgresql/15/bin/";

// PostgreSQL refuses to run as root.
std::vector<std::string> AsUser() {
  if (geteuid() != 0) return {};
  const char* user = getpwnam("postgres") != nullptr ? "postgres" : "nobody";
  const gid_t group = getpwnam(user)->pw_gid;
  return {"setpriv", absl::StrCat("--reuid=", user), absl::StrCat("--regid=", group),
          "--clear-groups", "--pdeathsig=QUIT"};
}

std::string TextOf(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Runs a program of PostgreSQL with its output in a file.
pid_t Spawn(const std::string& program, const std::vector<std::string>& arguments,
            const std::string& log) {
  std::vector<std::string> words = AsUser();
  words.push_back(kPrograms + program);
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const pid_t pid = fork();
  if (pid != 0) return pid;
  if (std::freopen(log.c_str(), "a", stdout) == nullptr || dup2(1, 2) < 0) _exit(126);
  execvp(argv[0], argv.data());
  _exit(127);
}

int FreePort() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{.sin_family = AF_INET};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  EXPECT_EQ(bind(fd, generic, size), 0);
  EXPECT_EQ(getsockname(fd, generic, &size), 0);
  close(fd);
  return ntohs(address.sin_port);
}

}  // namespace

absl::StatusOr<std::unique_ptr<PostgresServer>> PostgresServer::Start() {
  std::unique_ptr<PostgresServer> server(new PostgresServer);
  const std::string data = server->folder_ / "data", log = server->folder_ / "log";
  mkdir(data.c_str(), 0700);
  if (geteuid() == 0) {
    const passwd* user = getpwnam(getpwnam("postgres") != nullptr ? "postgres" : "nobody");
    for (const std::string& path : {server->folder_ / "", data}) {
      if (chown(path.c_str(), user->pw_uid, user->pw_gid) != 0) {
        return absl::UnavailableError("cannot give away " + path);
      }
    }
  }
  const pid_t made = Spawn("initdb",
                           {"--pgdata=" + data, "--username=owner", "--auth=trust", "--no-sync",
                            "--encoding=UTF8", "--locale=C", "--no-instructions"},
                           log);
  int status = 0;
  waitpid(made, &status, 0);
  if (status != 0) {
    return absl::UnavailableError("initdb fails; is postgresql-15 installed? " + TextOf(log));
  }
  TW_RETURN_IF_ERROR(server->Run());
  return server;
}

std::string PostgresServer::UrlOf(const std::string& database) const {
  return absl::StrCat("postgresql://owner@/", database, "?port=", port_, "&host=", folder_ / "");
}

absl::Status PostgresServer::Run() {
  if (port_ == 0) port_ = FreePort();
  pid_ = Spawn("postgres",
               {"-D", folder_ / "data", "-k", folder_ / "", "-p", absl::StrCat(port_), "-c",
                "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "shared_buffers=16MB"},
               folder_ / "log");
  const std::string url = UrlOf("postgres");
  for (int i = 0; i < 1200; ++i) {
    if (PQping(url.c_str()) == PQPING_OK) return absl::OkStatus();
    std::this_thread::sleep_for(std::chrono::milliseconds(25));
  }
  return absl::UnavailableError("postgres does not start: " + TextOf(folder_ / "log"));
}

void PostgresServer::Kill() {
  if (pid_ < 0) return;
  kill(pid_, SIGQUIT);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

PostgresServer& PostgresServer::Shared() {
  static const absl::StatusOr<std::unique_ptr<PostgresServer>> server = Start();
  EXPECT_TRUE(server.ok()) << server.status();
  return **server;
}

PostgresServer::~PostgresServer() { Kill(); }

std::string PostgresServer::NewDatabase() {
  const std::string name = absl::StrCat("d", ++databases_);
  Query(UrlOf("postgres"), "CREATE DATABASE " + name);
  return UrlOf(name);
}

std::string PostgresServer::Query(const std::string& url, const std::string& sql) {
  PGconn* connection = PQconnectdb(url.c_str());
  PGresult* result = PQexec(connection, sql.c_str());
  const ExecStatusType status = PQresultStatus(result);
  EXPECT_TRUE(status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
      << sql << ": " << PQerrorMessage(connection);
  const std::string first = PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "";
  PQclear(result);
  PQfinish(connection);
  return first;
}

}  // namespace tilewright
