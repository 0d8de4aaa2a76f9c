#include "storage/record.h"

#include <memory>

#include "expunge/storage/v1/records.pb.h"
#include "google/protobuf/text_format.h"
#include "tests/storage/fixtures.h"

namespace expunge {
namespace {

template <typename Record>
Record FromText(const std::string& text) {
  Record record;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &record));
  return record;
}

std::string Golden(const std::string& name) {
  std::string hex = ReadFile(std::string(EXPUNGE_TEST_DATA "/storage_") + name + "_v1.hex");
  hex.erase(hex.find_last_not_of('\n') + 1);
  return FromHex(hex);
}

template <typename Record>
void ExpectGolden(const std::string& name, const std::string& text) {
  const Record record = FromText<Record>(text);
  EXPECT_EQ(absl::BytesToHexString(EncodeRecord(record)), absl::BytesToHexString(Golden(name)));
  Record decoded;
  ASSERT_THAT(DecodeRecord(name, Golden(name), &decoded), IsOk());
  EXPECT_EQ(decoded.DebugString(), record.DebugString());
}

TEST(RecordTest, ModelEqualsTheGoldenFile) {
  ExpectGolden<records::Model>("model", R"pb(
    name: "digits"
    spec {
      input {
        shape: [ 28, 28 ]
        dtype: 1
        mean: [ 72.5 ]
        stddev: [ 90 ]
      }
      labels: [ "zero", "one" ]
      mlp { hidden_sizes: [ 128, 64 ] }
      epochs: 18
      batch_size: 32
      seed: 42
      adam { learning_rate: 0.001 beta1: 0.9 beta2: 0.999 epsilon: 1e-8 weight_decay: 0.5 }
      sisa { shards: 8 slices: 4 aggregation: 2 }
    }
    create_time_micros: 1700000000000001
    ingest_batch: 7
    trained_through_batch: 5
    train_time_micros: 1700000000000002
    deleting: true
  )pb");
}

TEST(RecordTest, KeyringMarkEqualsTheGoldenFile) {
  ExpectGolden<records::KeyringMark>(
      "keyring_mark", R"pb(
        deployment: "0123456789abcdef0123456789abcdef" generation: 7 newest_erasure: 12
      )pb");
}

TEST(RecordTest, DeadModelEqualsTheGoldenFile) {
  ExpectGolden<records::DeadModel>("dead_model", R"pb(
    delete_time_micros: 1700000000000000 reclaimed: true
  )pb");
}

TEST(RecordTest, SubjectEqualsTheGoldenFile) {
  ExpectGolden<records::Subject>("subject", R"pb(
    samples {
      key: "0123456789abcdef"
      digest: "0123456789abcdef0123456789abcdef"
      slice: 3
      ingest_batch: 2
      seal_nonce: "0123456789ab"
    }
    samples {
      key: "fedcba9876543210"
      digest: "fedcba9876543210fedcba9876543210"
      slice: 1
      ingest_batch: 300
      seal_nonce: "ba9876543210"
    }
    key_id: "01234567"
  )pb");
}

TEST(RecordTest, CheckpointEqualsTheGoldenFile) {
  ExpectGolden<records::Checkpoint>("checkpoint", R"pb(
    lineage: "0123456789abcdef0123456789abcdef"
    key_id: "0123456789abcdef"
    parameters_digest: "fedcba9876543210fedcba9876543210"
    steps: 12345
    create_time_micros: 1700000000000003
    worker_seconds: 1.5
    samples: 6000
    numeric_environment: "x86-64-v3 torch 1.13"
  )pb");
}

TEST(RecordTest, ErasureEqualsTheGoldenFile) {
  ExpectGolden<records::Erasure>("erasure", R"pb(
    sequence: 12
    uuid: "0123456789abcdef"
    subject: "0123456789abcdef0123456789abcdef"
    request_fingerprint: "fedcba9876543210fedcba9876543210"
    state: IN_PROGRESS
    regulation: 1
    submitted_time_micros: 1
    received_time_micros: 2
    due_time_micros: 3
    isolated_time_micros: 4
    shredded_time_micros: 5
    retrained_time_micros: 6
    purged_time_micros: 7
    certified_time_micros: 8
    reclaimed_time_micros: 9
    completed_time_micros: 10
    tasks {
      model: 1
      shard: 2
      first_slice: 3
      samples_erased: 4
      retrained: true
      worker_seconds: 2.5
      model_name: "digits"
    }
    tasks { model: 2 first_slice: 1 samples_erased: 6 }
    samples_erased: 10
    failure: "the device is full"
  )pb");
}

TEST(RecordTest, SuppressionEqualsTheGoldenFile) {
  ExpectGolden<records::Suppression>("suppression", "erasure: 12 time_micros: 1700000000000004");
}

TEST(RecordTest, PendingRekeyEqualsTheGoldenFile) {
  ExpectGolden<records::PendingRekey>("pending_rekey", R"pb(
    erasure: 12
    shard: 3
    old_key_id: "01234567"
    old_key: "0123456789abcdef0123456789abcdef"
    samples: "0123456789abcdef"
    samples: "fedcba9876543210"
  )pb");
}

TEST(RecordTest, SealedPlaintextsEqualTheGoldenFiles) {
  const auto state = FromText<records::CheckpointState>(R"pb(parameters: "\001\002\003\004"
                                                             optimizer: "\005\006\007\010"
                                                             steps: 12345)pb");
  EXPECT_EQ(state.SerializeAsString(), Golden("checkpoint_state"));
  const auto sample = FromText<records::Sample>(R"pb(input: "\000\001\377" label: 9)pb");
  EXPECT_EQ(sample.SerializeAsString(), Golden("sample"));
  const auto traces = FromText<records::ErasureTraces>(R"pb(pseudonym: "0123456789abcdef0123456789abcdef"
                                                            wrapped_keys: "0123456789abcdef0123456789abcdef"
                                                            wrapped_keys: "fedcba9876543210fedcba9876543210"
                                                            checkpoint_key_ids: "0123456789abcdef"
                                                            seal_nonces: "0123456789ab"
                                                            seal_nonces: "ba9876543210"
                                                            models: 1
                                                            models: 300)pb");
  EXPECT_EQ(traces.SerializeAsString(), Golden("erasure_traces"));
}

TEST(RecordTest, FramedSealedValueEqualsTheGoldenValue) {
  auto golden = ReadGolden("storage_sealed_v1.hex");
  EXPECT_EQ(FrameSealed(golden["sealed_value"]), golden["framed_sealed_value"]);
  const auto sealed = UnframeSealed("sample", golden["framed_sealed_value"]);
  ASSERT_THAT(sealed, IsOk());
  EXPECT_EQ(*sealed, golden["sealed_value"]);
}

TEST(RecordTest, AnUnknownVersionIsNamedWithItsKind) {
  records::Model model;
  const absl::Status status = DecodeRecord("a model", "\x02rest", &model);
  EXPECT_THAT(status, Fails(absl::StatusCode::kDataLoss, "STORAGE_CORRUPT"));
  EXPECT_EQ(status.message(), "a model cannot be read: the record has version 2, this program knows version 1");
  EXPECT_THAT(UnframeSealed("a sample", "\xffrest"), Fails(absl::StatusCode::kDataLoss, "STORAGE_CORRUPT"));
}

TEST(RecordTest, AnEmptyOrMalformedRecordIsRefused) {
  records::Subject subject;
  EXPECT_THAT(DecodeRecord("a subject", "", &subject), Fails(absl::StatusCode::kDataLoss, "STORAGE_CORRUPT"));
  const std::string golden = Golden("subject");
  EXPECT_THAT(DecodeRecord("a subject", golden.substr(0, golden.size() - 1), &subject),
              Fails(absl::StatusCode::kDataLoss, "STORAGE_CORRUPT"));
  EXPECT_THAT(UnframeSealed("a sample", ""), Fails(absl::StatusCode::kDataLoss, "STORAGE_CORRUPT"));
}

TEST(RecordTest, AnEmptyMessageIsARecord) {
  records::Subject subject;
  EXPECT_EQ(EncodeRecord(subject), "\x01");
  EXPECT_THAT(DecodeRecord("a subject", "\x01", &subject), IsOk());
}

}  // namespace
}  // namespace expunge
