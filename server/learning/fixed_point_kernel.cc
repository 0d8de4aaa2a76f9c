#include "learning/fixed_point_kernel.h"

#include <algorithm>
#include <cmath>

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace expunge {
namespace {

constexpr int64_t kPanelGroup = 2 * kFixedPointHalf;  // bytes of one group in a panel

void MultiplyAnywhere(const FixedPointTask& task) {
  for (int64_t row = 0; row < task.rows; ++row) {
    const uint8_t* const x = task.x + row * task.groups * kFixedPointInputs;
    for (int64_t output = 0; output < task.outputs; ++output) {
      const int8_t* const panel = task.weights + output / kFixedPointOutputs * task.groups * kPanelGroup;
      int32_t high = 0, low = 0;
      for (int64_t i = 0; i < task.groups * kFixedPointInputs; ++i) {
        const int64_t quad = i % kFixedPointInputs / 4;
        const int8_t* const weight = panel + i / kFixedPointInputs * kPanelGroup +
                                     (quad * kFixedPointOutputs + output % kFixedPointOutputs) * 4 + i % 4;
        high += x[i] * weight[0];
        low += x[i] * weight[kFixedPointHalf];
      }
      float y = std::fma(static_cast<float>(low), task.scale[output], task.bias[output]);
      y = std::fma(static_cast<float>(high), 256 * task.scale[output], y);
      task.y[row * task.outputs + output] = task.relu ? std::max(y, 0.0f) : y;
    }
  }
}

#if defined(__x86_64__)

// Sums of one row and one panel to what is stored.
[[gnu::target("avx512f,fma"), gnu::always_inline]] inline void Store(const FixedPointTask& task, int64_t row,
                                                                     int64_t panel, __m512i high, __m512i low) {
  const int64_t first = panel * kFixedPointOutputs;
  const __m512 scale = _mm512_loadu_ps(task.scale + first);
  const __m512 bias = _mm512_loadu_ps(task.bias + first);
  __m512 y = _mm512_fmadd_ps(_mm512_cvtepi32_ps(low), scale, bias);
  y = _mm512_fmadd_ps(_mm512_cvtepi32_ps(high), _mm512_mul_ps(scale, _mm512_set1_ps(256)), y);
  if (task.relu) y = _mm512_max_ps(_mm512_setzero_ps(), y);  // in this order NaN stays NaN
  const int64_t used = std::min(kFixedPointOutputs, task.outputs - first);
  _mm512_mask_storeu_ps(task.y + row * task.outputs + first, static_cast<__mmask16>((1U << used) - 1), y);
}

// kRows x kPanels x 2 registers hold the sums.
template <int kRows, int kPanels>
[[gnu::target("avx512f,avx512vnni,fma"), gnu::always_inline]] inline void MultiplyVnniTile(const FixedPointTask& task,
                                                                                           int64_t row, int64_t panel) {
  const int64_t stride = task.groups * kFixedPointInputs;
  const uint8_t* const x = task.x + row * stride;
  const int8_t* weights = task.weights + panel * task.groups * kPanelGroup;
  __m512i sums[kRows][kPanels][2] = {};
  for (int64_t group = 0; group < task.groups; ++group) {
    for (int64_t quad = 0; quad < kFixedPointInputs; quad += 4) {
      __m512i w[kPanels][2];
      for (int p = 0; p < kPanels; ++p) {
        const int8_t* const at = weights + p * task.groups * kPanelGroup + quad * kFixedPointOutputs;
        w[p][0] = _mm512_load_si512(at);
        w[p][1] = _mm512_load_si512(at + kFixedPointHalf);
      }
      for (int r = 0; r < kRows; ++r) {
        int32_t four;
        __builtin_memcpy(&four, x + r * stride + group * kFixedPointInputs + quad, sizeof(four));
        const __m512i bytes = _mm512_set1_epi32(four);
        for (int p = 0; p < kPanels; ++p) {
          sums[r][p][0] = _mm512_dpbusd_epi32(sums[r][p][0], bytes, w[p][0]);
          sums[r][p][1] = _mm512_dpbusd_epi32(sums[r][p][1], bytes, w[p][1]);
        }
      }
    }
    weights += kPanelGroup;
  }
  for (int r = 0; r < kRows; ++r) {
    for (int p = 0; p < kPanels; ++p) Store(task, row + r, panel + p, sums[r][p][0], sums[r][p][1]);
  }
}

template <int kRows>
[[gnu::target("avx512f,avx512vnni,fma"), gnu::always_inline]] inline void MultiplyVnniRows(const FixedPointTask& task,
                                                                                           int64_t row, int64_t rows,
                                                                                           int64_t panel,
                                                                                           bool two_panels) {
  if (rows == kRows) {
    two_panels ? MultiplyVnniTile<kRows, 2>(task, row, panel) : MultiplyVnniTile<kRows, 1>(task, row, panel);
  } else if constexpr (kRows > 1) {
    MultiplyVnniRows<kRows - 1>(task, row, rows, panel, two_panels);
  }
}

[[gnu::target("avx512f,avx512vnni,fma")]] void MultiplyVnni(const FixedPointTask& task) {
  constexpr int kMaxRows = 6;
  const int64_t panels = (task.outputs + kFixedPointOutputs - 1) / kFixedPointOutputs;
  const int64_t tiles = (task.rows + kMaxRows - 1) / kMaxRows;
  for (int64_t panel = 0; panel < panels; panel += 2) {
    for (int64_t tile = 0; tile < tiles; ++tile) {
      const int64_t begin = task.rows * tile / tiles;
      MultiplyVnniRows<kMaxRows>(task, begin, task.rows * (tile + 1) / tiles - begin, panel, panel + 1 < panels);
    }
  }
}

// Eight tile registers: 0 to 3 hold sums, 4 and 5 rows of x, 6 and 7 weights. Their numbers are part of the
// instructions. Four sums at a time: an instruction waits for the one before it on the same sums.
constexpr int64_t kTileRows = 16;

struct TileConfiguration {
  uint8_t palette = 1;
  uint8_t start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t row_bytes[16] = {};
  uint8_t rows[16] = {};
};

// `rows`: of x in tile 4; `more_rows`: in tile 5, and so in the sums 2 and 3.
[[gnu::target("amx-tile")]] void Configure(int64_t rows, int64_t more_rows) {
  alignas(64) TileConfiguration tiles;
  const auto set = [&tiles](int tile, int64_t of_rows) {
    tiles.row_bytes[tile] = 64;
    tiles.rows[tile] = static_cast<uint8_t>(of_rows);
  };
  for (const int tile : {0, 1, 4}) set(tile, rows);
  for (const int tile : {2, 3, 5}) set(tile, more_rows);
  for (const int tile : {6, 7}) set(tile, kFixedPointInputs / 4);
  asm volatile("" : : "r"(&tiles) : "memory");  // GCC's intrinsic says that it reads a pointer alone
  _tile_loadconfig(&tiles);
}

struct alignas(64) Sums {
  int32_t of[kTileRows][kFixedPointOutputs];
};

[[gnu::target("avx512f,fma")]] void StoreAll(const FixedPointTask& task, int64_t row, int64_t rows, int64_t panel,
                                             const Sums& high, const Sums& low) {
  for (int64_t r = 0; r < rows; ++r) {
    Store(task, row + r, panel, _mm512_load_si512(high.of[r]), _mm512_load_si512(low.of[r]));
  }
}

// Up to 16 rows and two panels, or one where there is no other.
[[gnu::target("amx-tile,amx-int8,avx512f,fma")]] void MultiplyOneTileOfRows(const FixedPointTask& task, int64_t row,
                                                                            int64_t rows) {
  const int64_t stride = task.groups * kFixedPointInputs;
  const int64_t panels = (task.outputs + kFixedPointOutputs - 1) / kFixedPointOutputs;
  Configure(rows, rows);
  for (int64_t panel = 0; panel < panels; panel += 2) {
    const bool two = panel + 1 < panels;
    const uint8_t* x = task.x + row * stride;
    const int8_t* weights = task.weights + panel * task.groups * kPanelGroup;
    const int8_t* others = weights + (two ? task.groups * kPanelGroup : 0);
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (int64_t group = 0; group < task.groups; ++group) {
      _tile_loadd(4, x, stride);
      _tile_loadd(6, weights, 64);
      _tile_dpbusd(0, 4, 6);
      _tile_loadd(7, weights + kFixedPointHalf, 64);
      _tile_dpbusd(1, 4, 7);
      _tile_loadd(6, others, 64);
      _tile_dpbusd(2, 4, 6);
      _tile_loadd(7, others + kFixedPointHalf, 64);
      _tile_dpbusd(3, 4, 7);
      x += kFixedPointInputs;
      weights += kPanelGroup;
      others += kPanelGroup;
    }
    Sums high, low;
    _tile_stored(0, &high, 64);
    _tile_stored(1, &low, 64);
    StoreAll(task, row, rows, panel, high, low);
    if (!two) continue;
    _tile_stored(2, &high, 64);
    _tile_stored(3, &low, 64);
    StoreAll(task, row, rows, panel + 1, high, low);
  }
}

// 17 to 32 rows, panel by panel.
[[gnu::target("amx-tile,amx-int8,avx512f,fma")]] void MultiplyTwoTilesOfRows(const FixedPointTask& task, int64_t row,
                                                                             int64_t rows) {
  const int64_t stride = task.groups * kFixedPointInputs;
  const int64_t panels = (task.outputs + kFixedPointOutputs - 1) / kFixedPointOutputs;
  Configure(kTileRows, rows - kTileRows);
  const int8_t* weights = task.weights;
  for (int64_t panel = 0; panel < panels; ++panel) {
    const uint8_t* x = task.x + row * stride;
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (int64_t group = 0; group < task.groups; ++group) {
      _tile_loadd(4, x, stride);
      _tile_loadd(6, weights, 64);
      _tile_dpbusd(0, 4, 6);
      _tile_loadd(7, weights + kFixedPointHalf, 64);
      _tile_dpbusd(1, 4, 7);
      _tile_loadd(5, x + kTileRows * stride, stride);
      _tile_dpbusd(2, 5, 6);
      _tile_dpbusd(3, 5, 7);
      x += kFixedPointInputs;
      weights += kPanelGroup;
    }
    Sums high, low;
    _tile_stored(0, &high, 64);
    _tile_stored(1, &low, 64);
    StoreAll(task, row, kTileRows, panel, high, low);
    _tile_stored(2, &high, 64);
    _tile_stored(3, &low, 64);
    StoreAll(task, row + kTileRows, rows - kTileRows, panel, high, low);
  }
}

[[gnu::target("amx-tile")]] void MultiplyAmx(const FixedPointTask& task) {
  for (int64_t row = 0; row < task.rows; row += 2 * kTileRows) {
    const int64_t rows = std::min(2 * kTileRows, task.rows - row);
    rows > kTileRows ? MultiplyTwoTilesOfRows(task, row, rows) : MultiplyOneTileOfRows(task, row, rows);
  }
  _tile_release();  // or every switch between threads would save the tiles
}

bool ProcessorHasAmx() {
  constexpr unsigned int kTile = 1U << 24, kInt8 = 1U << 25;  // CPUID leaf 7, EDX
  unsigned int a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (d & kTile) != 0 && (d & kInt8) != 0;
}

// Linux gives the memory for tiles to those who ask (Documentation/x86/xstate.rst).
bool SystemPermitsAmx() {
  constexpr int kRequestPermission = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}
#endif

}  // namespace

const FixedPointKernels& RunnableFixedPointKernels() {
  static const FixedPointKernels runnable = [] {
    FixedPointKernels kernels = {};
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512vnni")) {
      if (ProcessorHasAmx() && SystemPermitsAmx()) kernels.kernels[kernels.count++] = MultiplyAmx;
      kernels.kernels[kernels.count++] = MultiplyVnni;
    }
#endif
    kernels.kernels[kernels.count++] = MultiplyAnywhere;
    return kernels;
  }();
  return runnable;
}

}  // namespace expunge
