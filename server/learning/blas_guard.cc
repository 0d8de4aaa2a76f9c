#include "learning/blas_guard.h"

#include <dlfcn.h>

#include <mutex>

namespace {

void* TakeFromLibrary(int position);
void GiveToLibrary(void* buffer);

// A thread keeps its buffer from product to product: one that trains while nobody else computes would hold the lock for
// long whenever it loses the processor, and a Predict that needs a buffer would wait.
struct ThreadsBuffer {
  ~ThreadsBuffer() {
    if (buffer != nullptr) GiveToLibrary(buffer);
  }
  void* buffer = nullptr;
  bool taken = false;
};

std::mutex buffers_mutex;
thread_local ThreadsBuffer threads_buffer;

void* TakeFromLibrary(int position) {
  static auto* const library_function = reinterpret_cast<void* (*)(int)>(dlsym(RTLD_NEXT, "blas_memory_alloc"));
  const std::lock_guard lock(buffers_mutex);
  return library_function(position);
}

void GiveToLibrary(void* buffer) {
  static auto* const library_function = reinterpret_cast<void (*)(void*)>(dlsym(RTLD_NEXT, "blas_memory_free"));
  const std::lock_guard lock(buffers_mutex);
  library_function(buffer);
}

}  // namespace

extern "C" {

// All buffers are alike, whatever `position` says.
void* blas_memory_alloc(int position) {
  ThreadsBuffer& own = threads_buffer;
  if (own.taken) return TakeFromLibrary(position);  // a product within a product
  if (own.buffer == nullptr) own.buffer = TakeFromLibrary(position);
  own.taken = own.buffer != nullptr;
  return own.buffer;
}

void blas_memory_free(void* buffer) {
  ThreadsBuffer& own = threads_buffer;
  if (own.taken && buffer == own.buffer) {
    own.taken = false;
  } else {
    GiveToLibrary(buffer);
  }
}

}  // extern "C"

namespace expunge {

bool BlasIsGuarded() {
  return dlsym(RTLD_DEFAULT, "blas_memory_alloc") == reinterpret_cast<void*>(&blas_memory_alloc) &&
         dlsym(RTLD_DEFAULT, "blas_memory_free") == reinterpret_cast<void*>(&blas_memory_free);
}

}  // namespace expunge
