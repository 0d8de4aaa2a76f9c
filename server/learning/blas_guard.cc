#include "learning/blas_guard.h"

#include <dlfcn.h>

#include <mutex>

namespace {

std::mutex buffers_mutex;

}  // namespace

extern "C" {

void* blas_memory_alloc(int position) {
  static auto* const library_function = reinterpret_cast<void* (*)(int)>(dlsym(RTLD_NEXT, "blas_memory_alloc"));
  const std::lock_guard lock(buffers_mutex);
  return library_function(position);
}

void blas_memory_free(void* buffer) {
  static auto* const library_function = reinterpret_cast<void (*)(void*)>(dlsym(RTLD_NEXT, "blas_memory_free"));
  const std::lock_guard lock(buffers_mutex);
  library_function(buffer);
}

}  // extern "C"

namespace expunge {

bool BlasIsGuarded() {
  return dlsym(RTLD_DEFAULT, "blas_memory_alloc") == reinterpret_cast<void*>(&blas_memory_alloc) &&
         dlsym(RTLD_DEFAULT, "blas_memory_free") == reinterpret_cast<void*>(&blas_memory_free);
}

}  // namespace expunge
