// Stand-ins for the worker's child processes: small scripts that a test writes.
#pragma once

#include <sys/stat.h>

#include <fstream>
#include <string>

namespace tilewright {

inline std::string WriteScript(const std::string& path, const std::string& text) {
  const std::string early = path + ".new";  // a file open for writing cannot be executed
  std::ofstream(early) << text;
  chmod(early.c_str(), 0700);
  rename(early.c_str(), path.c_str());
  return path;
}

// A builder that greets as the real one does. For each request it runs `body`, Python in which
// `request` is what was asked, `count` the requests so far, send(bytes) writes a frame and
// built() makes the library and answers that all is well.
inline std::string FakeBuilder(const std::string& path, const std::string& body) {
  std::string indented;
  for (size_t at = 0; at < body.size();) {
    const size_t end = std::min(body.find('\n', at), body.size());
    indented += "    " + body.substr(at, end - at) + "\n";
    at = end + 1;
  }
  return WriteScript(path, R"(#!/usr/bin/env python3
import json, os, signal, struct, sys, time
def send(data): os.write(3, struct.pack('<I', len(data)) + data)
def built():
    open(request['output'], 'w').write('library')
    kernel = {'buffers': [], 'prepare': [], 'tolerance': 1e-4,
              'calls': [{'symbol': 'k', 'extent': 1, 'grid': [1, 1, 1], 'block': [1, 1, 1],
                         'operands': [0, 1, 2]}]}
    send(json.dumps({'ok': True, 'kernel': kernel}).encode())
send(b'cpu -mcpu=fake')
count = 0
while True:
    header = sys.stdin.buffer.read(4)
    if len(header) < 4: sys.exit(0)
    request = json.loads(sys.stdin.buffer.read(struct.unpack('<I', header)[0]))
    count += 1
)" + indented);
}

// A runner that reads its spec into $spec and runs `body`, a shell's, in which `ready` says that it
// is and waits for its turn, with $spare seconds to spare; results go to >&3 after $token. With the
// default it writes a reference when it shall and times half a second else.
inline std::string FakeRunner(const std::string& path,
                              const std::string& body = "ready\necho $token ok 0.5 >&3\n") {
  return WriteScript(path,
                     "#!/bin/sh\nspec=$(sed -u '/^end$/q')\n"
                     "token=$(echo \"$spec\" | sed -n 's/^token //p')\n"
                     "ready() { echo called >&3; echo $token ready >&3; read go spare; }\n"
                     "case \"$spec\" in *\"write_reference 1\"*) reference=1;; esac\n" +
                         body);
}

}  // namespace tilewright
