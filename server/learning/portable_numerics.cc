#include "learning/portable_numerics.h"

#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <string>
#include <string_view>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "learning/numerics.h"

namespace expunge {
namespace {

struct Variable {
  const char* name;
  const char* value;
};

// libm, whose functions depend on the processor too, is called neither in training nor in inference. Sleef, which is,
// has one variant of each function for AVX2 and FMA.
constexpr Variable kPins[] = {
    {"OPENBLAS_CORETYPE", "Haswell"},
    {"ATEN_CPU_CAPABILITY", "avx2"},
    {"ONEDNN_MAX_CPU_ISA", "AVX2"},
    {"DNNL_MAX_CPU_ISA", "AVX2"},  // its older name
};

absl::Status NotSupported(std::string_view why) {
  return Error(absl::StatusCode::kFailedPrecondition, "NUMERICS_NOT_SUPPORTED",
               absl::StrCat("--numerics portable is not possible here: ", absl::string_view(why.data(), why.size())));
}

bool ProcessorHasAvx2AndFma() {
#ifdef __x86_64__
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
  return false;
#endif
}

bool IsSet(const Variable& variable) {
  const char* const value = getenv(variable.name);
  return value != nullptr && std::string_view(value) == variable.value;
}

}  // namespace

absl::Status PinKernels(char** argv) {
  if (!ProcessorHasAvx2AndFma()) return NotSupported("the processor has no AVX2 or no FMA");
  if (std::all_of(std::begin(kPins), std::end(kPins), IsSet)) return absl::OkStatus();
  for (const auto& [name, value] : kPins) {
    if (setenv(name, value, /*overwrite=*/1) != 0) return NotSupported(std::strerror(errno));
  }
  // By its own path: of /proc/self/exe the process would get the name.
  std::error_code error;
  const std::string program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return NotSupported(absl::StrCat("/proc/self/exe: ", error.message()));
  execv(program.c_str(), argv);
  return NotSupported(absl::StrCat(program, " cannot be run again: ", std::strerror(errno)));
}

absl::Status CheckPinnedKernels() {
  const ChosenKernels kernels = DescribeKernels();
  if (kernels.blas != "Haswell")
    return NotSupported(
        absl::StrCat("the BLAS library is no OpenBLAS that obeys OPENBLAS_CORETYPE=Haswell: ", kernels.blas));
  if (kernels.aten != "AVX2")
    return NotSupported(absl::StrCat("torch computes with ", kernels.aten, " instead of AVX2"));
  constexpr int kOneDnnAvx2 = 7;  // dnnl_cpu_isa_avx2
  if (kernels.one_dnn != 0 && kernels.one_dnn != kOneDnnAvx2) {
    return NotSupported(
        absl::StrCat("oneDNN computes with instruction set ", absl::Hex(kernels.one_dnn), " instead of AVX2"));
  }
  return absl::OkStatus();
}

}  // namespace expunge
