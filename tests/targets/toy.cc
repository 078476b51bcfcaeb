// A kind of device that nothing but this file describes: a machine whose threads run one after
// another, so that they have no barriers. Its modules are libraries for this computer.
#include <cstdlib>
#include <cstring>

#include "runtime/device/device_kind.h"
#include "runtime/device/host_compiler.h"
#include "runtime/error.h"
#include "runtime/shared_object.h"

namespace tilewright::runtime {
namespace {

constexpr char kPrelude[] = R"(
static const int* tw_at;
#define TW_BLOCK_X tw_at[0]
#define TW_BLOCK_Y tw_at[1]
#define TW_BLOCK_Z tw_at[2]
#define TW_THREAD_X tw_at[3]
#define TW_THREAD_Y tw_at[4]
#define TW_THREAD_Z tw_at[5]
template <class... A> static void tw_call(void (*kernel)(A...), void** args, const int* at) {
  tw_at = at;
  int i = 0;
  tw_run run{kernel, (A)args[i++]...};
}
#define TW_EXPORT(kernel) \
  extern "C" void kernel##_at(void** args, const int* at) { tw_call(kernel, args, at); }
#define TW_INPUT(S, name) const tw_##S* name
#define TW_OUTPUT(S, name) tw_##S* name
#define TW_ALIGNED_ARRAY(S, name, n) alignas(16) tw_##S name[n]
#define TW_ARRAY(S, name, n) tw_##S name[n]
#define TW_AS(bytes, space, place) (*(space tw_v##bytes*)(place))
)";

struct Buffer final : DeviceBuffer {
  std::shared_ptr<char> data;
};

struct Kernel final : DeviceKernel {
  void (*run)(void** args, const int* at);
};

struct Module final : DeviceModule {
  explicit Module(std::string_view code) : library(code) {}
  std::unique_ptr<DeviceKernel> Find(const std::string& name) override {
    void* const found = library.Find(name + "_at");
    if (found == nullptr) return nullptr;
    auto kernel = std::make_unique<Kernel>();
    kernel->run = reinterpret_cast<void (*)(void**, const int*)>(found);
    return kernel;
  }
  SharedObject library;
};

std::shared_ptr<char> Memory(size_t bytes) {
  const size_t whole = (bytes / kDeviceAlignment + 1) * kDeviceAlignment;
  return {static_cast<char*>(std::aligned_alloc(kDeviceAlignment, whole)), std::free};
}

class Toy final : public Device {
 public:
  const DeviceInfo& info() const override { return info_; }
  std::unique_ptr<DeviceBuffer> Allocate(size_t bytes) override {
    auto buffer = std::make_unique<Buffer>();
    buffer->data = Memory(bytes);
    return buffer;
  }
  std::unique_ptr<DeviceBuffer> Slice(DeviceBuffer& whole, size_t offset, size_t) override {
    const std::shared_ptr<char>& data = static_cast<Buffer&>(whole).data;
    auto buffer = std::make_unique<Buffer>();
    buffer->data = {data, data.get() + offset};
    return buffer;
  }
  std::unique_ptr<DeviceModule> Load(std::string_view code) override {
    return std::make_unique<Module>(code);
  }
  void Upload(DeviceBuffer& to, const void* from, size_t bytes) override {
    if (bytes > 0) std::memcpy(static_cast<Buffer&>(to).data.get(), from, bytes);
  }
  void Download(void* to, DeviceBuffer& from, size_t bytes) override {
    if (bytes > 0) std::memcpy(to, static_cast<Buffer&>(from).data.get(), bytes);
  }
  void Launch(DeviceKernel& kernel, const std::vector<DeviceBuffer*>& args,
              const std::array<int64_t, 3>& grid, const std::array<int64_t, 3>& block) override {
    std::vector<void*> pointers;
    for (DeviceBuffer* arg : args) pointers.push_back(static_cast<Buffer*>(arg)->data.get());
    const int64_t extents[] = {grid[0], grid[1], grid[2], block[0], block[1], block[2]};
    int64_t count = 1;
    for (const int64_t extent : extents) count *= extent;
    for (int64_t i = 0; i < count; ++i) {
      int at[6];
      int64_t rest = i;
      for (size_t d = 0; d < 6; ++d) {
        at[d] = static_cast<int>(rest % extents[d]);
        rest /= extents[d];
      }
      static_cast<Kernel&>(kernel).run(pointers.data(), at);
    }
  }
  void Synchronize() override {}

 private:
  const DeviceInfo info_ = {.name = "toy", .driver = "none", .max_threads = 1024};
};

DeviceSurvey Survey() { return {.devices = {Toy().info()}, .missing = ""}; }

std::unique_ptr<Device> Open(size_t index) {
  if (index > 0) throw Error(TW_UNAVAILABLE, "there is one toy");
  return std::make_unique<Toy>();
}

std::string Resolve(std::string_view arch, std::string_view) {
  if (arch.empty() || arch == "toy1") return "toy1";
  throw Error(TW_INVALID_ARGUMENT, "toys are of the architecture toy1");
}

CompiledCode Compile(const std::string& text, const std::string&) {
  return {.code = CompileOnHost(text), .listing = text, .log = ""};
}

}  // namespace

const DeviceDriver& toy_driver() {
  static const DeviceDriver driver = {
      .name = "toy", .code_file = "mod.toy", .timed = false, .survey = Survey, .open = Open};
  return driver;
}

const DeviceKind& toy() {
  static const std::string prelude = std::string(HostPrelude()) + kPrelude;
  static const DeviceKind kind = {
      .driver = &toy_driver(),
      .summary = "threads one after another",
      .found = [] { return std::string("always"); },
      .resolve = Resolve,
      .traits =
          [](std::string_view, std::string_view) {
            return GpuTraits{.limits = {.threads = 64, .block = {64, 64, 64}}};
          },
      .prelude = prelude,
      .compile = Compile};
  return kind;
}

}  // namespace tilewright::runtime
