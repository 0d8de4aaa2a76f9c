# Everything that comes from the distribution (deploy/packages.txt), as imported targets.
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(ZLIB REQUIRED)
find_package(Protobuf REQUIRED)  # CMake's module: Debian's package has no config
find_package(absl CONFIG REQUIRED)
find_package(spdlog CONFIG REQUIRED)
if(EXPUNGE_WITH_TORCH_AND_GRPC)
  find_package(gRPC CONFIG REQUIRED)
  find_package(Torch REQUIRED)  # before RocksDB, whose namespaced gflags would leave Torch's without a library
  find_package(benchmark CONFIG REQUIRED)
endif()
find_package(RocksDB CONFIG REQUIRED)
find_package(GTest CONFIG REQUIRED)
find_package(CLI11 CONFIG REQUIRED)
find_package(prometheus-cpp CONFIG REQUIRED)
find_package(nlohmann_json CONFIG REQUIRED)
