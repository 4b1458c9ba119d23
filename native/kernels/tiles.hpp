// The three kernels that do nearly all of the arithmetic: dense forward, its reverse, the gradient.
//
// Each keeps a tile of `tile_rows` rows × `tile_vectors` vectors of results in registers. A step of
// the inner loop then makes tile_rows · tile_vectors multiply-adds from tile_rows + tile_vectors
// loads, so that the multiply-adds, not the loads, limit the speed.
#pragma once

#include "simd.hpp"

namespace multilayer::MULTILAYER_ISA {
namespace {

constexpr int tile_rows = MULTILAYER_TILE_ROWS;
constexpr int tile_vectors = MULTILAYER_TILE_VECTORS;
template <class T>
constexpr int group_size = tile_vectors * lanes<T>;  // a whole number of strips
static_assert(tile_vectors % strip_vectors == 0);
constexpr int strips_of_group = tile_vectors / strip_vectors;

// Calls f(0), f(1), … with constants. Written out like this, the sums of a tile stay in registers
// from first to last; with loops, GCC would move them through memory before and after.
#define MULTILAYER_INLINE __attribute__((always_inline))
template <class F, int... i>
MULTILAYER_INLINE inline void repeat(F f, std::integer_sequence<int, i...>) {
    (f(std::integral_constant<int, i>{}), ...);
}
template <int n, class F>
MULTILAYER_INLINE inline void repeat(F f) {
    repeat(f, std::make_integer_sequence<int, n>{});
}

template <class T, int rows, int vectors, class F>
MULTILAYER_INLINE inline void each_sum(Vec<T> (&sum)[rows][vectors], F f) {
    repeat<rows>([&](auto i) MULTILAYER_INLINE {
        repeat<vectors>([&](auto n) MULTILAYER_INLINE { f(sum[i][n], i, n); });
    });
}

// Unfinished sums are stored as all tiles are: rows a group apart.
template <class T, int rows, int vectors>
MULTILAYER_INLINE inline void load_sums(Vec<T> (&sum)[rows][vectors], const T* from) {
    each_sum<T>(sum, [&](Vec<T>& s, int i, int n)
                         MULTILAYER_INLINE { s = load(from + i * group_size<T> + n * lanes<T>); });
}
template <class T, int rows, int vectors>
MULTILAYER_INLINE inline void store_sums(Vec<T> (&sum)[rows][vectors], T* to) {
    each_sum<T>(sum, [&](Vec<T>& s, int i, int n)
                         MULTILAYER_INLINE { store(to + i * group_size<T> + n * lanes<T>, s); });
}

// sum += w x: one number w[i · step] for each row, one vector x for each column.
template <class T, int rows, int vectors>
MULTILAYER_INLINE inline void multiply_add(Vec<T> (&sum)[rows][vectors],
                                           const T* w,
                                           i64 step,
                                           const T* x) {
    Vec<T> column[vectors];
    repeat<vectors>([&](auto n) MULTILAYER_INLINE { column[n] = load(x + n * lanes<T>); });
    repeat<rows>([&](auto i) MULTILAYER_INLINE {
        const Vec<T> number = splat(w[i * step]);
        repeat<vectors>(
            [&](auto n) MULTILAYER_INLINE { sum[i][n] = fma<T>(number, column[n], sum[i][n]); });
    });
}

// In the three kernels, `accumulate` says whether the sums continue those of a previous call. It is
// known at compile time: with a plain `if`, GCC would move all sums through memory in both cases.

// z = b + Θ a for `rows` rows of Θ and the first `vectors` of one group.
template <class T, int rows, int vectors, bool accumulate>
void dense_tile(const T* bias,  // (rows), `bias_step` apart; unused if accumulating
                i64 bias_step,
                const T* weights,  // (rows, in), rows `row_step` apart
                i64 row_step,
                const T* a,  // (in, group)
                T* z,        // (rows, group)
                i64 in,
                bool relu) {  // applied to the result
    Vec<T> sum[rows][vectors];
    if constexpr (accumulate)
        load_sums<T>(sum, z);
    else
        each_sum<T>(
            sum, [&](Vec<T>& s, int i, int) MULTILAYER_INLINE { s = splat(bias[i * bias_step]); });
    for (i64 k = 0; k < in; ++k) multiply_add<T>(sum, weights + k, row_step, a + k * group_size<T>);
    if (relu)
        each_sum<T>(sum,
                    [](Vec<T>& s, int, int) MULTILAYER_INLINE { s = s < T(0) ? Vec<T>{} : s; });
    store_sums<T>(sum, z);
}

// Copies some columns of Θ so that they lie side by side: in Θ, each row of them is in a cache
// line, and often in a page, of its own.
template <class T, int rows>
void pack(const T* weights,  // (out, rows), rows `stride` apart
          T* packed,         // (out, rows)
          i64 out,
          i64 stride) {
    for (i64 k = 0; k < out; ++k)
        __builtin_memcpy(packed + k * rows, weights + k * stride, rows * sizeof(T));
}

// δ⁽ˡ⁾ = Θᵀ δ⁽ˡ⁺¹⁾ for `rows` columns of Θ and the first `vectors` of one group; if a is given, δ
// is set to zero where a is.
template <class T, int rows, int vectors, bool accumulate>
void reverse_tile(const T* weights,  // (out, rows), packed
                  const T* delta,    // (out, group)
                  const T* a,        // (rows, group) or null
                  T* result,         // (rows, group); added to if accumulating
                  i64 out) {
    Vec<T> sum[rows][vectors];
    if constexpr (accumulate)
        load_sums<T>(sum, result);
    else
        each_sum<T>(sum, [](Vec<T>& s, int, int) MULTILAYER_INLINE { s = Vec<T>{}; });
    for (i64 k = 0; k < out; ++k)
        multiply_add<T>(sum, weights + k * rows, 1, delta + k * group_size<T>);
    if (a)
        each_sum<T>(sum, [&](Vec<T>& s, int i, int n) MULTILAYER_INLINE {
            s = load(a + i * group_size<T> + n * lanes<T>) > T(0) ? s : Vec<T>{};
        });
    store_sums<T>(sum, result);
}

// Δ = Σ δ aᵀ over some groups of the chunk, in their order, for `rows` units and `vectors` vectors
// of one panel.
template <class T, int rows, int vectors, bool accumulate>
void gradient_tile(const T* delta,    // (groups, rows, group), groups `stride` apart
                   const T* columns,  // (examples, group): one panel
                   T* sums,           // (rows, group); added to if accumulating
                   i64 groups,
                   int last,  // examples of the last group
                   i64 stride) {
    Vec<T> sum[rows][vectors];
    if constexpr (accumulate)
        load_sums<T>(sum, sums);
    else
        each_sum<T>(sum, [](Vec<T>& s, int, int) MULTILAYER_INLINE { s = Vec<T>{}; });
    for (i64 g = 0; g < groups; ++g) {
        // δ of the next group lies too far away for the processor's own prefetching.
        if (g + 1 < groups)
            for (int i = 0; i < rows; ++i) __builtin_prefetch(delta + stride + i * group_size<T>);
        const int examples = g + 1 < groups ? group_size<T> : last;
        for (int b = 0; b < examples; ++b)
            multiply_add<T>(sum, delta + b, group_size<T>, columns + b * group_size<T>);
        delta += stride;
        columns += group_size<T> * group_size<T>;
    }
    store_sums<T>(sum, sums);
}

// Sums for as many units as a vector has lanes, from accumulators [place of a strip][unit]: the
// places of each unit are added up in their order.
template <class T>
inline Vec<T> sums_of_units(Vec<T> (&square)[strip_vectors][lanes<T>]) {
    Vec<T> total = {};
    for (auto& places : square) {
        transpose<T>(places);
        for (int i = 0; i < lanes<T>; ++i) total += places[i];
    }
    return total;
}

// The biases' part of Δ: Σ δ over the groups, for at most as many units as a vector has lanes.
template <class T>
Vec<T> bias_sums(const T* delta,  // (groups, units, group), groups `stride` apart
                 int units,
                 i64 groups,
                 int last,  // examples of the last group
                 i64 stride) {
    Vec<T> square[strip_vectors][lanes<T>] = {};
    // Units in the inner loop: otherwise each addition would wait for the previous one.
    for (i64 g = 0; g < groups; ++g, delta += stride) {
        const int examples = g + 1 < groups ? group_size<T> : last;
        for (int at = 0, n = 0; at < examples; at += lanes<T>, n = (n + 1) % strip_vectors)
            for (int i = 0; i < units; ++i) square[n][i] += load(delta + i * group_size<T> + at);
    }
    return sums_of_units<T>(square);
}

// Rows are cut into tiles of nearly the same height: two of 4 rows are faster than 6 and 2.
struct Tiles {
    i64 rows, count;
    explicit Tiles(i64 n) : rows(n), count((n + tile_rows - 1) / tile_rows) {}
    i64 first(i64 tile) const { return tile * rows / count; }
    int height(i64 tile) const { return static_cast<int>(first(tile + 1) - first(tile)); }
};

// Calls f with a number from 1 to n as a constant.
template <int n, class F>
inline void with_number(int number, F f) {
    if constexpr (n > 1) {
        if (number < n) return with_number<n - 1>(number, f);
    }
    f(std::integral_constant<int, n>{});
}

// Calls f with the height of a tile and `accumulate` as constants.
template <class F>
inline void with_height(int height, bool accumulate, F f) {
    with_number<tile_rows>(height, [&](auto rows) {
        if (accumulate)
            f(rows, std::true_type{});
        else
            f(rows, std::false_type{});
    });
}

}  // namespace
}  // namespace multilayer::MULTILAYER_ISA
