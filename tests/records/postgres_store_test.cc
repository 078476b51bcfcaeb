// What only records in PostgreSQL do: a server that goes away, and one that takes over.
#include "records/store/postgres_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/faults/tcp_proxy.h"
#include "tests/records/postgres_server.h"

namespace tilewright {
namespace {

using testing::HasSubstr;

constexpr char kEndSessions[] =
    "SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()";

class PostgresStoreTest : public testing::Test {
 protected:
  static absl::Status Add(RecordStore& store, const std::string& run_id) {
    const Record record = SampleRecord(run_id);
    return store.Append({&record, 1});
  }
  // Until it holds; the other side is another process.
  static bool WaitFor(const std::function<bool()>& condition) {
    for (int i = 0; i < 2000; ++i) {
      if (condition()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }
  std::string Query(const std::string& sql) { return server_.Query(url_, sql); }
  // The database by another way.
  std::string UrlBy(const std::string& address) const {
    const size_t name = url_.rfind('/', url_.find('?'));
    return absl::StrCat("postgresql://owner@", address, url_.substr(name, url_.find('?') - name));
  }

  PostgresServer& server_ = PostgresServer::Shared();
  const std::string url_ = server_.NewDatabase();
};

TEST_F(PostgresStoreTest, ASecondWriterIsToldWhoWrites) {
  const auto first = OpenPostgresStore(url_);
  ASSERT_TRUE(first.ok()) << first.status();
  const absl::Status second = OpenPostgresStore(url_).status();
  EXPECT_EQ(second.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(second.message()),
              HasSubstr(absl::StrCat(getpid(), " (this machine); wait for it")));
}

TEST_F(PostgresStoreTest, AReaderWorksBesideTheWriterAndChangesNothing) {
  EXPECT_EQ(ReadPostgresStore(url_).status().code(), absl::StatusCode::kNotFound);
  const auto writer = OpenPostgresStore(url_).value();
  const auto reader = ReadPostgresStore(url_).value();
  ASSERT_TRUE(Add(*writer, "a").ok());
  EXPECT_EQ(*reader->Count({}), 1);
  EXPECT_EQ(Add(*reader, "b").code(), absl::StatusCode::kPermissionDenied);
}

TEST_F(PostgresStoreTest, RefusesANewerSchema) {
  OpenPostgresStore(url_).value();
  Query("UPDATE tilewright.store SET version = 99");
  for (const auto& store : {OpenPostgresStore(url_).status(), ReadPostgresStore(url_).status()}) {
    EXPECT_EQ(store.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(store.message()), HasSubstr("use a newer tilewright"));
  }
}

TEST_F(PostgresStoreTest, CommitsWaitForTheDiskWhateverTheDatabaseIsSetTo) {
  Query("ALTER DATABASE " + Query("SELECT current_database()") + " SET synchronous_commit = off");
  const auto connection =
      PostgresConnection::Open(ParsePostgresUrl(url_).value(), PostgresMode::kReadWrite).value();
  EXPECT_EQ(*connection->QueryText("SHOW synchronous_commit"), "on");
}

TEST_F(PostgresStoreTest, WhatIsNoTextIsKeptAsFarAsItIs) {
  const auto store = OpenPostgresStore(url_).value();
  Record record = SampleFailure("a");
  record.outcome = Failure{FailureKind::kCrash, std::string("a\0b\xff\xc3\xa9", 6)};
  ASSERT_TRUE(store->Append({&record, 1}).ok());
  const Record found = store->Newest({}, 1)->at(0);
  EXPECT_EQ(std::get<Failure>(found.outcome).message, "a\uFFFDb\uFFFD\u00e9");
}

TEST_F(PostgresStoreTest, GoesOnWhenItsSessionsAreEnded) {
  const auto store = OpenPostgresStore(url_).value();
  ASSERT_TRUE(Add(*store, "a").ok());
  EXPECT_EQ(*store->Count({}), 1);
  Query(kEndSessions);
  EXPECT_EQ(*store->Count({}), 1) << "by another connection";
  const absl::Status status = Add(*store, "b");
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(*store->Count({}), 2);
}

TEST_F(PostgresStoreTest, ADatabaseThatIsAwayIsSaidAndUsedAgain) {
  const auto store = OpenPostgresStore(url_).value();
  server_.Kill();
  const absl::Status status = Add(*store, "a");
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr("look whether the server runs"));
  EXPECT_EQ(store->Count({}).status().code(), absl::StatusCode::kUnavailable);
  ASSERT_TRUE(server_.Run().ok());
  EXPECT_TRUE(Add(*store, "a").ok());
  EXPECT_EQ(*store->Count({}), 1);
}

// The answer to a COMMIT is lost, the transaction is not.
TEST_F(PostgresStoreTest, ACommitWithoutAnAnswerIsMadeAgainAndCountsOnce) {
  TcpProxy proxy(server_.port());
  const auto store = OpenPostgresStore(UrlBy(proxy.address())).value();
  Query(
      "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS "
      "$$ BEGIN PERFORM pg_sleep(0.5); RETURN NULL; END $$");
  Query(
      "CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON tilewright.record INITIALLY DEFERRED "
      "FOR EACH ROW EXECUTE FUNCTION slow()");
  absl::Status status = absl::UnknownError("not done");
  std::thread commit([&] { status = Add(*store, "a"); });
  const std::string committing =
      "SELECT count(*) FROM pg_stat_activity WHERE query = 'COMMIT' AND state = 'active'";
  EXPECT_TRUE(WaitFor([&] { return Query(committing) == "1"; }));
  proxy.HoldToClient(true);
  EXPECT_TRUE(WaitFor([&] { return Query("SELECT count(*) FROM tilewright.record") == "1"; }));
  proxy.BreakAll();
  proxy.HoldToClient(false);
  commit.join();
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(*store->Count({}), 1);
}

// Connections break at any moment; whoever is told OK finds the record, once.
TEST_F(PostgresStoreTest, NothingAcknowledgedIsLostOnABadNetwork) {
  TcpProxy proxy(server_.port());
  const auto store = OpenPostgresStore(UrlBy(proxy.address())).value();
  std::atomic<int> breaks = 0;
  std::thread breaker([&] {
    while (++breaks < 15) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50 + breaks * 37 % 160));
      proxy.BreakAll();
    }
  });
  std::set<std::string> acknowledged;
  for (int i = 0; breaks < 15; ++i) {
    if (Add(*store, absl::StrCat(i)).ok()) acknowledged.insert(absl::StrCat(i));
  }
  breaker.join();
  EXPECT_GT(acknowledged.size(), 5u);
  std::multiset<std::string> found;
  const auto visit = [&](const Record& record) { return found.insert(record.run_id), true; };
  ASSERT_TRUE(ReadPostgresStore(url_).value()->ForEach({}, visit).ok());
  for (const std::string& id : acknowledged) EXPECT_EQ(found.count(id), 1u) << id;
}

// One that waits for the writer to end.
class Standby {
 public:
  explicit Standby(const std::string& url)
      : thread_([this, url] {
          opened_ =
              OpenPostgresStore(url, {.on_wait = [this](const std::string&) { waits_ = true; },
                                      .stop = [this] { return stopped_.load(); }});
          ended_ = true;
        }) {}
  bool waits() const { return waits_; }
  bool ended() const { return ended_; }
  void Stop() { stopped_ = true; }
  absl::StatusOr<std::unique_ptr<RecordStore>> Result() {
    thread_.join();
    return std::move(opened_);
  }

 private:
  std::atomic<bool> waits_ = false, stopped_ = false, ended_ = false;
  absl::StatusOr<std::unique_ptr<RecordStore>> opened_;
  std::thread thread_;
};

TEST_F(PostgresStoreTest, AStandbyTakesOverWhenTheWriterEnds) {
  auto first = OpenPostgresStore(url_).value();
  ASSERT_TRUE(Add(*first, "a").ok());
  Standby standby(url_);
  ASSERT_TRUE(WaitFor([&] { return standby.waits(); }));
  EXPECT_FALSE(standby.ended());
  first.reset();
  const auto second = standby.Result();
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_TRUE(Add(**second, "b").ok());
  EXPECT_EQ(*(*second)->Count({}), 2);
}

TEST_F(PostgresStoreTest, AStandbyOutlivesADatabaseThatIsAwayAndEndsWhenTold) {
  const auto first = OpenPostgresStore(url_).value();
  Standby standby(url_);
  ASSERT_TRUE(WaitFor([&] { return standby.waits(); }));
  server_.Kill();
  ASSERT_TRUE(server_.Run().ok());
  EXPECT_TRUE(Add(*first, "a").ok()) << "the writer comes first";
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_FALSE(standby.ended());
  standby.Stop();
  const absl::Status told = standby.Result().status();
  EXPECT_EQ(told.code(), absl::StatusCode::kCancelled) << told;
}

// What it knows of its jobs is old: it must not write any more.
TEST_F(PostgresStoreTest, AWriterThatWasCutOffKnowsWhenAnotherTookOver) {
  TcpProxy proxy(server_.port());
  std::atomic<int> told = 0;
  const auto first =
      OpenPostgresStore(UrlBy(proxy.address()), {.on_lost = [&](const absl::Status&) { ++told; }})
          .value();
  Standby standby(url_);
  ASSERT_TRUE(WaitFor([&] { return standby.waits(); }));
  proxy.HoldToServer(true);
  Query(kEndSessions);
  auto second = standby.Result();
  ASSERT_TRUE(second.ok()) << second.status();
  ASSERT_TRUE(Add(**second, "b").ok());
  *second = nullptr;
  proxy.HoldToServer(false);
  for (int i = 0; i < 2; ++i) {
    const absl::Status status = Add(*first, "a");
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
    EXPECT_THAT(std::string(status.message()), HasSubstr("another server has taken over"));
  }
  EXPECT_EQ(told, 1);
  EXPECT_EQ(Query("SELECT count(*) FROM tilewright.record"), "1");
}

}  // namespace
}  // namespace tilewright
