#include "worker/machine/core_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <numeric>

#include "runtime/cpu_info.h"
#include "worker/pipeline/private_folder.h"

namespace tilewright {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::vector<int> Cpus(int count) {
  std::vector<int> cpus(count);
  std::iota(cpus.begin(), cpus.end(), 0);
  return cpus;
}

std::vector<PhysicalCore> Cores(const std::string& machine, int cpus) {
  return ReadTopology(Cpus(cpus), machine).value();
}

TEST(Topology, FindsHyperThreadsHoweverTheyAreNumbered) {
  // As Linux numbers them: CPU 4 is the sibling of CPU 0.
  EXPECT_THAT(Cores("core:4 pu:2(indexes=0,4,1,5,2,6,3,7)", 8),
              ElementsAre(PhysicalCore{{0, 4}}, PhysicalCore{{1, 5}}, PhysicalCore{{2, 6}},
                          PhysicalCore{{3, 7}}));
}

TEST(Topology, ACoreOfWhichWeHaveAPartIsNotWhole) {
  EXPECT_THAT(ReadTopology({1, 2, 3}, "core:3 pu:2").value(),
              ElementsAre(PhysicalCore{{1}, false}, PhysicalCore{{2, 3}, true}));
}

TEST(Topology, OfThisMachineHasEveryCpuOnce) {
  std::vector<int> cpus;
  const std::vector<PhysicalCore> cores = ReadTopology(runtime::AllowedCpus()).value();
  for (const PhysicalCore& core : cores) {
    cpus.insert(cpus.end(), core.cpus.begin(), core.cpus.end());
  }
  EXPECT_THAT(cpus, ::testing::UnorderedElementsAreArray(runtime::AllowedCpus()));
}

TEST(CorePlan, SlotsTakeWholeCoresFromTheLastAndTheirHyperThreadsStayIdle) {
  const auto cores = Cores("core:4 pu:2(indexes=0,4,1,5,2,6,3,7)", 8);
  const CorePlan plan = PlanCores(cores, {}, {.slots = 2}).value();
  EXPECT_THAT(plan.slots, ElementsAre(ElementsAre(3), ElementsAre(2)));
  EXPECT_THAT(plan.others, ElementsAre(0, 1, 4, 5));
  EXPECT_EQ(plan.builders, 4);
  EXPECT_THAT(plan.remarks, IsEmpty());
}

TEST(CorePlan, ASlotsNextKernelIsPreparedOnOtherCoresOfItsMemoryNode) {
  const CorePlan plan =
      PlanCores(Cores("numa:2 core:3 pu:1", 6), {}, {.slots = 2, .slot_cores = 2}).value();
  EXPECT_THAT(plan.slots, ElementsAre(ElementsAre(4, 5), ElementsAre(2, 3)));
  EXPECT_THAT(plan.ahead, ElementsAre(IsEmpty(), ElementsAre(0, 1)));
  const CorePlan two = PlanCores(Cores("core:2 pu:1", 2), {}, {}).value();
  EXPECT_TRUE(two.apart);
  EXPECT_THAT(two.ahead, ElementsAre(ElementsAre(0)));
}

TEST(CorePlan, AHyperThreadOfASlotIsNoCoreBesideIt) {
  const CorePlan plan = PlanCores(Cores("core:1 pu:2", 2), {}, {}).value();
  EXPECT_FALSE(plan.apart);
  EXPECT_THAT(plan.ahead, ElementsAre(IsEmpty()));
}

TEST(CorePlan, ASlotOfSeveralCoresHasNeighbours) {
  const auto cores = Cores("pack:2 core:4 pu:1", 8);
  const CorePlan plan = PlanCores(cores, {}, {.slots = 1, .slot_cores = 4}).value();
  EXPECT_THAT(plan.slots, ElementsAre(ElementsAre(4, 5, 6, 7)));
  EXPECT_THAT(plan.others, ElementsAre(0, 1, 2, 3));
}

TEST(CorePlan, WithOneCoreBuildersRunBesideTheMeasurementAndItIsSaid) {
  const CorePlan single = PlanCores(Cores("core:1 pu:1", 1), {}, {}).value();
  EXPECT_THAT(single.slots, ElementsAre(ElementsAre(0)));
  EXPECT_THAT(single.others, ElementsAre(0));
  EXPECT_THAT(single.remarks, ElementsAre(HasSubstr("builders disturb")));
  const CorePlan threads = PlanCores(Cores("core:1 pu:2", 2), {}, {}).value();
  EXPECT_THAT(threads.others, ElementsAre(1)) << "the other hyper-thread";
}

TEST(CorePlan, WithoutSlotsEveryCoreIsABuilders) {
  const CorePlan plan = PlanCores(Cores("core:2 pu:2", 4), {}, {.slots = 0}).value();
  EXPECT_TRUE(plan.slots.empty());
  EXPECT_THAT(plan.others, ElementsAre(0, 1, 2, 3));
  EXPECT_EQ(plan.builders, 4);
  EXPECT_TRUE(plan.remarks.empty());
}

TEST(CorePlan, MoreSlotsThanCoresAreRefused) {
  const auto cores = Cores("core:2 pu:2", 4);
  for (const PlanRequest& request :
       {PlanRequest{3, 1}, PlanRequest{1, 3}, PlanRequest{2, 2}, PlanRequest{-1, 1}}) {
    const absl::Status status = PlanCores(cores, {}, request).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << request.slots << " x " << request.slot_cores;
    EXPECT_THAT(std::string(status.message()), HasSubstr("2 physical cores"));
  }
}

TEST(CorePlan, ASplitCoreIsSaid) {
  const auto cores = ReadTopology({0, 1, 2}, "core:2 pu:2").value();
  EXPECT_THAT(PlanCores(cores, {}, {}).value().remarks, ElementsAre(HasSubstr("belong to others")));
}

TEST(CorePlan, TheGroupsProcessorTimeIsSharedOutSlotsFirst) {
  const auto cores = Cores("core:16 pu:1", 16);
  EXPECT_EQ(PlanCores(cores, {.processors = 4}, {.slots = 2}).value().builders, 2);
  const CorePlan tight = PlanCores(cores, {.processors = 2.5}, {.slots = 2}).value();
  EXPECT_EQ(tight.builders, 1);
  EXPECT_THAT(tight.remarks, ElementsAre(HasSubstr("cpu.max")));
  const absl::Status refused = PlanCores(cores, {.processors = 0.5}, {}).status();
  EXPECT_THAT(std::string(refused.message()), HasSubstr("use 0.5 processors"));
}

// A made-up /proc and /sys.
class Cgroup : public ::testing::Test {
 protected:
  void Write(const std::string& name, const std::string& text) {
    const std::filesystem::path path = folder_->path() + name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  const std::unique_ptr<PrivateFolder> folder_ = PrivateFolder::Make(::testing::TempDir()).value();
};

TEST_F(Cgroup, TheTightestOfTheGroupsAboveCounts) {
  Write("/proc/self/cgroup", "0::/farm/worker\n");
  Write("/sys/fs/cgroup/farm/cpu.max", "250000 100000\n");
  Write("/sys/fs/cgroup/farm/memory.max", "max\n");
  Write("/sys/fs/cgroup/farm/worker/cpu.max", "max 100000\n");
  Write("/sys/fs/cgroup/farm/worker/memory.max", "1073741824\n");
  EXPECT_EQ(ReadCgroupLimits(folder_->path()), (CgroupLimits{2.5, 1 << 30}));
}

TEST_F(Cgroup, InAContainerTheMountIsTheGroup) {
  Write("/proc/self/cgroup", "0::/docker/0123\n");
  Write("/sys/fs/cgroup/cpu.max", "50000 100000\n");
  EXPECT_EQ(ReadCgroupLimits(folder_->path()), (CgroupLimits{0.5, std::nullopt}));
}

TEST_F(Cgroup, VersionOneIsReadToo) {
  Write("/proc/self/cgroup", "4:memory:/a\n3:cpu,cpuacct:/a\n");
  Write("/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "300000\n");
  Write("/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", "100000\n");
  Write("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
  Write("/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_EQ(ReadCgroupLimits(folder_->path()), (CgroupLimits{3, std::nullopt}));
}

TEST_F(Cgroup, WhereNothingCanBeReadThereIsNoLimit) {
  EXPECT_EQ(ReadCgroupLimits(folder_->path()), CgroupLimits{});
  Write("/proc/self/cgroup", "nonsense\n0::/x\n");
  Write("/sys/fs/cgroup/x/cpu.max", "a b\n");
  EXPECT_EQ(ReadCgroupLimits(folder_->path()), CgroupLimits{});
}

}  // namespace
}  // namespace tilewright
