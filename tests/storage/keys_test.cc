#include "storage/keys.h"

#include "tests/storage/fixtures.h"

namespace expunge {
namespace {

constexpr ShardId kShard{0x01020304, 0x0a0b0c0d};
constexpr uint32_t kSlice = 0x00000102;
constexpr ErasureSequence kSequence = 0x1122334455667788;
const Pseudonym kSubject = Counting<Pseudonym>(0x40);
const SampleKey kSample = Counting<SampleKey>(0x80);

TEST(KeysTest, EqualTheGoldenFile) {
  const CheckpointKeyId id = Counting<CheckpointKeyId>(0xc0);
  const std::map<std::string, std::string> keys = {
      {"format", std::string(kFormatKey)},
      {"last_model_uid", std::string(kLastModelUidKey)},
      {"model", EncodeModelKey(kShard.model)},
      {"shard_prefix", EncodeShardPrefix(kShard)},
      {"subject", EncodeSubjectKey(kShard, kSubject)},
      {"sample", EncodeSampleKey(kShard, kSubject, kSample)},
      {"checkpoint_header", EncodeCheckpointKey(kShard, kSlice, CheckpointPart::kHeader)},
      {"checkpoint_state", EncodeCheckpointKey(kShard, kSlice, CheckpointPart::kSealedState)},
      {"erasure", EncodeErasureKey(kSequence)},
      {"erasure_by_uuid", EncodeErasureUuidKey(AsBytes(Counting<SampleKey>(0xe0)))},
      {"open_erasure", EncodeOpenErasureKey(kSequence)},
      {"pending_task", EncodePendingTaskKey(kShard, kSequence)},
      {"suppression", EncodeSuppressionKey(kSubject, kShard.model)},
      {"suppression_every_model", EncodeSuppressionKey(kSubject, kEveryModel)},
      {"traces", EncodeTracesKey(kSequence)},
      {"pepper", std::string(kPepperKey)},
      {"root_key", EncodeRootKeyKey(2, AsBytes(Counting<KeyId>(0xd0)))},
      {"subject_data_key", EncodeSubjectDataKeyKey(kShard.model, kSubject)},
      {"checkpoint_data_key", EncodeCheckpointDataKeyKey(kShard, kSlice, id)},
      {"rekey", EncodeRekeyKey(kShard.model, kSubject)},
      {"dead_model", EncodeDeadModelKey(kShard.model)},
      {"log_origin", std::string(kLogOriginKey)},
      {"log_mark", EncodeLogMarkKey(kShard.model)},
  };
  EXPECT_EQ(keys, ReadGolden("storage_keys_v2.hex"));
}

TEST(KeysTest, DecodeGivesBackWhatWasEncoded) {
  ModelUid model = 0;
  ASSERT_TRUE(DecodeModelKey(EncodeModelKey(kShard.model), &model));
  EXPECT_EQ(model, kShard.model);

  Pseudonym subject;
  ASSERT_TRUE(DecodeSubjectKey(EncodeSubjectKey(kShard, kSubject), &subject));
  EXPECT_EQ(subject, kSubject);

  SampleKey sample;
  subject = {};
  ASSERT_TRUE(DecodeSampleKey(EncodeSampleKey(kShard, kSubject, kSample), &subject, &sample));
  EXPECT_EQ(subject, kSubject);
  EXPECT_EQ(sample, kSample);

  uint32_t slice = 0;
  CheckpointPart part;
  ASSERT_TRUE(DecodeCheckpointKey(EncodeCheckpointKey(kShard, kSlice, CheckpointPart::kSealedState), &slice, &part));
  EXPECT_EQ(slice, kSlice);
  EXPECT_EQ(part, CheckpointPart::kSealedState);

  for (const std::string& key :
       {EncodeErasureKey(kSequence), EncodeOpenErasureKey(kSequence), EncodePendingTaskKey(kShard, kSequence)}) {
    ErasureSequence sequence = 0;
    ASSERT_TRUE(DecodeTrailingSequence(key, &sequence));
    EXPECT_EQ(sequence, kSequence);
  }
}

TEST(KeysTest, DecodeGivesBackWhatWasEncodedInTheKeyring) {
  ModelUid model = 0;
  Pseudonym subject = {};
  ASSERT_TRUE(DecodeSubjectDataKeyKey(EncodeSubjectDataKeyKey(kShard.model, kSubject), &model, &subject));
  EXPECT_EQ(model, kShard.model);
  EXPECT_EQ(subject, kSubject);

  model = 0;
  subject = {};
  ASSERT_TRUE(DecodeRekeyKey(EncodeRekeyKey(kShard.model, kSubject), &model, &subject));
  EXPECT_EQ(model, kShard.model);
  EXPECT_EQ(subject, kSubject);

  model = 0;
  ASSERT_TRUE(DecodeDeadModelKey(EncodeDeadModelKey(kShard.model), &model));
  EXPECT_EQ(model, kShard.model);

  const CheckpointKeyId id = Counting<CheckpointKeyId>(0xc0);
  CheckpointKeyId decoded = {};
  ASSERT_TRUE(DecodeCheckpointDataKeyKey(EncodeCheckpointDataKeyKey(kShard, kSlice, id), &decoded));
  EXPECT_EQ(decoded, id);

  uint32_t epoch = 0;
  std::string_view master_key_id;
  const std::string root_key = EncodeRootKeyKey(7, "8 bytes.");
  ASSERT_TRUE(DecodeRootKeyKey(root_key, &epoch, &master_key_id));
  EXPECT_EQ(epoch, 7);
  EXPECT_EQ(master_key_id, "8 bytes.");

  ErasureSequence sequence = 0;
  ASSERT_TRUE(DecodeTracesKey(EncodeTracesKey(kSequence), &sequence));
  EXPECT_EQ(sequence, kSequence);
}

TEST(KeysTest, DecodeRefusesEveryOtherLength) {
  const std::string bytes(100, '\0');
  for (size_t length = 0; length < bytes.size(); ++length) {
    const std::string_view key(bytes.data(), length);
    ModelUid model;
    Pseudonym subject;
    SampleKey sample;
    uint32_t slice;
    CheckpointPart part;
    EXPECT_EQ(DecodeModelKey(key, &model), length == 4);
    EXPECT_EQ(DecodeSubjectKey(key, &subject), length == 40);
    EXPECT_EQ(DecodeSampleKey(key, &subject, &sample), length == 56);
    EXPECT_EQ(DecodeCheckpointKey(key, &slice, &part), length == 13);
    CheckpointKeyId id;
    uint32_t epoch;
    std::string_view master_key_id;
    ErasureSequence sequence;
    EXPECT_EQ(DecodeSubjectDataKeyKey(key, &model, &subject), length == 37);
    EXPECT_EQ(DecodeRekeyKey(key, &model, &subject), length == 37);
    EXPECT_EQ(DecodeCheckpointDataKeyKey(key, &id), length == 29);
    EXPECT_EQ(DecodeRootKeyKey(key, &epoch, &master_key_id), length == 13);
    EXPECT_EQ(DecodeDeadModelKey(key, &model), length == 5);
    EXPECT_EQ(DecodeTracesKey(key, &sequence), length == 8);
  }
}

TEST(KeysTest, CheckpointKeysOfAnUnknownPartAreRefused) {
  std::string key = EncodeCheckpointKey(kShard, kSlice, CheckpointPart::kHeader);
  key.back() = 2;
  uint32_t slice;
  CheckpointPart part;
  EXPECT_FALSE(DecodeCheckpointKey(key, &slice, &part));
}

TEST(KeysTest, SortAsTheirNumbersDo) {
  EXPECT_LT(EncodeModelKey(255), EncodeModelKey(256));
  EXPECT_LT(EncodeErasureKey(0xff), EncodeErasureKey(0x100));
  EXPECT_LT(EncodeShardPrefix({1, 0xffffffff}), EncodeShardPrefix({2, 0}));
  EXPECT_LT(EncodeCheckpointKey(kShard, 1, CheckpointPart::kSealedState),
            EncodeCheckpointKey(kShard, 2, CheckpointPart::kHeader));
}

TEST(KeysTest, ARangeHoldsExactlyTheKeysOfItsPrefix) {
  const auto holds = [](const KeyRange& range, const std::string& key) {
    return key >= range.begin && (range.end.empty() || key < range.end);
  };
  const KeyRange range = PrefixRange("a\xff");
  EXPECT_TRUE(holds(range, "a\xff"));
  EXPECT_TRUE(holds(range, "a\xff\xff\xff"));
  EXPECT_FALSE(holds(range, "a\xfe\xff"));
  EXPECT_FALSE(holds(range, "b"));
  EXPECT_EQ(PrefixRange("\xff\xff").end, "");
  EXPECT_TRUE(holds(PrefixRange("\xff"), "\xff\xff"));

  EXPECT_TRUE(holds(PendingTasksOf({1, 0xffffffff}), EncodePendingTaskKey({1, 0xffffffff}, ~ErasureSequence{0})));
  EXPECT_FALSE(holds(PendingTasksOf({1, 0xffffffff}), EncodePendingTaskKey({2, 0}, 0)));
  EXPECT_TRUE(holds(AllErasures(), EncodeErasureKey(~ErasureSequence{0})));
  EXPECT_FALSE(holds(AllErasures(), EncodeOpenErasureKey(1)));

  for (const auto& [range_of_model, encode] :
       {std::pair(SubjectDataKeysOf(1), &EncodeSubjectDataKeyKey), std::pair(RekeysOf(1), &EncodeRekeyKey)}) {
    EXPECT_FALSE(holds(range_of_model, encode(0, kSubject)));
    EXPECT_TRUE(holds(range_of_model, encode(1, Pseudonym())));
    EXPECT_TRUE(holds(range_of_model, encode(1, kSubject)));
    EXPECT_FALSE(holds(range_of_model, encode(2, Pseudonym())));
  }
  EXPECT_TRUE(holds(SubjectDataKeysOf(0xffffffff), EncodeSubjectDataKeyKey(0xffffffff, kSubject)));
  EXPECT_TRUE(holds(AllSubjectDataKeys(), EncodeSubjectDataKeyKey(0xffffffff, kSubject)));
  EXPECT_TRUE(holds(AllCheckpointDataKeys(), EncodeCheckpointDataKeyKey({~0u, ~0u}, ~0u, {})));
  EXPECT_TRUE(holds(AllRekeys(), EncodeRekeyKey(0xffffffff, kSubject)));
  EXPECT_TRUE(holds(AllDeadModels(), EncodeDeadModelKey(0xffffffff)));
  EXPECT_TRUE(holds(AllRootKeys(), EncodeRootKeyKey(0xffffffff, "8 bytes.")));
  for (const KeyRange& keys :
       {AllSubjectDataKeys(), AllCheckpointDataKeys(), AllRekeys(), AllDeadModels(), AllRootKeys()}) {
    for (const std::string_view other : {kFormatKey, kLastModelUidKey, kPepperKey}) {
      EXPECT_FALSE(holds(keys, std::string(other)));
    }
  }

  const CheckpointKeyId lowest = {}, highest = Counting<CheckpointKeyId>(0xf0);
  EXPECT_TRUE(holds(CheckpointDataKeysOf(1), EncodeCheckpointDataKeyKey({1, ~0u}, ~0u, highest)));
  EXPECT_FALSE(holds(CheckpointDataKeysOf(1), EncodeCheckpointDataKeyKey({2, 0}, 0, lowest)));
  const KeyRange later = CheckpointDataKeysFrom(kShard, 3);
  EXPECT_FALSE(holds(later, EncodeCheckpointDataKeyKey(kShard, 2, highest)));
  EXPECT_TRUE(holds(later, EncodeCheckpointDataKeyKey(kShard, 3, lowest)));
  EXPECT_TRUE(holds(later, EncodeCheckpointDataKeyKey(kShard, ~0u, highest)));
  EXPECT_FALSE(holds(later, EncodeCheckpointDataKeyKey({kShard.model, kShard.shard + 1}, 3, lowest)));
}

}  // namespace
}  // namespace expunge
