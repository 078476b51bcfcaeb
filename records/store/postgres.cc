#include "records/store/postgres.h"

#include <libpq-fe.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/utf8.h"

namespace tilewright {
namespace {

constexpr int kOldestServer = 120000;  // ends an era of float texts that lose bits
constexpr size_t kMostPrepared = 64;   // statements of a connection: the texts of filters vary
constexpr size_t kMostTogether = 256;  // questions under way

// What is set where the user's settings of the role or database may differ; plans that are made
// once, not with each question, which takes longer than the answer; and dead peers noticed by the
// server within half a minute, so that their lock is free.
constexpr char kSession[] =
    "SET search_path = tilewright; SET jit = off; SET plan_cache_mode = force_generic_plan; "
    "SET extra_float_digits = 1; "
    "SET bytea_output = hex; SET standard_conforming_strings = on; SET row_security = off; "
    "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; "
    "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3; "
    "SELECT set_config('synchronous_commit', 'on', false) "
    "WHERE current_setting('synchronous_commit') = 'off'";

std::string ApplicationName() {
  char host[40] = "";
  gethostname(host, sizeof(host) - 1);
  return absl::StrCat("tilewright ", host, " ", getpid());
}

PGconn* Connect(const std::string& url) {
  const std::string name = ApplicationName();
  // Of a keyword that occurs twice the last counts: the URL has its way, but for the encoding.
  const char* const keywords[] = {"connect_timeout",  "keepalives_idle",  "keepalives_interval",
                                  "keepalives_count", "tcp_user_timeout", "application_name",
                                  "dbname",           "client_encoding",  nullptr};
  const char* const values[] = {"10",         "10",        "5",    "3",    "25000",
                                name.c_str(), url.c_str(), "UTF8", nullptr};
  return PQconnectdbParams(keywords, values, /*expand_dbname=*/1);
}

// A text as PostgreSQL takes it: UTF-8 without NUL; other bytes become U+FFFD.
std::string Storable(std::string_view text) {
  std::string storable;
  storable.reserve(text.size());
  while (!text.empty()) {
    const size_t length = text[0] == '\0' ? 0 : Utf8Length(text);
    storable.append(length == 0 ? "\xEF\xBF\xBD" : text.substr(0, length));
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return storable;
}

std::string OneLine(const char* message) {
  std::string text(absl::StripAsciiWhitespace(message == nullptr ? "" : message));
  for (char& c : text) c = c == '\n' || c == '\t' ? ' ' : c;
  return text;
}

absl::StatusCode CodeOf(absl::string_view state) {
  if (absl::StartsWith(state, "53")) return absl::StatusCode::kResourceExhausted;
  if (state == "42501") return absl::StatusCode::kPermissionDenied;
  if (state == "25006") return absl::StatusCode::kFailedPrecondition;  // a replica
  if (absl::StartsWith(state, "XX")) return absl::StatusCode::kDataLoss;
  const bool passes = absl::StartsWith(state, "08") || absl::StartsWith(state, "40") ||
                      absl::StartsWith(state, "57") || state == "55P03";
  return passes ? absl::StatusCode::kUnavailable : absl::StatusCode::kInternal;
}

}  // namespace

PostgresSql ToPostgres(std::string_view sql) {
  PostgresSql result;
  int next = 1;
  for (size_t at = 0; at < sql.size(); ++at) {
    if (sql[at] != '?') {
      result.text.push_back(sql[at]);
      continue;
    }
    int number = 0;
    const auto [end, error] = std::from_chars(sql.data() + at + 1, sql.data() + sql.size(), number);
    if (error != std::errc()) number = next;
    next = number + 1;
    at = static_cast<size_t>(end - sql.data()) - 1;
    if (static_cast<size_t>(number) > result.places.size()) result.places.resize(number, -1);
    int& place = result.places[number - 1];
    if (place < 0) place = result.parameters++;
    absl::StrAppend(&result.text, "$", place + 1);
  }
  return result;
}

// Gets all rows with the first Step.
class PostgresStatement final : public SqlStatement {
 public:
  PostgresStatement(PostgresConnection* connection,
                    std::shared_ptr<const PostgresConnection::Prepared> prepared)
      : connection_(connection),
        prepared_(std::move(prepared)),
        values_(static_cast<size_t>(prepared_->sql.parameters)) {}
  ~PostgresStatement() override { PQclear(result_); }

  void Bind(int parameter, std::string_view text) override { Set(parameter, Storable(text)); }
  void Bind(int parameter, int64_t value) override { Set(parameter, absl::StrCat(value)); }
  void Bind(int parameter, double value) override {
    char text[32];
    const auto end = std::to_chars(text, text + sizeof(text), value).ptr;  // the shortest exact one
    Set(parameter, std::string(text, end));
  }
  void BindNull(int parameter) override { Place(parameter).is_null = true; }
  void BindBlob(int parameter, std::string_view bytes) override {
    Set(parameter, std::string(bytes));
    Place(parameter).is_binary = true;
  }

  absl::StatusOr<bool> Step() override {
    if (result_ == nullptr) TW_RETURN_IF_ERROR(Run());
    return ++row_ < PQntuples(result_);
  }
  void Reset() override {
    PQclear(std::exchange(result_, nullptr));
    row_ = -1;
  }

  // Without waiting for the answer, which Take gets. False: the connection's error says why not.
  bool Send() const {
    const Arguments bound = Bound();
    const int count = prepared_->sql.parameters;
    PGconn* to = connection_->connection_;
    const int sent =
        prepared_->name.empty()
            ? PQsendQueryParams(to, prepared_->sql.text.c_str(), count, nullptr, bound.texts.data(),
                                bound.lengths.data(), bound.formats.data(), 0)
            : PQsendQueryPrepared(to, prepared_->name.c_str(), count, bound.texts.data(),
                                  bound.lengths.data(), bound.formats.data(), 0);
    return sent == 1;
  }
  // The rows of the first Send that was not answered, for Step.
  absl::Status Take() {
    Reset();
    absl::Status taken = Accept(PQgetResult(connection_->connection_));
    PQclear(PQgetResult(connection_->connection_));  // the null at the end of its answer
    return taken;
  }

  std::string Text(int column) const override {
    return {PQgetvalue(result_, row_, column),
            static_cast<size_t>(PQgetlength(result_, row_, column))};
  }
  std::string Blob(int column) const override {
    const std::string text = Text(column);
    return text.empty() ? "" : absl::HexStringToBytes(text.substr(2));  // after "\x"
  }
  int64_t Int(int column) const override {
    return std::strtoll(PQgetvalue(result_, row_, column), nullptr, 10);
  }
  double Real(int column) const override {
    double value = 0;
    const char* text = PQgetvalue(result_, row_, column);
    std::from_chars(text, text + PQgetlength(result_, row_, column), value);
    return value;
  }

 private:
  struct Value {
    std::string text;
    bool is_null = true, is_binary = false;
  };

  Value& Place(int parameter) {
    const std::vector<int>& places = prepared_->sql.places;
    const bool occurs = static_cast<size_t>(parameter) <= places.size();
    const int place = occurs ? places[static_cast<size_t>(parameter) - 1] : -1;
    return place < 0 ? unused_ : values_[static_cast<size_t>(place)];
  }
  void Set(int parameter, std::string text) {
    Place(parameter) = {.text = std::move(text), .is_null = false};
  }

  // The bound values as libpq takes them.
  struct Arguments {
    std::vector<const char*> texts;
    std::vector<int> lengths, formats;
  };
  Arguments Bound() const {
    Arguments bound;
    for (const Value& value : values_) {
      bound.texts.push_back(value.is_null ? nullptr : value.text.c_str());
      bound.lengths.push_back(static_cast<int>(value.text.size()));
      bound.formats.push_back(value.is_binary ? 1 : 0);
    }
    return bound;
  }

  absl::Status Run() {
    const Arguments bound = Bound();
    const int count = prepared_->sql.parameters;
    PGconn* to = connection_->connection_;
    return Accept(prepared_->name.empty()
                      ? PQexecParams(to, prepared_->sql.text.c_str(), count, nullptr,
                                     bound.texts.data(), bound.lengths.data(), bound.formats.data(),
                                     0)
                      : PQexecPrepared(to, prepared_->name.c_str(), count, bound.texts.data(),
                                       bound.lengths.data(), bound.formats.data(), 0));
  }

  absl::Status Accept(PGresult* result) {
    result_ = result;
    const ExecStatusType status = PQresultStatus(result_);
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) return absl::OkStatus();
    const absl::Status error = connection_->Error(result_);
    Reset();
    return error;
  }

  PostgresConnection* const connection_;
  const std::shared_ptr<const PostgresConnection::Prepared> prepared_;
  std::vector<Value> values_;
  Value unused_;  // of a parameter that does not occur
  PGresult* result_ = nullptr;
  int row_ = -1;
};

absl::StatusOr<std::unique_ptr<PostgresConnection>> PostgresConnection::Open(const PostgresUrl& url,
                                                                             PostgresMode mode) {
  // From here on the destructor closes it, as libpq asks even after a failed attempt.
  std::unique_ptr<PostgresConnection> connection(new PostgresConnection(Connect(url.url), url));
  if (PQstatus(connection->connection_) != CONNECTION_OK) {
    return absl::UnavailableError(absl::StrCat(
        "cannot open the records in ", url.shown, ": ",
        OneLine(PQerrorMessage(connection->connection_)),
        "; look whether the server runs there, the database exists, and the user may use it"));
  }
  TW_RETURN_IF_ERROR(connection->Configure(mode));
  return connection;
}

PostgresConnection::~PostgresConnection() { PQfinish(connection_); }

absl::Status PostgresConnection::Configure(PostgresMode mode) {
  PQsetNoticeProcessor(connection_, [](void*, const char*) {}, nullptr);
  if (const int version = PQserverVersion(connection_); version < kOldestServer) {
    return absl::FailedPreconditionError(absl::StrCat(
        url_.shown, " is a PostgreSQL ", version / 10000, " server, 12 or newer is needed"));
  }
  TW_RETURN_IF_ERROR(Execute(kSession));
  return mode == PostgresMode::kReadOnly ? Execute("SET default_transaction_read_only = on")
                                         : absl::OkStatus();
}

absl::Status PostgresConnection::Execute(const std::string& sql) {
  return Check(PQexec(connection_, sql.c_str()));
}

absl::Status PostgresConnection::Check(PGresult* result) {
  const ExecStatusType status = PQresultStatus(result);
  const bool done = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
  const absl::Status error = done ? absl::OkStatus() : Error(result);
  PQclear(result);
  return error;
}

absl::StatusOr<std::unique_ptr<SqlStatement>> PostgresConnection::Prepare(const std::string& sql) {
  TW_ASSIGN_OR_RETURN(std::shared_ptr<const Prepared> prepared, PreparedOf(sql));
  return std::make_unique<PostgresStatement>(this, std::move(prepared));
}

// After an error the connection is of no more use: whoever asked lets it go.
absl::Status PostgresConnection::QueryEach(const std::string& sql, size_t count,
                                           const BindOne& bind, const VisitOne& visit) {
  TW_ASSIGN_OR_RETURN(std::shared_ptr<const Prepared> prepared, PreparedOf(sql));
  PostgresStatement statement(this, std::move(prepared));
  for (size_t first = 0; first < count; first += kMostTogether) {
    const size_t end = std::min(count, first + kMostTogether);
    bool sent = PQenterPipelineMode(connection_) == 1;
    for (size_t i = first; sent && i < end; ++i) {
      bind(i, statement);
      sent = statement.Send();
    }
    if (!sent || PQpipelineSync(connection_) != 1) return Error(nullptr);
    for (size_t i = first; i < end; ++i) {
      TW_RETURN_IF_ERROR(statement.Take());
      while (statement.Step().value()) TW_RETURN_IF_ERROR(visit(i, statement));
    }
    PQclear(PQgetResult(connection_));  // of the sync
    if (PQexitPipelineMode(connection_) != 1) return Error(nullptr);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const PostgresConnection::Prepared>> PostgresConnection::PreparedOf(
    const std::string& sql) {
  if (const auto kept = kept_.find(sql); kept != kept_.end()) return kept->second;
  auto prepared = std::make_shared<Prepared>();
  prepared->sql = ToPostgres(sql);
  if (kept_.size() < kMostPrepared) {
    prepared->name = absl::StrCat("s", kept_.size());
    TW_RETURN_IF_ERROR(Check(
        PQprepare(connection_, prepared->name.c_str(), prepared->sql.text.c_str(), 0, nullptr)));
    kept_.emplace(sql, prepared);
  }
  return std::shared_ptr<const Prepared>(std::move(prepared));
}

absl::Status PostgresConnection::Error(const PGresult* result) {
  const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const char* primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  // Without a state it is libpq that failed, which may think the connection sound after a failed
  // write; 57P is the server's administrator.
  const bool ended = state == nullptr || absl::StartsWith(state, "57P");
  lost_ |= ended || PQstatus(connection_) != CONNECTION_OK;
  if (lost_) {
    return absl::UnavailableError(absl::StrCat(
        "lost the connection to the records in ", url_.shown, ": ",
        OneLine(primary ? primary : PQerrorMessage(connection_)),
        "; it is made again when it is needed, look at the database's log if that goes on"));
  }
  return absl::Status(CodeOf(state),
                      absl::StrCat("using the records in ", url_.shown, ": ",
                                   OneLine(primary ? primary : PQerrorMessage(connection_))));
}

bool PostgresConnection::InTransaction() const {
  const PGTransactionStatusType status = PQtransactionStatus(connection_);
  return status == PQTRANS_INTRANS || status == PQTRANS_INERROR;
}

bool PostgresConnection::IsLost() const {
  // An end is noticed only by reading; a server that ends a session says so first.
  for (int i = 0; i < 4 && PQstatus(connection_) == CONNECTION_OK; ++i) {
    pollfd socket{.fd = PQsocket(connection_), .events = POLLIN};
    if (poll(&socket, 1, 0) <= 0 || PQconsumeInput(connection_) == 0) break;
  }
  return lost_ || PQstatus(connection_) != CONNECTION_OK;
}

}  // namespace tilewright
