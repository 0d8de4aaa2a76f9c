#include <CLI/CLI.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "client/cli/commands.h"
#include "client/cli/format.h"
#include "client/cli/options.h"
#include "client/dataset.h"
#include "client/names.h"
#include "client/rpc_status.h"
#include "client/sample_batcher.h"

namespace expunge::cli {
namespace {

struct IngestOptions {
  std::string model;
  std::string format;
  std::string images;
  std::string labels;
  SampleBatcher::Options naming;
  bool new_consent = false;
};

// The files are read twice: wholly before anything is sent, so that a bad file changes nothing.
absl::StatusOr<std::unique_ptr<SampleBatcher>> OpenChecked(const IngestOptions& options, const v1::Model& model,
                                                           Session& session) {
  {
    Progress progress = session.MakeProgress("checking");
    const auto show = [&progress](int64_t done, int64_t total) {
      progress.Update(static_cast<double>(done) / static_cast<double>(total), Plural(total, "image"));
    };
    ASSIGN_OR_RETURN(const int64_t samples, CheckDataset(options.images, options.labels, model, show));
    if (options.naming.first >= samples) {
      return Error(absl::StatusCode::kOutOfRange, "FILE_TOO_SHORT",
                   absl::StrCat(options.images, ": --first must be below ", samples, ", its number of images"));
    }
  }
  ASSIGN_OR_RETURN(auto dataset, IdxDataset::Open(options.images, options.labels, model));
  return std::make_unique<SampleBatcher>(std::move(dataset), options.naming);
}

std::string Summary(const v1::IngestSamplesResponse& response, const SampleBatcher& batcher, const std::string& model,
                    absl::Duration elapsed) {
  std::string text =
      absl::StrCat(model, ": ", ShowCount(response.samples_ingested()), " new samples of ",
                   Plural(batcher.subjects(), "subject"), " in ", ShowDuration(elapsed), " (",
                   ShowRate(static_cast<double>(batcher.samples()) / absl::ToDoubleSeconds(elapsed)), ")\n");
  const auto add = [&text](int64_t count, const char* what) {
    if (count > 0) absl::StrAppend(&text, "  ", ShowCount(count), " ", what, "\n");
  };
  add(response.samples_unchanged(), "were there already");
  add(response.samples_forgotten(), "refused: their subjects were forgotten (--new-consent takes them in again)");
  add(response.samples_conflicting(), "refused: another sample has the same name");
  return text;
}

// Says what is known about the part that was stored.
absl::Status Interrupted(const absl::Status& status) {
  const std::string committed = MetadataOf(status, "samplesCommitted");
  if (committed.empty()) return status;
  return Error(
      status.code(), ReasonOf(status),
      absl::StrCat(status.message(), "; ", committed, " samples were stored before, ingesting them again is harmless"));
}

absl::Status Ingest(const IngestOptions& options, Session& session) {
  v1::GetModelRequest get;
  get.set_name(ModelName(options.model));
  ASSIGN_OR_RETURN(const v1::Model model, session.client().GetModel(get));
  ASSIGN_OR_RETURN(const auto batcher, OpenChecked(options, model, session));

  v1::IngestStart start;
  start.set_model(model.name());
  start.set_new_consent(options.new_consent);
  const RateMeter meter;
  int64_t sent = 0;
  absl::StatusOr<v1::IngestSamplesResponse> response;
  {
    Progress progress = session.MakeProgress("ingesting");
    const auto show = [&] {
      progress.Update(static_cast<double>(sent) / static_cast<double>(batcher->samples()),
                      absl::StrCat(ShowCount(sent), " of ", Plural(batcher->samples(), "image"), "  ",
                                   ShowRate(meter.PerSecond(sent))));
    };
    int64_t handed_over = 0;
    response = session.client().IngestSamples(start, [&](v1::SampleBatch* batch) -> absl::StatusOr<bool> {
      sent = handed_over;
      if (sent > 0) show();
      ASSIGN_OR_RETURN(const bool more, batcher->Next(batch));
      handed_over += batch->samples_size();
      return more;
    });
    if (response.ok()) show();
  }
  if (!response.ok()) return Interrupted(response.status());
  if (session.json()) return session.PrintJson(*response);
  session.out() << Summary(*response, *batcher, model.name(), meter.Elapsed());
  return absl::OkStatus();
}

}  // namespace

void AddIngestCommand(CLI::App& app, Action& action) {
  const auto options = std::make_shared<IngestOptions>();
  CLI::App* command = app.add_subcommand("ingest", "Add samples from files to a model");
  AddArgument(*command, "MODEL", options->model, "Name of the model");
  AddWordOption(*command, "--format", options->format, {"idx"}, Presence::kRequired, "Format of the files");
  AddFileOption(*command, "--images", options->images,
                "Inputs: an IDX file of unsigned bytes or floats, plain or gzipped");
  AddFileOption(*command, "--labels", options->labels,
                "Class indices: an IDX file of unsigned bytes, plain or gzipped");
  AddNumberOption(*command, "--samples-per-subject", options->naming.samples_per_subject, 1, Presence::kRequired,
                  "Consecutive samples that belong to one subject: person-000000, person-000001, ...");
  command->add_option("--subject-prefix", options->naming.subject_prefix, "What the subjects' names begin with")
      ->capture_default_str()
      ->type_name("TEXT");
  AddNumberOption(*command, "--first", options->naming.first, 0, Presence::kOptional,
                  "Index of the first sample to take; names stay those of the whole files");
  AddNumberOption(*command, "--count", options->naming.count, 1, Presence::kOptional,
                  "How many samples to take at most");
  command->add_flag("--new-consent", options->new_consent,
                    "The subjects have consented since they were forgotten: take them in again");
  command->footer(
      "Both files are checked wholly before anything is sent. Ingesting the same again changes nothing.\n"
      "Example:\n"
      "  expunge ingest fashion-mnist --format idx --images train-images-idx3-ubyte.gz \\\n"
      "    --labels train-labels-idx1-ubyte.gz --samples-per-subject 10");
  command->callback([options, &action] { action = [options](Session& session) { return Ingest(*options, session); }; });
}

}  // namespace expunge::cli
