// What is known about integer expressions at a place of a program: ranges of variables, values
// bound to them, and inequalities that hold. Used only inside compiler/loop.
#pragma once

#include <unordered_map>
#include <utility>
#include <vector>

#include "compiler/loop/interval.h"
#include "compiler/loop/linear.h"
#include "compiler/loop/simplify.h"

namespace tilewright {

class Knowledge {
 public:
  explicit Knowledge(const Ranges& ranges);

  // The value that stands for a variable: what it is bound to, its only possible value, or itself.
  Expr ValueOf(const Expr& var) const;
  // Provable bounds. REQUIRES: the argument is simplified under this knowledge.
  Interval BoundsOf(const Expr& e) const;
  Interval BoundsOf(const Linear& sum) const;

  // Replaces what is known about a variable.
  void Bind(const Expr& var, Expr value);
  void SetRange(const Expr& var, const Interval& range);
  // Learns that the simplified condition is true (or false).
  void Assume(const Expr& condition, bool truth);
  // Whether Assume could learn anything.
  static bool CanLearnFrom(const Expr& condition);

  // Undo: everything learned after Mark() is forgotten by Restore(mark).
  struct Mark {
    size_t undo, facts;
  };
  Mark Save() const { return {undo_.size(), facts_.size()}; }
  void Restore(const Mark& mark);

 private:
  struct Entry {
    Interval range;
    Expr value;  // null when not bound
  };
  struct Fact {  // the bounds of a sum without constant, first coefficient > 0, gcd 1
    std::vector<Linear::Term> terms;
    Interval bounds;
  };

  void Set(const ExprNode* var, Entry entry);
  void AssumeNegative(Linear sum);
  void Tighten(const Expr& atom, const Interval& bounds);
  Interval BoundsOfBinary(const ExprNode& e) const;
  Interval BoundsOfTerms(const std::vector<Linear::Term>& terms) const;
  Interval FactAbout(const Linear& sum) const;

  std::unordered_map<const ExprNode*, Entry> entries_;
  std::vector<std::pair<const ExprNode*, Entry>> undo_;  // the entry to put back
  std::vector<Fact> facts_;
};

}  // namespace tilewright
