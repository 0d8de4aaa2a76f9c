#ifndef EXPUNGE_RPC_ARENA_MESSAGES_H_
#define EXPUNGE_RPC_ARENA_MESSAGES_H_

#include "google/protobuf/arena.h"
#include "grpcpp/support/message_allocator.h"

namespace expunge {

// Gives each call an arena for its request and its response: their parts lie in one block, made and freed once, however
// many there are. Thread-safe; outlives the server.
template <typename Request, typename Response>
class ArenaMessages final : public grpc::MessageAllocator<Request, Response> {
 public:
  grpc::MessageHolder<Request, Response>* AllocateMessages() override { return new Holder(); }

 private:
  class Holder final : public grpc::MessageHolder<Request, Response> {
   public:
    Holder() {
      this->set_request(google::protobuf::Arena::CreateMessage<Request>(&arena_));
      this->set_response(google::protobuf::Arena::CreateMessage<Response>(&arena_));
    }
    void Release() override { delete this; }

   private:
    // Enough for a small call; a larger one gets further blocks.
    static constexpr size_t kBlockBytes = 2048;

    alignas(8) char block_[kBlockBytes];
    google::protobuf::Arena arena_{block_, sizeof(block_)};
  };
};

}  // namespace expunge

#endif  // EXPUNGE_RPC_ARENA_MESSAGES_H_
