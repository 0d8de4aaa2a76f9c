#ifndef EXPUNGE_TESTS_FAULTS_CHILD_H_
#define EXPUNGE_TESTS_FAULTS_CHILD_H_

#include <functional>
#include <string>
#include <vector>

namespace expunge {

// Writes lines to the process that started this one.
class ChildReport {
 public:
  explicit ChildReport(int pipe) : pipe_(pipe) {}
  void Line(const std::string& line) const;

 private:
  const int pipe_;
};

struct ChildResult {
  std::vector<std::string> lines;
  std::string death;  // empty: it returned; else the signal, and the last that it wrote to stderr
};

// Runs `work` in a process of its own, which may abort: RocksDB asserts. Call it while this process has one thread.
// What the child writes to stderr is kept for `death`. A child without a new line for a minute is taken for hung.
ChildResult RunInChild(const std::function<void(const ChildReport&)>& work);

}  // namespace expunge

#endif  // EXPUNGE_TESTS_FAULTS_CHILD_H_
