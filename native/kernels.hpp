// The three kernels that do nearly all of the arithmetic: dense forward, its reverse, the gradient.
//
// Each keeps a tile of 6 rows × `wide` vectors of results in registers. A step of the inner loop
// then makes 6 · wide multiply-adds from 6 + wide loads, so that the multiply-adds, not the loads,
// set the pace.
#pragma once

#include "simd.hpp"

namespace multilayer::MULTILAYER_ISA {
namespace {

constexpr int tile_rows = 6;
constexpr int rows_of_item = 48;  // of Θ, at most: a whole number of tiles
constexpr int wide = MULTILAYER_TILE_VECTORS;
template <class T>
constexpr int group_size = wide * lanes<T>;

// Number by number: GCC clears an array that is cleared as a whole in memory, not in registers.
template <class T, int rows, int vectors>
inline void clear(Vec<T> (&sum)[rows][vectors]) {
    for (int i = 0; i < rows; ++i)
        for (int n = 0; n < vectors; ++n) sum[i][n] = Vec<T>{};
}

// Sums that are left half done lie as all tiles do: rows a group apart.
template <class T, int rows, int vectors>
inline void load_sums(Vec<T> (&sum)[rows][vectors], const T* from) {
    for (int i = 0; i < rows; ++i)
        for (int n = 0; n < vectors; ++n) sum[i][n] = load(from + i * group_size<T> + n * lanes<T>);
}
template <class T, int rows, int vectors>
inline void store_sums(const Vec<T> (&sum)[rows][vectors], T* to) {
    for (int i = 0; i < rows; ++i)
        for (int n = 0; n < vectors; ++n) store(to + i * group_size<T> + n * lanes<T>, sum[i][n]);
}

// z = b + Θ a for `rows` rows of Θ and one group; negative z become `floor` where that is larger.
template <class T, int rows>
void dense_tile(const T* bias,   // (rows), `stride` apart; null: z holds what to add to
                const T* theta,  // (rows, in), rows `stride` apart
                const T* a,      // (in, group)
                T* z,            // (rows, group)
                i64 in,
                i64 stride,
                T floor) {
    Vec<T> sum[rows][wide];
    if (bias)
        for (int i = 0; i < rows; ++i)
            for (int n = 0; n < wide; ++n) sum[i][n] = splat(bias[i * stride]);
    else
        load_sums(sum, z);
    for (i64 k = 0; k < in; ++k) {
        Vec<T> x[wide];
        for (int n = 0; n < wide; ++n) x[n] = load(a + k * group_size<T> + n * lanes<T>);
        for (int i = 0; i < rows; ++i) {
            const Vec<T> w = splat(theta[i * stride + k]);
            for (int n = 0; n < wide; ++n) sum[i][n] += w * x[n];
        }
    }
    for (int i = 0; i < rows; ++i)
        for (int n = 0; n < wide; ++n) sum[i][n] = sum[i][n] < floor ? splat(floor) : sum[i][n];
    store_sums(sum, z);
}

// δ⁽ˡ⁾ = Θᵀ δ⁽ˡ⁺¹⁾ for `rows` columns of Θ and one group; where a is given, zero where a is.
template <class T, int rows>
void reverse_tile(const T* theta,  // (out, rows), rows `stride` apart
                  const T* delta,  // (out, group)
                  const T* a,      // (rows, group) or null
                  T* result,       // (rows, group)
                  i64 out,
                  i64 stride,
                  bool begun) {  // result holds what to add to
    Vec<T> sum[rows][wide];
    if (begun)
        load_sums(sum, result);
    else
        clear<T>(sum);
    for (i64 k = 0; k < out; ++k) {
        // Rows of a wide Θ lie in pages of their own, where the processor does not look ahead.
        __builtin_prefetch(theta + (k + 12) * stride);
        Vec<T> d[wide];
        for (int n = 0; n < wide; ++n) d[n] = load(delta + k * group_size<T> + n * lanes<T>);
        for (int i = 0; i < rows; ++i) {
            const Vec<T> w = splat(theta[k * stride + i]);
            for (int n = 0; n < wide; ++n) sum[i][n] += w * d[n];
        }
    }
    if (a)
        for (int i = 0; i < rows; ++i)
            for (int n = 0; n < wide; ++n) {
                const Vec<T> unit = load(a + i * group_size<T> + n * lanes<T>);
                sum[i][n] = unit > T(0) ? sum[i][n] : Vec<T>{};
            }
    store_sums(sum, result);
}

// Δ = Σ δ aᵀ over some groups of the chunk, in their order, for `rows` units and `vectors` vectors
// of one panel.
template <class T, int rows, int vectors>
void gradient_tile(const T* delta,    // (groups, rows, group), groups `stride` apart
                   const T* columns,  // (examples, group): one panel
                   T* sums,           // (rows, group)
                   i64 groups,
                   i64 stride,
                   bool begun) {  // sums hold what to add to
    Vec<T> sum[rows][vectors];
    if (begun)
        load_sums(sum, sums);
    else
        clear<T>(sum);
    for (i64 g = 0; g < groups; ++g) {
        // The next group's δ lies too far off for the processor to see it coming.
        if (g + 1 < groups)
            for (int i = 0; i < rows; ++i) __builtin_prefetch(delta + stride + i * group_size<T>);
        for (int b = 0; b < group_size<T>; ++b) {
            Vec<T> x[vectors];
            for (int n = 0; n < vectors; ++n)
                x[n] = load(columns + b * group_size<T> + n * lanes<T>);
            for (int i = 0; i < rows; ++i) {
                const Vec<T> d = splat(delta[i * group_size<T> + b]);
                for (int n = 0; n < vectors; ++n) sum[i][n] += d * x[n];
            }
        }
        delta += stride;
        columns += group_size<T> * group_size<T>;
    }
    store_sums(sum, sums);
}

// The biases' part of Δ: Σ δ over the groups, of as many units as a vector has lanes or fewer.
template <class T>
Vec<T> bias_sums(const T* delta,  // (groups, rows, group), groups `stride` apart
                 int rows,
                 i64 groups,
                 i64 stride) {
    Vec<T> square[lanes<T>] = {}, total = {};
    // Rows inside: a sum would wait for itself if it came again at once.
    for (i64 g = 0; g < groups; ++g, delta += stride)
        for (int i = 0; i < rows; ++i) {
            Vec<T> sum = load(delta + i * group_size<T>);
            for (int n = 1; n < wide; ++n) sum += load(delta + i * group_size<T> + n * lanes<T>);
            square[i] += sum;
        }
    transpose<T>(square);
    for (int i = 0; i < lanes<T>; ++i) total += square[i];
    return total;
}

// Rows are cut into tiles of nearly the same height: two of 4 rows are faster than 6 and 2.
struct Tiles {
    i64 rows, count;
    explicit Tiles(i64 n) : rows(n), count((n + tile_rows - 1) / tile_rows) {}
    i64 first(i64 tile) const { return tile * rows / count; }
    int height(i64 tile) const { return static_cast<int>(first(tile + 1) - first(tile)); }
};

// Calls f with the height of a tile as a constant.
template <class F>
inline void with_height(int height, F f) {
    switch (height) {
        case 1:
            return f(std::integral_constant<int, 1>{});
        case 2:
            return f(std::integral_constant<int, 2>{});
        case 3:
            return f(std::integral_constant<int, 3>{});
        case 4:
            return f(std::integral_constant<int, 4>{});
        case 5:
            return f(std::integral_constant<int, 5>{});
        default:
            return f(std::integral_constant<int, 6>{});
    }
}

template <int n, class F>
inline void with_vectors(int vectors, F f) {
    if constexpr (n > 1) {
        if (vectors < n) return with_vectors<n - 1>(vectors, f);
    }
    f(std::integral_constant<int, n>{});
}

}  // namespace
}  // namespace multilayer::MULTILAYER_ISA
