// A job's journal as its rows are in the store: a row a line.
#include "tuner/server/jobs/journal.h"

#include "absl/strings/str_split.h"
#include "tests/fuzz/target.h"

namespace tilewright {

FuzzTarget journal() {
  return {{R"([["s",1,0,17],["c",2,1,18]])"
           "\n"
           R"([["r",1],["f",2,"crash","signal 11"],["u",3,"its disk is full"]])"
           "\n"
           R"([["e","paused",""]])"},
          [](std::string_view bytes) {
            const auto store = MakeMemoryStore();
            const std::string text(bytes);
            std::vector<JobStepRow> rows;
            for (const absl::string_view line : absl::StrSplit(text, '\n')) {
              rows.push_back({.job = "job", .step = rows.size() + 1, .text = std::string(line)});
            }
            if (!store->Commit({.steps = rows}).ok()) return false;
            auto reader = JournalReader::Open(*store, "job", /*leftover=*/true);
            if (!reader.ok()) return false;
            for (JournalEntry entry; reader->Next(&entry);) {
            }
            return reader->status().ok();
          }};
}

}  // namespace tilewright
