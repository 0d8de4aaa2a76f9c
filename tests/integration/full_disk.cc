// Preloaded into the server (LD_PRELOAD): its data directory lies on a disk that is full while a test wants it to be.
// EXPUNGE_FULL_DISK_SWITCH names a file: while it holds "reserve", the device says that it has 1 MiB left; while it
// holds "full", nothing is left and no write below EXPUNGE_FULL_DISK_DIRECTORY succeeds.

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

enum class Disk { kReal, kReserve, kFull };

Disk CurrentDisk() {
  const char* const path = std::getenv("EXPUNGE_FULL_DISK_SWITCH");
  const int file = path == nullptr ? -1 : open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return Disk::kReal;
  char first = '\0';
  const ssize_t got = read(file, &first, 1);
  close(file);
  if (got != 1) return Disk::kReal;
  return first == 'f' ? Disk::kFull : Disk::kReserve;
}

template <typename Function>
Function* Next(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

// Whether the disk of this file takes nothing more.
bool Refuses(int file) {
  const char* const directory = std::getenv("EXPUNGE_FULL_DISK_DIRECTORY");
  if (directory == nullptr) return false;
  char link[64];
  char path[4096];
  std::snprintf(link, sizeof(link), "/proc/self/fd/%d", file);
  const ssize_t length = readlink(link, path, sizeof(path));
  const size_t prefix = std::strlen(directory);
  return length > static_cast<ssize_t>(prefix) && std::strncmp(path, directory, prefix) == 0 &&
         CurrentDisk() == Disk::kFull;
}

template <typename Statistics>
int WithSwitch(int result, Statistics* statistics) {
  const Disk disk = CurrentDisk();
  if (result == 0 && disk != Disk::kReal) {
    statistics->f_bavail = statistics->f_bfree = (disk == Disk::kFull ? 0 : 1 << 20) / statistics->f_frsize;
  }
  return result;
}

}  // namespace

extern "C" {

int statvfs(const char* path, struct statvfs* statistics) noexcept {
  return WithSwitch(Next<int(const char*, struct statvfs*)>("statvfs")(path, statistics), statistics);
}

int statvfs64(const char* path, struct statvfs64* statistics) noexcept {
  return WithSwitch(Next<int(const char*, struct statvfs64*)>("statvfs64")(path, statistics), statistics);
}

ssize_t write(int file, const void* bytes, size_t count) {
  if (Refuses(file)) return errno = ENOSPC, -1;
  return Next<ssize_t(int, const void*, size_t)>("write")(file, bytes, count);
}

ssize_t pwrite(int file, const void* bytes, size_t count, off_t offset) {
  if (Refuses(file)) return errno = ENOSPC, -1;
  return Next<ssize_t(int, const void*, size_t, off_t)>("pwrite")(file, bytes, count, offset);
}

ssize_t pwrite64(int file, const void* bytes, size_t count, off64_t offset) {
  if (Refuses(file)) return errno = ENOSPC, -1;
  return Next<ssize_t(int, const void*, size_t, off64_t)>("pwrite64")(file, bytes, count, offset);
}

}  // extern "C"
