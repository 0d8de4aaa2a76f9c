#ifndef EXPUNGE_TESTS_FAULTS_CHILD_H_
#define EXPUNGE_TESTS_FAULTS_CHILD_H_

#include <functional>
#include <string>
#include <vector>

#include "tests/testing/temp_dir.h"

namespace expunge {

// Tells lines to the process that started this one.
class ChildReport {
 public:
  explicit ChildReport(int file) : file_(file) {}
  void Line(const std::string& line) const;

 private:
  const int file_;
};

struct ChildResult {
  std::vector<std::string> lines;
  std::string death;  // empty: it returned; else the signal, and the last that it wrote to stderr
};

// Runs `work` in a process of its own, which may abort: RocksDB asserts. Made while this process has one thread.
// A child without a new line for a minute is taken for hung, and killed.
class Child {
 public:
  explicit Child(const std::function<void(const ChildReport&)>& work);
  ChildResult Join();  // once

 private:
  const TempDir dir_;
  const int pid_;
};

}  // namespace expunge

#endif  // EXPUNGE_TESTS_FAULTS_CHILD_H_
