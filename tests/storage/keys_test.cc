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
      {"pepper", std::string(kPepperKey)},
      {"subject_data_key", EncodeSubjectDataKeyKey(kShard.model, kSubject)},
      {"checkpoint_data_key", EncodeCheckpointDataKeyKey(kShard, kSlice, id)},
  };
  EXPECT_EQ(keys, ReadGolden("storage_keys_v1.hex"));
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

  const CheckpointKeyId lowest = {}, highest = Counting<CheckpointKeyId>(0xf0);
  const KeyRange later = CheckpointDataKeysFrom(kShard, 3);
  EXPECT_FALSE(holds(later, EncodeCheckpointDataKeyKey(kShard, 2, highest)));
  EXPECT_TRUE(holds(later, EncodeCheckpointDataKeyKey(kShard, 3, lowest)));
  EXPECT_TRUE(holds(later, EncodeCheckpointDataKeyKey(kShard, ~0u, highest)));
  EXPECT_FALSE(holds(later, EncodeCheckpointDataKeyKey({kShard.model, kShard.shard + 1}, 3, lowest)));
}

}  // namespace
}  // namespace expunge
