#ifndef EXPUNGE_TESTING_FAULTY_FILES_H_
#define EXPUNGE_TESTING_FAULTY_FILES_H_

#include <memory>
#include <string>

#include "rocksdb/file_system.h"
#include "tests/testing/fault_plan.h"
#include "tests/testing/unsynced_state.h"

namespace expunge {

// The open files and directories of a FaultyFileSystem: each operation asks the plan first, and syncs are noted.
// A sync does not wait for the device: what would survive is known without it, and tests are faster.
// `plan` and `unsynced` are not owned.
struct FaultyFiles {
  FaultPlan* plan;
  UnsyncedState* unsynced;

  std::unique_ptr<rocksdb::FSWritableFile> Writable(const std::string& path,
                                                    std::unique_ptr<rocksdb::FSWritableFile> file) const;
  std::unique_ptr<rocksdb::FSSequentialFile> Sequential(const std::string& path,
                                                        std::unique_ptr<rocksdb::FSSequentialFile> file) const;
  std::unique_ptr<rocksdb::FSRandomAccessFile> RandomAccess(const std::string& path,
                                                            std::unique_ptr<rocksdb::FSRandomAccessFile> file) const;
  std::unique_ptr<rocksdb::FSDirectory> Directory(const std::string& path,
                                                  std::unique_ptr<rocksdb::FSDirectory> directory) const;
};

}  // namespace expunge

#endif  // EXPUNGE_TESTING_FAULTY_FILES_H_
