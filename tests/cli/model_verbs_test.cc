// tasks, check, compile and explain on a network of the zoo.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "compiler/operators/workload_rules.h"
#include "compiler/templates/template.h"
#include "records/formats/autotvm_log.h"
#include "tests/cli/command_line.h"

namespace tilewright {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::MatchesRegex;

constexpr char kTarget[] = "cpu -mcpu=x86-64-v3";

class ModelVerbs : public testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(command_.Run("zoo mlp -o mlp.onnx").exit_code, 0); }

  CommandResult Run(const std::string& verb, const std::string& more = "") {
    return command_.Run(verb + " mlp.onnx --target '" + kTarget + "' " + more);
  }
  json Tasks(const std::string& more = "") {
    const CommandResult result = Run("tasks", "--json " + more);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return json::parse(result.out);
  }
  // A log with a record of the first task; `knob` is put in the place of a knob's name.
  void WriteLog(const std::string& knob = "") {
    const json task = Tasks()[0];
    Record record = SampleRecord("measured", 0.5e-3);
    record.task = {ParseWorkload(task["workload"].get<std::string>()).value(),
                   task["template"].get<std::string>(), ParseTarget(kTarget).value()};
    record.config = FindTemplate(record.task.template_name)
                        .value()
                        ->Default(record.task.workload, record.task.target);
    if (!knob.empty()) record.config.entities[0].first = knob;
    WriteAll(command_ / "tuned.log", EncodeLogLine(record).value() + "\n");
  }

  CommandLine command_;
};

TEST_F(ModelVerbs, TasksListsEachWithItsSpace) {
  const json tasks = Tasks();
  ASSERT_EQ(tasks.size(), 3u);
  for (const json& task : tasks) {
    EXPECT_EQ(task["target"], kTarget);
    EXPECT_GE(task["space_size"], 2);
    EXPECT_EQ(task["layers"], 1);
    EXPECT_GT(task["flops"], 0);
    EXPECT_TRUE(task["best"].is_null());
  }
  EXPECT_THAT(Run("tasks").out, HasSubstr("dense("));
}

TEST_F(ModelVerbs, TasksShowTheBestRecord) {
  WriteLog();
  const json tasks = Tasks("--records tuned.log");
  EXPECT_EQ(tasks[0]["best"]["run_id"], "measured");
  EXPECT_TRUE(tasks[1]["best"].is_null());
}

TEST_F(ModelVerbs, CheckSaysHowEachLayerIsComputed) {
  WriteLog();
  const CommandResult result = Run("check", "--json --records tuned.log");
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const json report = json::parse(result.out);
  EXPECT_TRUE(report["supported"]);
  double share = 0;
  int tuned = 0, untuned = 0;
  for (const json& row : report["layers"]) {
    share += row["share"].get<double>();
    if (row["how"] == "tuned") tuned += static_cast<int>(row["nodes"].size());
    if (row["how"] == "default") untuned += static_cast<int>(row["nodes"].size());
  }
  EXPECT_NEAR(share, 1, 1e-6);
  EXPECT_EQ(tuned, 1);
  EXPECT_EQ(untuned, 2);
  EXPECT_THAT(Run("check", "--records none").out, HasSubstr("no record: tilewright tune mlp.onnx"));
}

TEST_F(ModelVerbs, CheckListsEveryProblemWithItsNode) {
  std::string bytes = ReadAll(command_ / "mlp.onnx");
  int changed = 0;
  for (size_t at = 0; (at = bytes.find("\x22\x04Gemm", at)) != std::string::npos; ++changed) {
    bytes.replace(at, 6, "\x22\x04Gxmm");
  }
  ASSERT_GT(changed, 1);
  WriteAll(command_ / "mlp.onnx", bytes);
  const CommandResult text = Run("check"), report = Run("check", "--json");
  EXPECT_EQ(text.exit_code, 3);
  EXPECT_EQ(report.exit_code, 3);
  const json problems = json::parse(report.out);
  EXPECT_FALSE(problems["supported"]);
  EXPECT_FALSE(problems["problems"].empty());
  for (const json& problem : problems["problems"]) {
    EXPECT_THAT(problem.get<std::string>(), HasSubstr("operator Gxmm is not supported"));
    EXPECT_THAT(text.err, HasSubstr(problem.get<std::string>()));
  }
}

TEST_F(ModelVerbs, AnInputThatIsFixedIsNoneOfThePackages) {
  const CommandResult compiled =
      command_.Run("compile mlp.onnx --records none -o mlp.tar --input-value data=0.5");
  ASSERT_EQ(compiled.exit_code, 0) << compiled.err;
  const CommandResult run = command_.Run("run mlp.tar --fill zeros --top 1");
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(Run("check", "--input-value data").exit_code, 2);
  EXPECT_THAT(Run("check", "--input-value image=1").err, HasSubstr("it has data"));
}

TEST_F(ModelVerbs, CompileSaysWhatHasNoRecordAndHowToTuneIt) {
  const CommandResult result = Run("compile", "-o mlp.tar --records none");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("mlp.tar: "));
  EXPECT_THAT(result.err, HasSubstr("3 workloads have no record"));
  EXPECT_THAT(result.err, HasSubstr("tilewright tune mlp.onnx --target 'cpu -mcpu=x86-64-v3'"));
  EXPECT_THAT(ReadAll(command_ / "mlp.tar"), HasSubstr("manifest.json"));
}

TEST_F(ModelVerbs, CompileListsAFewWorkloadsWithoutRecordsAndCountsTheOthers) {
  ASSERT_EQ(command_.Run("zoo squeezenet1_1 --image 32 -o squeezenet.onnx").exit_code, 0);
  const CommandResult result =
      command_.Run("compile squeezenet.onnx -o squeezenet.tar --records none");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const std::vector<std::string> lines = absl::StrSplit(result.err, '\n');
  const auto workload = [](const std::string& line) { return line.starts_with("  conv2d("); };
  EXPECT_EQ(std::count_if(lines.begin(), lines.end(), workload), 5) << result.err;
  EXPECT_THAT(lines[6], MatchesRegex("  and [1-9][0-9]* more, which tilewright explain lists"));
}

TEST_F(ModelVerbs, CompileUsesRecordsOfALogAndOfAFile) {
  WriteLog();
  ASSERT_EQ(command_.Run("records import tuned.log").exit_code, 0);
  for (const std::string records : {"", "--records tuned.log"}) {
    const CommandResult result = Run("compile", "-o mlp.tar --json " + records);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_EQ(json::parse(result.out)["untuned"].size(), 2u);
  }
}

TEST_F(ModelVerbs, ARecordOfAnotherSpaceIsNotUsed) {
  WriteLog("no_such_knob");
  const CommandResult result = Run("compile", "-o mlp.tar --json --records tuned.log");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(json::parse(result.out)["untuned"].size(), 3u);
  EXPECT_THAT(result.err, HasSubstr("1 record of dense_pack.cpu is not used"));
  const CommandResult import = command_.Run("records import tuned.log");
  EXPECT_EQ(import.exit_code, 3);
  EXPECT_THAT(import.err, HasSubstr("no_such_knob"));
}

TEST_F(ModelVerbs, ExplainTellsTheRecordOrTheNearestMiss) {
  WriteLog();
  const json exact = json::parse(Run("explain", "--json --records tuned.log").out);
  ASSERT_EQ(exact.size(), 3u);
  EXPECT_EQ(exact[0]["how"], "exact");
  EXPECT_EQ(exact[1]["how"], "none");
  const CommandResult elsewhere =
      command_.Run("explain mlp.onnx --target 'cpu -mcpu=haswell' --records tuned.log");
  EXPECT_EQ(elsewhere.exit_code, 0) << elsewhere.err;
  EXPECT_THAT(elsewhere.out,
              HasSubstr("near: target differs: cpu -mcpu=x86-64-v3 (1 record, the fastest "));
}

TEST_F(ModelVerbs, RunOfWhatIsNoPackageNamesTheFileAndTheVerbThatWritesOne) {
  const CommandResult result = command_.Run("run mlp.onnx --fill random");
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err, HasSubstr("mlp.onnx: bad package: "));
  EXPECT_THAT(result.err, HasSubstr("`tilewright compile`"));
}

TEST_F(ModelVerbs, ThePassesCanBeTimedAndLeftOut) {
  const CommandResult result =
      Run("compile", "-o mlp.tar --records none --print-pass-times --disable-pass fold_constants");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("fuse_epilogues"));
  EXPECT_THAT(result.out, testing::Not(HasSubstr("fold_constants")));
}

TEST_F(ModelVerbs, DumpWritesTheStages) {
  ASSERT_EQ(Run("compile", "-o mlp.tar --records none --dump stages").exit_code, 0);
  EXPECT_TRUE(std::filesystem::exists(command_ / "stages/00_import.txt"));
}

TEST_F(ModelVerbs, WrongOptionsAreWrongUsage) {
  EXPECT_EQ(Run("tasks", "--disable-pass no_such_pass").exit_code, 2);
  EXPECT_EQ(Run("tasks", "--input-shape data").exit_code, 2);
  EXPECT_EQ(command_.Run("tasks mlp.onnx --target toaster").exit_code, 2);
  EXPECT_EQ(command_.Run("tasks mlp.onnx --target 'cpu -mcpu=toaster'").exit_code, 2);
}

TEST_F(ModelVerbs, BadModelsAreBadInputAndLeaveNoPackage) {
  const std::string model = ReadAll(command_ / "mlp.onnx");
  WriteAll(command_ / "empty.onnx", "");
  WriteAll(command_ / "cut.onnx", model.substr(0, model.size() / 2));
  WriteAll(command_ / "noise.onnx", std::string(1000, '\xee'));
  for (const std::string name : {"empty.onnx", "cut.onnx", "noise.onnx", "missing.onnx"}) {
    const CommandResult result = command_.Run("compile " + name + " -o out.tar");
    EXPECT_EQ(result.exit_code, 3) << name << ": " << result.err;
    EXPECT_THAT(result.err, HasSubstr("tilewright compile: "));
    EXPECT_FALSE(std::filesystem::exists(command_ / "out.tar"));
  }
}

TEST_F(ModelVerbs, AnUnwritablePackageIsUnavailable) {
  EXPECT_EQ(Run("compile", "-o no/such/folder.tar").exit_code, 4);
}

// A stand-in for ONNX Runtime, whose answers are zeros.
constexpr char kStandIn[] =
    "import numpy\n"
    "__version__ = '9.9'\n"
    "class SessionOptions: pass\n"
    "class Named:\n"
    "    name = 'probabilities'\n"
    "class InferenceSession:\n"
    "    def __init__(self, model, options, providers):\n"
    "        if open(model, 'rb').read(1) != b'\\x08': raise ValueError('no model:\\n' + model)\n"
    "    def get_outputs(self): return [Named()]\n"
    "    def run(self, names, inputs):\n"
    "        assert inputs['data'].dtype == 'float32'\n"
    "        return [numpy.zeros((1, 10), 'float32')]\n";

// python3 is Debian's, and its modules are those of `folder`.
void UsePython(const std::string& folder) {
  setenv("PATH", "/usr/bin:/bin", 1);
  setenv("PYTHONPATH", folder.c_str(), 1);
}

TEST(CompareVerb, OnnxRuntimeTakesItsTurnAndItsOutputsAreTheTruth) {
  const CommandLine tw;
  WriteAll(tw / "onnxruntime.py", kStandIn);
  UsePython(tw / "");
  ASSERT_EQ(tw.Run("zoo mlp -o mlp.onnx").exit_code, 0);
  ASSERT_EQ(tw.Run("compile mlp.onnx --records none -o mlp.tar").exit_code, 0);
  const CommandResult compared = tw.Run("compare mlp.tar --onnxruntime mlp.onnx --repeat 3 --json");
  ASSERT_EQ(compared.exit_code, 0) << compared.err;
  const auto rows = nlohmann::json::parse(compared.out);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[1]["package"], "onnxruntime 9.9");
  EXPECT_GT(rows[1]["ratio"].get<double>(), 0);
  EXPECT_GT(rows[0]["error"].get<double>(), 0);  // from zeros
  EXPECT_EQ(rows[1]["error"].get<double>(), 0);
  const CommandResult refused = tw.Run("compare mlp.tar --onnxruntime mlp.tar");
  EXPECT_EQ(refused.exit_code, 3);
  EXPECT_THAT(refused.err, HasSubstr("ONNX Runtime: no model: mlp.tar"));
}

TEST(CompareVerb, SaysThatOnnxRuntimeIsMissing) {
  const CommandLine tw;
  WriteAll(tw / "onnxruntime.py", "raise ImportError('No module named onnxruntime')\n");
  UsePython(tw / "");
  ASSERT_EQ(tw.Run("zoo mlp -o mlp.onnx").exit_code, 0);
  ASSERT_EQ(tw.Run("compile mlp.onnx --records none -o mlp.tar").exit_code, 0);
  const CommandResult compared = tw.Run("compare mlp.tar --onnxruntime mlp.onnx");
  EXPECT_EQ(compared.exit_code, 4);
  EXPECT_THAT(compared.err, HasSubstr("No module named onnxruntime; `pip install onnxruntime"));
}

}  // namespace
}  // namespace tilewright
