#include "sisa/lineage.h"

#include <algorithm>
#include <cstdlib>
#include <tuple>

#include "absl/types/span.h"

namespace expunge {
namespace {

// Before any slice. The version in the domain also stands for the rules by which a spec and a shard become
// initial parameters, epochs and orders (schedule.h): whoever changes those rules raises it, so that no checkpoint of
// the old rules passes for one of the new.
Lineage Root(const ModelSpec& spec, std::string_view numeric_environment, uint32_t shard) {
  return DigestBuilder("expunge.lineage.root.v1")
      .AddBytes(CanonicalBytes(spec))
      .AddBytes(numeric_environment)
      .AddInt(shard)
      .Finish();
}

Lineage Extend(const Lineage& previous, uint32_t slice, absl::Span<const SampleInSlice> sorted) {
  DigestBuilder builder("expunge.lineage.slice.v1");
  builder.AddFixed(AsBytes(previous)).AddInt(slice).AddInt(sorted.size());
  for (const SampleInSlice& sample : sorted) builder.AddFixed(AsBytes(sample.key)).AddFixed(AsBytes(sample.digest));
  return builder.Finish();
}

}  // namespace

std::vector<Lineage> ComputeLineages(const ModelSpec& spec, std::string_view numeric_environment, uint32_t shard,
                                     std::vector<SampleInSlice> samples) {
  std::sort(samples.begin(), samples.end(), [](const SampleInSlice& a, const SampleInSlice& b) {
    return std::tie(a.slice, a.key, a.digest) < std::tie(b.slice, b.key, b.digest);
  });
  std::vector<Lineage> lineages;
  lineages.reserve(spec.sisa.slices);
  Lineage previous = Root(spec, numeric_environment, shard);
  auto begin = samples.cbegin();
  for (uint32_t slice = 0; slice < spec.sisa.slices; ++slice) {
    const auto end = std::find_if(begin, samples.cend(), [slice](const SampleInSlice& s) { return s.slice != slice; });
    previous = Extend(previous, slice, absl::MakeConstSpan(samples).subspan(begin - samples.cbegin(), end - begin));
    lineages.push_back(previous);
    begin = end;
  }
  // A sample that no slice covers would train parameters that no lineage accounts for.
  if (begin != samples.cend()) std::abort();
  return lineages;
}

}  // namespace expunge
