#ifndef EXPUNGE_TESTING_METRICS_PAGE_H_
#define EXPUNGE_TESTING_METRICS_PAGE_H_

#include <map>
#include <string>

namespace expunge {

// A page of metrics in Prometheus' text format. A page that breaks the format, or has a sample without HELP and TYPE or
// twice, fails the test.
class MetricsPage {
 public:
  explicit MetricsPage(const std::string& text) { Parse(text); }

  // Of `name{label="value"}` as it stands on the page, e.g. expunge_erasures_by_state{state="failed"}. A sample that is
  // not there fails the test and is NaN.
  double operator[](const std::string& sample) const;
  bool Has(const std::string& sample) const { return samples_.contains(sample); }
  const std::map<std::string, double>& samples() const { return samples_; }
  const std::map<std::string, std::string>& types() const { return types_; }  // of each family

 private:
  void Parse(const std::string& text);

  std::map<std::string, double> samples_;
  std::map<std::string, std::string> types_;
};

}  // namespace expunge

#endif  // EXPUNGE_TESTING_METRICS_PAGE_H_
