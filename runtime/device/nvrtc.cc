#include "runtime/device/nvrtc.h"

#include <dlfcn.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <utility>

#include "runtime/device/library.h"
#include "runtime/error.h"

namespace tilewright::runtime {
namespace {

constexpr size_t kMostMessages = 4000;

struct ProgramTag;
using ProgramHandle = ProgramTag*;
using Result = int;  // 0: success

struct Nvrtc {
  Result (*Version)(int* major, int* minor);
  Result (*GetNumSupportedArchs)(int* count);
  Result (*GetSupportedArchs)(int* archs);
  Result (*CreateProgram)(ProgramHandle* program, const char* text, const char* name, int headers,
                          const char* const* header_texts, const char* const* header_names);
  Result (*DestroyProgram)(ProgramHandle* program);
  Result (*CompileProgram)(ProgramHandle program, int count, const char* const* options);
  Result (*GetProgramLogSize)(ProgramHandle program, size_t* bytes);
  Result (*GetProgramLog)(ProgramHandle program, char* log);
  Result (*GetCUBINSize)(ProgramHandle program, size_t* bytes);
  Result (*GetCUBIN)(ProgramHandle program, char* code);
  Result (*GetPTXSize)(ProgramHandle program, size_t* bytes);
  Result (*GetPTX)(ProgramHandle program, char* code);
};

// NVRTC opens its built-in functions by their name, which the loader may not find: by then they are
// loaded, from the folder that NVRTC is in. Where they are not there, compiling says so.
void LoadBuiltins(const Nvrtc& api) {
  int major = 0, minor = 0;
  Dl_info nvrtc = {};
  if (api.Version(&major, &minor) != 0) return;
  if (dladdr(reinterpret_cast<void*>(api.Version), &nvrtc) == 0) return;
  const std::string path = nvrtc.dli_fname;
  const std::string folder = path.substr(0, path.rfind('/') + 1);
  const std::string version = std::to_string(major) + "." + std::to_string(minor);
  dlopen((folder + "libnvrtc-builtins.so." + version).c_str(), RTLD_NOW | RTLD_LOCAL);
}

Nvrtc LoadNvrtc() {
  // The last ones where the toolkit is not known to the loader; only with its headers is there one
  // without a version.
  const Library library({"libnvrtc.so.13", "libnvrtc.so.12", "/usr/local/cuda/lib64/libnvrtc.so.13",
                         "/usr/local/cuda/lib64/libnvrtc.so.12"},
                        "NVRTC (libnvrtc.so.13 or .12 of the CUDA toolkit)");
  Nvrtc api;
#define BIND(name) library.Bind(api.name, "nvrtc" #name)
  BIND(Version);
  BIND(GetNumSupportedArchs);
  BIND(GetSupportedArchs);
  BIND(CreateProgram);
  BIND(DestroyProgram);
  BIND(CompileProgram);
  BIND(GetProgramLogSize);
  BIND(GetProgramLog);
  BIND(GetCUBINSize);
  BIND(GetCUBIN);
  BIND(GetPTXSize);
  BIND(GetPTX);
#undef BIND
  LoadBuiltins(api);
  return api;
}

const Nvrtc& Api() {
  static const Nvrtc api = LoadNvrtc();
  return api;
}

// Text of a program by a pair of NVRTC's functions.
std::string Read(ProgramHandle program, Result (*size)(ProgramHandle, size_t*),
                 Result (*get)(ProgramHandle, char*)) {
  size_t bytes = 0;
  if (size(program, &bytes) != 0 || bytes == 0) return "";
  std::string text(bytes, '\0');
  return get(program, text.data()) == 0 ? text : "";
}

void CheckArchitecture(const std::string& arch) {
  const std::vector<std::string> known = NvrtcArchitectures();
  // sm_90a is sm_90 with what only that one has.
  const std::string base = arch.ends_with('a') ? arch.substr(0, arch.size() - 1) : arch;
  if (std::find(known.begin(), known.end(), base) != known.end()) return;
  std::string names;
  for (const std::string& name : known) names += (names.empty() ? "" : ", ") + name;
  throw Error(TW_UNAVAILABLE,
              "NVRTC " + NvrtcVersion() + " does not compile for " + arch + "; it knows " + names +
                  ". Another CUDA toolkit's may (12 was the last for sm_50 to sm_72). To use such "
                  "a device's records on another: -arch=" +
                  (known.empty() ? "sm_90" : known.front()) + " -model=MODEL");
}

}  // namespace

bool HasNvrtc() {
  try {
    Api();
    return true;
  } catch (const Error&) {
    return false;
  }
}

std::string NvrtcVersion() {
  int major = 0, minor = 0;
  if (Api().Version(&major, &minor) != 0) throw Error(TW_UNAVAILABLE, "NVRTC has no version");
  return std::to_string(major) + "." + std::to_string(minor);
}

std::vector<std::string> NvrtcArchitectures() {
  int count = 0;
  std::vector<std::string> names;
  if (Api().GetNumSupportedArchs(&count) != 0) return names;
  std::vector<int> archs(static_cast<size_t>(count));
  if (Api().GetSupportedArchs(archs.data()) != 0) return names;
  for (const int arch : archs) names.push_back("sm_" + std::to_string(arch));
  return names;
}

CudaCode CompileCuda(const std::string& text, const std::string& arch) {
  CheckArchitecture(arch);
  const Nvrtc& api = Api();
  ProgramHandle program = nullptr;
  if (api.CreateProgram(&program, text.c_str(), "kernels.cu", 0, nullptr, nullptr) != 0) {
    throw Error(TW_INTERNAL, "NVRTC takes no program");
  }
  const auto destroy = [&api](ProgramTag* p) { api.DestroyProgram(&p); };
  const std::unique_ptr<ProgramTag, decltype(destroy)> owner(program, destroy);
  const std::string arch_option = "--gpu-architecture=" + arch;
  // 177: a function of the prelude that no kernel uses.
  const char* options[] = {arch_option.c_str(), "-std=c++17", "-default-device",
                           "-diag-suppress=177", "--ptxas-options=-v"};
  const Result result = api.CompileProgram(program, std::size(options), options);
  CudaCode code;
  code.log = Read(program, api.GetProgramLogSize, api.GetProgramLog);
  if (result != 0) throw Error(TW_INTERNAL, "NVRTC: " + code.log.substr(0, kMostMessages));
  code.cubin = Read(program, api.GetCUBINSize, api.GetCUBIN);
  code.ptx = Read(program, api.GetPTXSize, api.GetPTX);
  return code;
}

}  // namespace tilewright::runtime
