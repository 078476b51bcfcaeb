// Runs the command as a user does.
#pragma once

#include <sys/wait.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/paths.h"
#include "tests/records/sample_records.h"

namespace tilewright {

inline std::string ReadAll(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void WriteAll(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

struct CommandResult {
  int exit_code = -1;
  std::string out, err;
};

// A folder to work in, with its own default records file.
class CommandLine {
 public:
  // `arguments` are shell words; relative paths are in folder().
  CommandResult Run(const std::string& arguments) const {
    const std::string line = "cd '" + folder_ / "" + "' && TILEWRIGHT_RECORDS=default.db " +
                             TILEWRIGHT_BIN_DIR "/tilewright " + arguments +
                             " >stdout.txt 2>stderr.txt </dev/null";
    const int status = std::system(line.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, ReadAll(folder_ / "stdout.txt"),
            ReadAll(folder_ / "stderr.txt")};
  }
  std::string operator/(const std::string& name) const { return folder_ / name; }

 private:
  TempFolder folder_;
};

}  // namespace tilewright
