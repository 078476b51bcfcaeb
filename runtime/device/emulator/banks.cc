#include "runtime/device/emulator/banks.h"

#include <algorithm>
#include <array>

namespace tilewright::runtime {
namespace {

constexpr size_t kWarp = 32;
constexpr int64_t kBanks = 32, kBankBytes = 4;

// Passes of what is served together: the most different words of one bank.
int64_t DeepestBank(std::vector<int64_t>* words) {
  std::sort(words->begin(), words->end());
  words->erase(std::unique(words->begin(), words->end()), words->end());
  std::array<int64_t, kBanks> deep = {};
  int64_t deepest = 0;
  for (const int64_t word : *words) {
    deepest = std::max(deepest, ++deep[static_cast<size_t>(word % kBanks)]);
  }
  return deepest;
}

}  // namespace

BankCounts CountPasses(const std::vector<int64_t>& addresses, int64_t bytes) {
  // As many lanes at a time as a pass has bytes for.
  const size_t together = static_cast<size_t>(kBanks * kBankBytes / std::max(bytes, kBankBytes));
  BankCounts counts;
  std::vector<int64_t> words;
  for (size_t first = 0; first < addresses.size(); first += together) {
    words.clear();
    for (size_t i = first; i < std::min(first + together, addresses.size()); ++i) {
      for (int64_t byte = 0; byte < bytes; byte += kBankBytes) {
        words.push_back((addresses[i] + byte) / kBankBytes);
      }
    }
    const int64_t passes = DeepestBank(&words);
    counts.passes += passes;
    counts.conflicts += passes - 1;
  }
  return counts;
}

void BankLog::Note(size_t thread, int64_t address, int64_t bytes, bool write) {
  accesses_[thread].push_back({address, static_cast<int32_t>(bytes), write});
}

BankCounts BankLog::Meet() {
  BankCounts all;
  for (size_t first = 0; first < accesses_.size(); first += kWarp) {
    const BankCounts counts = CountWarp(first);
    all.passes += counts.passes;
    all.conflicts += counts.conflicts;
  }
  for (std::vector<Access>& accesses : accesses_) accesses.clear();
  return all;
}

BankCounts BankLog::CountWarp(size_t first) const {
  const size_t last = std::min(first + kWarp, accesses_.size());
  size_t most = 0;
  for (size_t t = first; t < last; ++t) most = std::max(most, accesses_[t].size());
  BankCounts all;
  std::vector<int64_t> addresses;
  for (size_t n = 0; n < most; ++n) {
    addresses.clear();
    const Access* kind = nullptr;
    for (size_t t = first; t < last; ++t) {
      if (n >= accesses_[t].size()) continue;
      const Access& access = accesses_[t][n];
      if (kind == nullptr) kind = &access;
      if (access.bytes == kind->bytes && access.write == kind->write) {
        addresses.push_back(access.address);
      }
    }
    const BankCounts counts = CountPasses(addresses, kind->bytes);
    all.passes += counts.passes;
    all.conflicts += counts.conflicts;
  }
  return all;
}

}  // namespace tilewright::runtime
