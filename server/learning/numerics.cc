#include "learning/numerics.h"

#include <ATen/Version.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <torch/version.h>

#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/digest.h"
#include "learning/blas_guard.h"

namespace expunge {
namespace {

// Increase when the arithmetic of this folder changes: initialization, normalization, network, loss, optimizer.
constexpr int kKernelVersion = 1;

constexpr char kCapabilityTitle[] = "CPU capability usage: ";

// The function of that name in whatever libraries are loaded; null when none has it.
template <typename Function>
Function* FindFunction(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_DEFAULT, name));
}

// The file, links resolved, of the library whose matrix product torch calls; empty when torch has it built in.
std::string BlasFile() {
  void* const product = dlsym(RTLD_DEFAULT, "sgemm_");
  Dl_info info;
  if (product == nullptr || dladdr(product, &info) == 0) return "";
  const std::unique_ptr<char, decltype(&free)> resolved(realpath(info.dli_fname, nullptr), &free);
  return resolved == nullptr ? info.dli_fname : resolved.get();
}

// OpenBLAS may be in memory for another library's sake while torch calls a different BLAS.
bool UsesOpenBlas() {
  return absl::StrContains(BlasFile(), "openblas") && FindFunction<char*()>("openblas_get_config") != nullptr;
}

std::string DescribeBlas() {
  if (at::hasMKL()) return absl::StrJoin(absl::StrSplit(at::get_mkl_version(), '\n', absl::SkipWhitespace()), ", ");
  if (!UsesOpenBlas()) return BlasFile().empty() ? "unknown BLAS" : BlasFile();
  std::string description = FindFunction<char*()>("openblas_get_config")();
  if (auto* const core_name = FindFunction<char*()>("openblas_get_corename"))
    absl::StrAppend(&description, ", ", core_name());
  return description;
}

// What torch says about itself, from `title` to the end of the line.
std::string ConfigEntry(const std::string& config, const std::string& title) {
  const size_t begin = config.find(title);
  return begin == std::string::npos ? "" : config.substr(begin, config.find('\n', begin) - begin);
}

std::string DescribeOneDnn() {
  if (!at::hasMKLDNN()) return "no oneDNN";
  std::string description = at::get_mkldnn_version();
  if (auto* const isa = FindFunction<int()>("dnnl_get_effective_cpu_isa")) {
    absl::StrAppend(&description, ", instruction set ", absl::Hex(isa()));
  }
  return description;
}

}  // namespace

std::string DescribeNumericEnvironment() {
  static const std::string* const environment = [] {
    const std::string config = at::show_config();
    return new std::string(
        absl::StrJoin({absl::StrCat("expunge kernels ", kKernelVersion),
                       absl::StrCat("torch ", TORCH_VERSION, ", build ", ToHex(AsBytes(Sha256(config)).substr(0, 8))),
                       ConfigEntry(config, kCapabilityTitle), DescribeBlas(), DescribeOneDnn()},
                      "; "));
  }();
  return *environment;
}

ChosenKernels DescribeKernels() {
  ChosenKernels kernels;
  auto* const core_name = FindFunction<char*()>("openblas_get_corename");
  const bool known = !at::hasMKL() && UsesOpenBlas() && core_name != nullptr;
  kernels.blas = known ? core_name() : DescribeBlas();
  const std::string capability = ConfigEntry(at::show_config(), kCapabilityTitle);
  kernels.aten = std::string(absl::StripPrefix(capability, kCapabilityTitle));
  auto* const isa = FindFunction<int()>("dnnl_get_effective_cpu_isa");
  if (at::hasMKLDNN() && isa != nullptr) kernels.one_dnn = isa();
  return kernels;
}

absl::Status CheckBlas() {
  if (!at::hasMKL() && !BlasIsGuarded()) {
    return absl::FailedPreconditionError(
        "matrix products of several threads would disturb each other: this program was linked without the guard of "
        "learning/blas_guard.h");
  }
  return absl::OkStatus();
}

std::string BlasWarning() {
  if (at::hasMKL()) return "";  // obeys the number of threads that each worker sets
  if (!UsesOpenBlas()) {
    return absl::StrCat("torch computes with ", DescribeBlas(),
                        ", which is about ten times slower than OpenBLAS; install libopenblas0-serial");
  }
  auto* const parallel = FindFunction<int()>("openblas_get_parallel");
  if (parallel == nullptr || parallel() != 0) {
    return absl::StrCat("torch computes with a multithreaded BLAS (", DescribeBlas(),
                        "), with which several workers are slower than one; install libopenblas0-serial");
  }
  return "";
}

}  // namespace expunge
