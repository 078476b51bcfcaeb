#include "compiler/driver/compile_task.h"

#include "base/check.h"
#include "compiler/driver/host_task.h"
#include "compiler/driver/reference_program.h"
#include "compiler/operators/define.h"
#include "compiler/operators/workload_rules.h"
#include "compiler/targets/target_backend.h"
#include "compiler/templates/template.h"
#include "gmock/gmock.h"
#include "tests/targets/compiled_kernel.h"

namespace tilewright {
namespace {

// A small dense layer with bias and the first template that matches it.
Task DenseTask() {
  const absl::StatusOr<Workload> workload =
      ParseWorkload("dense(float32[4,32],float32[48,32];,NK16n,)+bias+relu");
  TW_CHECK(workload.ok()) << workload.status();
  const Target target = HostTarget();
  const std::vector<TemplateEntry> matching = MatchingTemplates(*workload, target);
  TW_CHECK(!matching.empty());
  return {*workload, matching.front().name, target};
}

Config DefaultOf(const Task& task) {
  return (*FindTemplate(task.template_name))->Default(task.workload, task.target);
}

TEST(CompileTask, AgreesWithTheReference) {
  const Task task = DenseTask();
  const auto tuned = CompileTask(task, DefaultOf(task));
  const auto reference = CompileReference(task.workload, task.target);
  ASSERT_TRUE(tuned.ok()) << tuned.status();
  ASSERT_TRUE(reference.ok()) << reference.status();
  Rng rng(1);
  std::vector<Tensor> args = RandomArguments(LowerPlain(Define(task.workload)), rng);
  std::vector<Tensor> expected = CopyOf(args);
  for (const auto& [task, arguments] : {std::pair(&*tuned, &args), {&*reference, &expected}}) {
    absl::StatusOr<HostTask> host = HostTask::Load(*task);
    ASSERT_TRUE(host.ok()) << host.status();
    host->Prepare(*arguments);
    host->Run(*arguments);
  }
  ExpectClose(args.back(), expected.back(), 1e-5);
}

TEST(CompileTask, ReferenceIsBitForBitTheInterpreters) {
  const Task task = DenseTask();
  const auto reference = CompileReference(task.workload, task.target);
  ASSERT_TRUE(reference.ok()) << reference.status();
  Program program = ReferenceProgram(Define(task.workload));
  EXPECT_EQ(program.ParallelExtent(), 48) << "threads can share it";
  program.name = reference->calls[0].symbol;
  Rng rng(2);
  ExpectAsInterpreted(reference->so, program, RandomArguments(program, rng), 0);
}

TEST(CompileTask, RefusesAConfigOfAnotherSpace) {
  const Config alien{{{"tile_moon", OtherEntity(int64_t{3})}}};
  EXPECT_EQ(CompileTask(DenseTask(), alien).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(CompileTask, ListsTemplatesWhenTheNameIsUnknown) {
  Task task = DenseTask();
  task.template_name = "dense.abacus";
  const absl::Status status = CompileTask(task, {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr(DenseTask().template_name));
}

}  // namespace
}  // namespace tilewright
