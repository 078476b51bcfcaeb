// What `cmake --install` and cpack lay down works where it lies.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/packaging/staging.h"
#include "tests/runtime/tiny_package.h"

namespace tilewright {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr char kConsumer[] =
    "cmake_minimum_required(VERSION 3.25)\n"
    "project(consumer LANGUAGES C)\n"
    "find_package(Tilewright 0.1 REQUIRED)\n"
    "add_executable(classify " TILEWRIGHT_SOURCE_DIR
    "/examples/runtime/classify.c)\n"
    "target_link_libraries(classify PRIVATE Tilewright::Tilewright)\n";

TEST(Install, TheRuntimeIsFoundByCMakeAndLinked) {
  const Staging staging;
  const TemporaryFile package(TinyPackage());
  std::ofstream(staging / "work/CMakeLists.txt") << kConsumer;
  const ShellResult built = staging.Run("cmake -B build && cmake --build build", "work");
  ASSERT_EQ(built.exit_code, 0) << built.text;
  const ShellResult ran = staging.Run("build/classify '" + package.path() + "'", "work");
  EXPECT_EQ(ran.exit_code, 0) << ran.text;
  EXPECT_THAT(ran.text, HasSubstr("class 999 score 1001"));
}

TEST(Install, AnotherVersionOfTheRuntimeIsNotFound) {
  const Staging staging;
  std::ofstream(staging / "work/CMakeLists.txt")
      << "cmake_minimum_required(VERSION 3.25)\nproject(consumer LANGUAGES C)\n"
         "find_package(Tilewright 99 REQUIRED)\n";
  const ShellResult configured = staging.Run("cmake -B build", "work");
  EXPECT_NE(configured.exit_code, 0);
  EXPECT_THAT(configured.text, HasSubstr("TilewrightConfig.cmake, version: 0."));
}

TEST(Install, TheCommandsFindTheirRunnersAndTellOfThemselves) {
  const Staging staging;
  const ShellResult tuned = staging.Run(
      "tilewright zoo mlp -o mlp.onnx\n"
      "tilewright tune mlp.onnx --trials 2\n"
      "tilewright compile mlp.onnx -o mlp.tar\n"
      "tilewright run mlp.tar --top 1\n",
      "work");
  EXPECT_EQ(tuned.exit_code, 0) << tuned.text;
  EXPECT_THAT(
      staging.Run("groff -man -Tascii -P-c -P-b -P-u prefix/share/man/man1/tilewright.1").text,
      HasSubstr("tilewright records import"));
  EXPECT_EQ(staging
                .Run("bash -n prefix/share/bash-completion/completions/tilewright && "
                     "zsh -n prefix/share/zsh/vendor-completions/_tilewright && "
                     "fish -n prefix/share/fish/vendor_completions.d/tilewright.fish")
                .exit_code,
            0);
}

class Archive : public testing::Test {
 protected:
  std::string Pack(const std::string& generator) {
    const ShellResult packed = staging_.Run(
        "cpack -G " + generator + " -B \"$PWD\" --config '" + kBuildDir + "/CPackConfig.cmake'",
        "work");
    EXPECT_EQ(packed.exit_code, 0) << packed.text;
    return packed.text;
  }
  Staging staging_;
};

TEST_F(Archive, TheTarHoldsOneFolderThatRunsWhereItIsUnpacked) {
  Pack("TXZ");
  const ShellResult ran = staging_.Run(
      "tar xJf tilewright-*.tar.xz && cd tilewright-*/ && bin/tilewright --version && find .",
      "work");
  EXPECT_EQ(ran.exit_code, 0) << ran.text;
  for (const char* file :
       {"bin/tilewright-runner", "bin/tilewright-run", "bin/tilewright-canary.so",
        "lib/libtilewright.so.0", "include/tilewright.h", "share/man/man1/tilewright.1",
        "lib/cmake/Tilewright/TilewrightConfig.cmake"}) {
    EXPECT_THAT(ran.text, HasSubstr(file));
  }
}

TEST_F(Archive, TheDebianPackageNamesItsLibrariesAndLiesUnderUsr) {
  Pack("DEB");
  const ShellResult told = staging_.Run(
      "dpkg-deb --field tilewright_*.deb && dpkg-deb --contents tilewright_*.deb", "work");
  EXPECT_EQ(told.exit_code, 0) << told.text;
  for (const char* text :
       {"Package: tilewright", "libllvm19", "libgrpc++1.51", "libpng16-16", "./usr/bin/tilewright",
        "./usr/lib/libtilewright.so.0", "./usr/share/fish/vendor_completions.d/tilewright.fish"}) {
    EXPECT_THAT(told.text, HasSubstr(text));
  }
  EXPECT_THAT(told.text, Not(HasSubstr("/tmp/")));
}

}  // namespace
}  // namespace tilewright
