// A server's records used from elsewhere: what is compiled with them, and how they are withdrawn.
#include <gmock/gmock.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "compiler/templates/template.h"
#include "runtime/mapped_file.h"
#include "runtime/read_package.h"
#include "tests/faults/farm_fixture.h"
#include "tests/faults/tcp_proxy.h"
#include "tests/records/sample_records.h"

namespace tilewright {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

class FarmRecords : public FarmTest {
 protected:
  void SetUp() override {
    FarmTest::SetUp();
    ASSERT_EQ(Shell("tasks --json " + model_()), 0) << text_;
    for (const auto& task : nlohmann::json::parse(text_)) {
      tasks_.push_back({ParseWorkload(task["workload"].get<std::string>()).value(),
                        task["template"].get<std::string>(),
                        ParseTarget(task["target"].get<std::string>()).value()});
    }
    ASSERT_GE(tasks_.size(), 3u);
    std::vector<Record> records;
    for (size_t i = 0; i < tasks_.size(); ++i) {
      records.push_back(Timed(i, 1, 2e-3, "slow"));
      if (i > 0) records.push_back(Timed(i, 2, 1e-3, "fast"));
    }
    // What the model does not need.
    for (int i = 0; i < 3000; ++i) records.push_back(SampleRecord(absl::StrCat("other-", i)));
    const auto store = OpenSqliteStore(records_()).value();
    ASSERT_TRUE(store->Append(records).ok());
  }
  void Serve() {
    server_ = std::make_unique<FarmProcess>(std::vector<std::string>{
        "serve", "--embedded", "--listen", "127.0.0.1:0", "--records", records_()});
    const std::string address = server_->ReadyLine();
    ASSERT_NE(address, "");
    proxy_ = std::make_unique<TcpProxy>(std::stoi(address.substr(address.rfind(':') + 1)));
    farm_ = "farm:" + proxy_->address();
  }

  // Config `index` of the task's space, counted from its default.
  Record Timed(size_t task, size_t index, double seconds, const std::string& key) const {
    Record record = SampleRecord(absl::StrCat(key, "-", task), seconds);
    record.task = tasks_[task];
    const Template& schedule = **FindTemplate(record.task.template_name);
    const ConfigSpace space = schedule.Space(record.task.workload, record.task.target);
    const Config untuned = schedule.Default(record.task.workload, record.task.target);
    record.index = space.Neighbors(space.IndexOf(untuned).value())[index - 1];
    record.config = space.At(record.index);
    record.device_key = key;
    record.outcome = Timing{{seconds, seconds, seconds}};
    return record;
  }
  std::string File(const std::string& name) const { return folder_->path() + "/" + name; }
  // The package's bytes.
  std::string Compiled(const std::string& records, const std::string& options) {
    const std::string package = File("package.tar");
    EXPECT_EQ(Shell("compile " + model_() + " --records " + records + " -o " + package + options),
              0)
        << text_;
    std::ifstream in(package, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::vector<std::string> RecordsOfPackage() const {
    const runtime::MappedFile file(File("package.tar"));
    return runtime::ReadManifestOf(file.bytes()).records;
  }

  std::vector<Task> tasks_;
  std::unique_ptr<FarmProcess> server_;
  std::unique_ptr<TcpProxy> proxy_;
  std::string farm_;
};

TEST_F(FarmRecords, APackageIsTheSameAsFromTheFileAndTheLogStaysWhereItIs) {
  const std::string keys[] = {"", " --key slow", " --key fast"};
  std::vector<std::string> local;
  for (const std::string& key : keys) local.push_back(Compiled(records_(), key));
  ASSERT_EQ(Shell("records export --records " + records_() + " -o " + File("all.log")), 0);
  Serve();
  for (size_t i = 0; i < local.size(); ++i) {
    EXPECT_TRUE(Compiled(farm_, keys[i]) == local[i]) << "with" << keys[i];
  }
  EXPECT_NE(local[1], local[2]);
  EXPECT_LT(proxy_->BytesToClients() * 10,
            static_cast<int64_t>(std::filesystem::file_size(File("all.log"))));
}

TEST_F(FarmRecords, TheDeviceAskedForComesFirstAndWhatIsAnothersIsSaid) {
  Serve();
  Compiled(farm_, " --key fast");
  EXPECT_THAT(RecordsOfPackage(), UnorderedElementsAre("slow-0", "fast-1", "fast-2"));
  EXPECT_THAT(text_, HasSubstr("exact, of another device"));
  Compiled(farm_, " --key slow");
  EXPECT_THAT(RecordsOfPackage(), UnorderedElementsAre("slow-0", "slow-1", "slow-2"));
  EXPECT_THAT(text_, Not(HasSubstr("another device")));
  EXPECT_EQ(Shell("explain " + model_() + " --records " + farm_ + " --key fast"), 0);
  EXPECT_THAT(text_, HasSubstr("record (exact, of another device): 2.0000 ms"));
  EXPECT_THAT(text_, HasSubstr("record (exact): 1.0000 ms"));
}

TEST_F(FarmRecords, BestTasksAndHistoryAskForWhatTheyPrint) {
  const std::string verbs[] = {"best --key fast --json", "tasks " + model_() + " --json",
                               "history --limit 3 --json", "check " + model_() + " --json"};
  std::vector<std::string> local;
  for (const std::string& verb : verbs) {
    ASSERT_EQ(Shell(verb + " --records " + records_()), 0) << text_;
    local.push_back(text_);
  }
  Serve();
  for (size_t i = 0; i < local.size(); ++i) {
    EXPECT_EQ(Shell(verbs[i] + " --records " + farm_), 0) << text_;
    EXPECT_EQ(text_, local[i]) << verbs[i];
  }
  EXPECT_LT(proxy_->BytesToClients(), 200'000);
}

TEST_F(FarmRecords, AllRecordsPassThroughAsTheyAreInTheFile) {
  const std::string verbs[] = {"history --limit 0 --json", "history --limit 0 --key fast",
                               "history --limit 0 --key nobody --json", "records export -o -",
                               "records export --key slow -o -"};
  std::vector<std::string> local;
  for (const std::string& verb : verbs) {
    ASSERT_EQ(Shell(verb + " --records " + records_()), 0) << text_;
    local.push_back(text_);
  }
  EXPECT_EQ(nlohmann::json::parse(local[0]).size(), 3000 + 2 * tasks_.size() - 1);
  EXPECT_EQ(local[2], "[]\n");
  Serve();
  for (size_t i = 0; i < local.size(); ++i) {
    EXPECT_EQ(Shell(verbs[i] + " --records " + farm_), 0);
    EXPECT_TRUE(text_ == local[i]) << verbs[i];
  }
}

TEST_F(FarmRecords, ARecordIsRevokedOnTheServerAndItsPackagesAreFound) {
  Serve();
  Compiled(farm_, "");
  EXPECT_EQ(Shell("records revoke --records " + farm_ + " --id fast-1 --reason 'it was throttled'"),
            0);
  EXPECT_THAT(text_, HasSubstr("fast-1\n"));
  EXPECT_EQ(Shell("records revoked --records " + farm_ + " " + File("package.tar")), 0);
  EXPECT_THAT(text_, ContainsRegex("package.tar +fast-1 +[^ ]+ +it was throttled"));
  Compiled(farm_, "");
  EXPECT_THAT(RecordsOfPackage(), UnorderedElementsAre("slow-0", "slow-1", "fast-2"));
  EXPECT_EQ(Shell("records revoke --records " + farm_ + " --id fast-1 --reason again"), 3);
  EXPECT_EQ(Shell("records revoke --records " + farm_ + " --reason everything"), 2);
}

}  // namespace
}  // namespace tilewright
