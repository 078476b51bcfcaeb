// The project installed into a folder, and shells that work there.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/paths.h"
#include "tests/records/sample_records.h"

namespace tilewright {

inline constexpr char kBuildDir[] = TILEWRIGHT_BIN_DIR "/..";

struct ShellResult {
  int exit_code = -1;
  std::string text;  // stdout and stderr
};

class Staging {
 public:
  // In a folder `work`, after a move: nothing in it may know where it was installed to.
  Staging() {
    EXPECT_EQ(Run("cmake --install '" + std::string(kBuildDir) +
                  "' --strip --prefix first && "
                  "mv first prefix && mkdir work")
                  .exit_code,
              0);
  }
  // A command of bash in a folder beneath this one, with the installed commands in the PATH.
  ShellResult Run(const std::string& command, const std::string& folder = ".") const {
    const std::string prefix = folder_ / "prefix", log = folder_ / "log.txt";
    std::ofstream(folder_ / "command.sh") << command << "\n";
    const std::string line = "cd '" + folder_ / folder + "' && PATH='" + prefix +
                             "/bin':$PATH CMAKE_PREFIX_PATH='" + prefix + "' HOME='" +
                             folder_ / "" + "' TILEWRIGHT_RECORDS=records.db bash -e '" +
                             folder_ / "command.sh" + "' >'" + log + "' 2>&1 </dev/null";
    const int status = std::system(line.c_str());
    std::ifstream in(log);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1,
            std::string{std::istreambuf_iterator<char>(in), {}}};
  }
  std::string operator/(const std::string& name) const { return folder_ / name; }

 private:
  TempFolder folder_;
};

}  // namespace tilewright
