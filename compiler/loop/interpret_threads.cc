#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "compiler/core/tensor.h"
#include "compiler/loop/interpret_step.h"

namespace tilewright::interpret {
namespace {

constexpr int64_t kMaxThreads = 4096;

// The threads of one block.
class Block {
 public:
  Block(const Step& step, Frame& outer) : step_(step), outer_(outer) {
    int64_t count = 1;
    for (const auto& [slot, extent] : step.threads) {
      count *= std::min(extent, kMaxThreads + 1);
      if (count > kMaxThreads) {
        Fail("a block has more than 4096 threads");
        return;
      }
    }
    for (const SharedBuffer& shared : step.shared_buffers) {
      races_.Watch(shared.slot, NumElements(shared.buffer->shape));
    }
    AllocatePrivate(static_cast<size_t>(count));
    for (int64_t t = 0; t < count; ++t) AddThread(static_cast<size_t>(t));
  }

  void Run() {
    active_ = threads_;
    Run(step_.body);
  }

 private:
  void AllocatePrivate(size_t count) {
    int64_t bytes = 0;
    for (const PrivateBuffer& buffer : step_.private_buffers) bytes += Aligned(buffer.bytes);
    private_bytes_ = static_cast<size_t>(bytes);
    // Contents are undefined: floats read before they are written show as NaN.
    memory_.assign(private_bytes_ * count, std::byte{0xff});
  }

  static int64_t Aligned(int64_t bytes) { return (bytes + 15) / 16 * 16; }

  void AddThread(size_t t) {
    Frame frame = outer_;
    size_t rest = t;
    for (size_t i = step_.threads.size(); i-- > 0;) {
      const auto& [slot, extent] = step_.threads[i];
      frame.vars[slot] = static_cast<int64_t>(rest % static_cast<size_t>(extent));
      rest /= static_cast<size_t>(extent);
    }
    std::byte* next = memory_.data() + t * private_bytes_;
    for (const PrivateBuffer& buffer : step_.private_buffers) {
      frame.buffers[buffer.slot] = next;
      next += Aligned(buffer.bytes);
    }
    frame.thread = static_cast<int32_t>(t);
    frame.races = &races_;
    threads_.push_back(std::move(frame));
  }

  void Run(const Steps& steps) {
    for (const Step& step : steps) {
      if (outer_.failed) return;
      if (step.run == RunBarrier) {
        races_.Meet();
      } else if (step.run == interpret::RunLastBlock) {
        races_.Meet();
        const bool last = IsLastBlock(step, active_[0]);
        TakeFailure(active_.first(1));
        if (last) Run(step.body);
      } else if (step.tile != nullptr) {
        const auto together = static_cast<size_t>(CountOf(step.tile->threads));
        for (size_t t = 0; t < active_.size() && !outer_.failed; t += together) {
          const std::span<Frame> threads = active_.subspan(t, together);
          RunTile(step, threads);
          TakeFailure(threads);
        }
      } else if (step.run == interpret::RunPipeline) {
        RunSlots(step);
      } else if (!step.meets) {
        ForEach([&](Frame& frame) { step.run(step, frame); });
      } else if (step.extent != nullptr) {
        RunLoop(step);
      } else {
        Run(Together(*step.value) != 0 ? step.body : step.otherwise);
      }
    }
  }

  void RunLoop(const Step& step) {
    const int64_t min = Together(*step.min);
    const int64_t end = min + Together(*step.extent);
    for (int64_t i = min; i < end && !outer_.failed; ++i) {
      for (Frame& frame : active_) frame.vars[step.slot] = i;
      Run(step.body);
    }
  }

  void RunSlots(const Step& step) {
    const int64_t extent = Together(*step.extent);
    const size_t users = threads_.size() - kWarpThreads;
    const std::span<Frame> all = active_;
    const auto run = [&](const Steps& steps, std::span<Frame> threads, int64_t i) {
      if (i >= extent || outer_.failed) return;
      active_ = threads;
      for (Frame& frame : active_) frame.vars[step.slot] = i;
      Run(steps);
    };
    for (int64_t i = 0; i < step.slots; ++i) run(step.body, all.subspan(users, 1), i);
    for (int64_t i = 0; i < extent; ++i) {
      run(step.otherwise, all.first(users), i);
      run(step.body, all.subspan(users, 1), i + step.slots);
    }
    active_ = all;
  }

  // The value that every thread finds. Verify has seen that it depends on none.
  int64_t Together(const Code& code) { return code.run(code, active_[0]).i; }

  template <typename Fn>
  void ForEach(Fn fn) {
    for (Frame& frame : active_) {
      fn(frame);
      TakeFailure({&frame, 1});
      if (outer_.failed) return;
    }
  }

  void TakeFailure(std::span<Frame> frames) {
    for (const Frame& frame : frames) {
      if (!frame.failed || outer_.failed) continue;
      outer_.failed = true;
      outer_.failure = frame.failure;
    }
  }

  void Fail(const char* what) {
    outer_.failed = true;
    outer_.failure = absl::InvalidArgumentError(what);
  }

  const Step& step_;
  Frame& outer_;
  size_t private_bytes_ = 0;
  std::vector<std::byte> memory_;
  std::vector<Frame> threads_;
  std::span<Frame> active_;  // those that run the steps at hand: in a pipeline a part of them
  Races races_;
};

}  // namespace

void Races::Watch(size_t slot, int64_t elements) {
  if (seen_.size() <= slot) seen_.resize(slot + 1);
  seen_[slot].assign(static_cast<size_t>(elements), {});
}

bool Races::Touch(size_t slot, int64_t at, int32_t thread, bool write) {
  Seen& seen = seen_[slot][static_cast<size_t>(at)];
  if (seen.phase != phase_) seen = {.phase = phase_};
  const bool written_by_other = seen.writer >= 0 && seen.writer != thread;
  const bool read_by_other = seen.reader == kSeveral || (seen.reader >= 0 && seen.reader != thread);
  if (written_by_other || (write && read_by_other)) return false;
  if (write) {
    seen.writer = thread;
  } else {
    seen.reader = seen.reader < 0 || seen.reader == thread ? thread : kSeveral;
  }
  return true;
}

void FailRace(const Access& access, int64_t at, Frame& frame) {
  if (frame.failed) return;
  frame.failed = true;
  frame.failure = absl::FailedPreconditionError(
      absl::StrCat("two threads touch element ", at, " of ", access.buffer->name,
                   " between two barriers and one of them writes"));
}

void RunBarrier(const Step&, Frame&) {}
void RunPipeline(const Step&, Frame&) {}

void RunLastBlock(const Step& step, Frame& frame) {
  if (IsLastBlock(step, frame)) RunSteps(step.body, frame);
}

bool IsLastBlock(const Step& step, Frame& frame) {
  const int64_t blocks = step.extent->run(*step.extent, frame).i;
  const int64_t at = Locate(step.access, frame);
  if (at < 0 || frame.failed) return false;
  int32_t& counter = reinterpret_cast<int32_t*>(frame.buffers[step.access.slot])[at];
  const bool last = counter + 1 == blocks;
  counter = last ? 0 : counter + 1;
  return last;
}

void RunThreads(const Step& step, Frame& frame) {
  for (const SharedBuffer& shared : step.shared_buffers) {  // undefined again in each block
    const TensorType type{.dtype = shared.buffer->dtype, .shape = shared.buffer->shape};
    std::memset(frame.buffers[shared.slot], 0xff, static_cast<size_t>(NumBytes(type)));
  }
  Block block(step, frame);
  if (!frame.failed) block.Run();
}

}  // namespace tilewright::interpret
