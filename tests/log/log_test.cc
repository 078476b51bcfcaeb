#include "log/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "tests/records/sample_records.h"

namespace tilewright {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr double kTime = 1'790'000'000.25;

std::string Text(const LogFields& fields) {
  return FormatLine(LogFormat::kText, {kTime, LogLevel::kWarning, "lease lost", fields});
}

TEST(LogLine, HasItsTimeLevelMessageAndFields) {
  EXPECT_EQ(Text({{"job", "mlp-1"}, {"trial", uint64_t{41}}, {"seconds", 0.5}}),
            "2026-09-21T14:13:20.250Z warning lease lost job=mlp-1 trial=41 seconds=0.5");
  const auto json = nlohmann::json::parse(
      FormatLine(LogFormat::kJson,
                 {kTime, LogLevel::kInfo, "job done", {{"job", "a b"}, {"trials", uint64_t{3}}}}));
  EXPECT_EQ(json["time"], "2026-09-21T14:13:20.250Z");
  EXPECT_EQ(json["level"], "info");
  EXPECT_EQ(json["job"], "a b");
  EXPECT_EQ(json["trials"], 3);
}

TEST(LogLine, WhatOthersSayCannotForgeLinesOrTerminals) {
  for (const LogFormat format : {LogFormat::kText, LogFormat::kJson}) {
    const std::string line = FormatLine(
        format,
        {kTime,
         LogLevel::kError,
         "fault",
         {{"reason", "x\n2026 info all is well\x1b[2J \xff \" worker=y"}, {"worker", "w"}}});
    for (const char c : line) EXPECT_TRUE(c >= 0x20 && c < 0x7f) << line;
    EXPECT_THAT(line, Not(HasSubstr(" worker=y ")));
  }
  EXPECT_THAT(Text({{"a", ""}, {"b", "x=y"}}), HasSubstr("a=\"\" b=\"x=y\""));
}

TEST(LogLine, IsBounded) {
  LogFields fields;
  for (int i = 0; i < 100; ++i) fields.push_back({"f", std::string(100'000, '\n')});
  EXPECT_LT(Text(fields).size(), 16u << 10);
  EXPECT_LT(FormatLine(LogFormat::kJson, {kTime, LogLevel::kInfo, "m", fields}).size(), 16u << 10);
}

TEST(LogFile, HoldsEveryLineOnceTheLogHasEnded) {
  const TempFolder folder;
  {
    const auto log = MakeFileLog(folder / "log", LogFormat::kJson).value();
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&log] {
        for (int i = 0; i < 200; ++i) log->Info("line", {{"i", uint64_t(i)}});
      });
    }
  }
  std::ifstream in(folder / "log");
  int lines = 0;
  for (std::string line; std::getline(in, line); ++lines) {
    EXPECT_EQ(nlohmann::json::parse(line)["message"], "line");
  }
  EXPECT_EQ(lines, 800);
  EXPECT_TRUE(
      absl::IsPermissionDenied(MakeFileLog(folder / "log/below", LogFormat::kText).status()));
}

}  // namespace
}  // namespace tilewright
