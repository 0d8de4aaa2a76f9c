#include "base/executor.h"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <utility>

namespace expunge {

void NameThisThread(const std::string& name) { pthread_setname_np(pthread_self(), name.substr(0, 15).c_str()); }

void LowerThisThreadsPriority() {
  // struct sched_attr of the kernel, which the C library does not declare.
  struct {
    uint32_t size = sizeof(*this);
    uint32_t policy = SCHED_BATCH;
    uint64_t flags = 0;
    int32_t nice = 19;
    uint32_t priority = 0;
    // ns. Kernels from 6.12 on take it for how long a turn lasts: whoever wakes up waits for the end of one, and 3 ms,
    // which are usual, would be felt.
    uint64_t runtime = 100'000;
    uint64_t deadline = 0;
    uint64_t period = 0;
  } attributes;
  syscall(SYS_sched_setattr, 0, &attributes, 0);
}

ThreadPool::ThreadPool(const std::string& name, int threads) {
  for (int i = 0; i < threads; ++i) {
    threads_.emplace_back([this, name] {
      NameThisThread(name);
      Run();
    });
  }
}

ThreadPool::~ThreadPool() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  changed_.SignalAll();
  for (std::thread& thread : threads_) thread.join();
}

void ThreadPool::Schedule(absl::AnyInvocable<void()> task) {
  MutexLock lock(&mutex_);
  tasks_.push_back(std::move(task));
  changed_.Signal();  // under the lock: the task may lead to this pool's destruction
}

void ThreadPool::Run() {
  while (true) {
    absl::AnyInvocable<void()> task;
    {
      MutexLock lock(&mutex_);
      while (tasks_.empty() && !stopping_) changed_.Wait(&mutex_);
      if (tasks_.empty()) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task();
  }
}

}  // namespace expunge
