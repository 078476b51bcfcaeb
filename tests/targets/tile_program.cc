#include "tests/targets/tile_program.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/strings.h"
#include "compiler/loop/text.h"

namespace tilewright {
namespace {

class Writer {
 public:
  explicit Writer(const TileOp& op) : op_(op) {}

  std::string Write(const std::string& name) {
    for (size_t i = 0; i < op_.operands.size(); ++i) Add(static_cast<int>(i), op_.operands[i]);
    const TileOperand& written = op_.operands[0];
    const int64_t rows = RowsOf(written);
    const char* element = written.scope == Scope::kRegister ? "r0[i]" : "m0[t, i]";
    return absl::StrCat(
        "program ", name, "(", params_, "out: ", TypeOf(written.dtype, rows, written.elements),
        "):\n", shared_, "  thread_x t in 0..", IsGroup() ? kGroupThreads + kWarpThreads : 32,
        ":\n", registers_, copies_,
        IsGroup()
            ? absl::StrCat("    pipeline stage in 0..1 slots 2:\n", fills_, "    use:\n      ")
            : "    barrier\n    ",
        op_.name, " ", operands_, "\n", IsGroup() ? "" : "    barrier\n",
        Copy("out[t, i]", element, rows, written.elements));
  }

 private:
  bool IsGroup() const { return op_.threads == TileThreads::kGroup; }

  static std::string TypeOf(DType type, int64_t rows, int64_t columns) {
    return absl::StrCat(Sv(NameOf(type)), "[", rows, ",", columns, "]");
  }

  // Of an operand's argument.
  int64_t RowsOf(const TileOperand& operand) const {
    return operand.scope == Scope::kRegister ? CountOf(op_.threads) : operand.rows;
  }

  // Of a row a thread.
  static std::string Copy(const std::string& to, const std::string& from, int64_t rows,
                          int64_t elements) {
    return absl::StrCat("    if t < ", rows, ":\n      for i in 0..", elements, ":\n        ", to,
                        " = ", from, "\n");
  }

  void Add(int i, const TileOperand& operand) {
    const std::string comma = i == 0 ? "" : ", ", type(NameOf(operand.dtype));
    const std::string argument = absl::StrCat("x", i, "[t, i]");
    absl::StrAppend(&params_, "x", i, ": ",
                    TypeOf(operand.dtype, RowsOf(operand), operand.elements), ", ");
    if (operand.scope == Scope::kRegister) {
      absl::StrAppend(&registers_, "    alloc r", i, ": register ", type, "[", operand.elements,
                      "]\n");
      absl::StrAppend(
          &copies_, Copy(absl::StrCat("r", i, "[i]"), argument, RowsOf(operand), operand.elements));
      absl::StrAppend(&operands_, comma, "r", i, "[0]");
      return;
    }
    absl::StrAppend(&shared_, "  alloc m", i, ": shared ", type, IsGroup() ? "[2," : "[",
                    operand.rows, ",", operand.elements, "]\n");
    if (IsGroup()) {
      absl::StrAppend(&fills_, "      ", BoxLoadOf(operand.dtype).name, " m", i,
                      "[stage % 2, 0, 0], x", i, "[0, 0]\n");
      absl::StrAppend(&operands_, comma, "m", i, "[stage % 2, 0, 0]");
    } else {
      absl::StrAppend(
          &copies_, Copy(absl::StrCat("m", i, "[t, i]"), argument, operand.rows, operand.elements));
      absl::StrAppend(&operands_, comma, "m", i, "[t % ", operand.rows, ", 0]");
    }
  }

  const TileOp& op_;
  std::string params_, shared_, registers_, copies_, fills_, operands_;
};

}  // namespace

const TileOp& UserOf(const TileOp& op) {
  if (op.threads != TileThreads::kOne) return op;
  for (const TileOp& user : TileOps()) {
    if (user.threads == TileThreads::kGroup && user.type == op.type) return user;
  }
  TW_CHECK(false) << "nothing uses " << op.name;
  return op;
}

Program TileProgram(const TileOp& op, const std::string& name) {
  const std::string text = Writer(UserOf(op)).Write(name);
  const absl::StatusOr<Program> program = ParseProgram(text);
  EXPECT_TRUE(program.ok()) << program.status() << "\n" << text;
  return program.ok() ? *program : Program{};
}

}  // namespace tilewright
