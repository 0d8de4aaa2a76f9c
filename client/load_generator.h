#ifndef EXPUNGE_CLIENT_LOAD_GENERATOR_H_
#define EXPUNGE_CLIENT_LOAD_GENERATOR_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/latency_histogram.h"

namespace expunge {

inline constexpr char kPredictMethod[] = "/expunge.v1.PredictionService/Predict";
inline constexpr char kForgetMethod[] = "/expunge.v1.ErasureService/Forget";

// What a server is to answer.
struct Load {
  std::string address;                // "host:port", or any other gRPC target
  std::string method;                 // one with one request and one reply
  std::vector<std::string> requests;  // serialized; sent in turn, over and over; at least one
  int connections = 1;                // each a TCP connection of its own; requests take them in turn

  // Requests a second: request i is due i / rate after the start, whatever became of those before it. 0: a request is
  // due when a reply has made room for it, which finds the most that the server can do.
  double rate = 0;
  // Requests in flight: without a rate always so many, with one at most. Bounds the memory.
  int concurrency = 64;
  absl::Duration duration = absl::Seconds(10);  // requests are due for so long
  absl::Duration timeout = absl::Seconds(60);   // of each request, from when it was due
};

struct LoadReport {
  int64_t answered = 0;
  int64_t failed = 0;
  // By code and reason.
  std::map<std::pair<absl::StatusCode, std::string>, int64_t> errors;
  // Of the requests that were answered, from when each was due, not from when it was sent: what a stalled server makes
  // the later ones wait counts, also where the client could not send them (no coordinated omission).
  LatencyHistogram latency;
  int64_t reply_bytes = 0;      // of all replies
  absl::Duration elapsed;       // from the start to the last reply, `duration` at least
  int64_t sent_in_time = 0;     // before `duration` had passed
  absl::Duration longest_wait;  // that a request which was due waited until it was sent

  int64_t requests() const { return answered + failed; }
  double AnsweredPerSecond() const { return static_cast<double>(answered) / absl::ToDoubleSeconds(elapsed); }
  // The requests that were due were sent while they should have been, but for one in a hundred.
  bool KeptRate() const { return static_cast<double>(sent_in_time) >= 0.99 * static_cast<double>(requests()); }
};

// Sends the load and waits for every reply: not longer than `duration` and `timeout` together, beside the connecting.
// One thread sends and gRPC's own few threads receive, however many connections and requests there are; requests and
// replies go as bytes, so that the client costs the same whatever the server computes.
// UNAVAILABLE, reason SERVER_UNREACHABLE, when a connection cannot be made; what happens later is counted in the
// report.
absl::StatusOr<LoadReport> GenerateLoad(const Load& load);

}  // namespace expunge

#endif  // EXPUNGE_CLIENT_LOAD_GENERATOR_H_
