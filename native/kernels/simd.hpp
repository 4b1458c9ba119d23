// Vectors of T as wide as the registers of the instruction set, and the few operations on them.
#pragma once

#include <cstdint>
#include <utility>

#if defined(__AVX2__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace multilayer::MULTILAYER_ISA {
namespace {

using i64 = std::int64_t;

constexpr int vector_bytes = MULTILAYER_VECTOR_BYTES;

template <class T>
struct Simd;
template <>
struct Simd<float> {
    typedef float Vec __attribute__((vector_size(vector_bytes)));
    typedef float Unaligned __attribute__((vector_size(vector_bytes), aligned(4), may_alias));
    typedef std::int32_t Int __attribute__((vector_size(vector_bytes)));
    typedef std::uint32_t Unsigned __attribute__((vector_size(vector_bytes)));
    typedef std::uint32_t Hash __attribute__((vector_size(vector_bytes)));
    using Lane = std::int32_t;
};
template <>
struct Simd<double> {
    typedef double Vec __attribute__((vector_size(vector_bytes)));
    typedef double Unaligned __attribute__((vector_size(vector_bytes), aligned(8), may_alias));
    typedef std::int64_t Int __attribute__((vector_size(vector_bytes)));
    typedef std::uint64_t Unsigned __attribute__((vector_size(vector_bytes)));
    typedef std::uint32_t Hash __attribute__((vector_size(vector_bytes / 2)));
    using Lane = std::int64_t;
};
template <class T>
using Vec = typename Simd<T>::Vec;
template <class T>
using Int = typename Simd<T>::Int;

// 32 bits for each lane, whatever T is.
template <class T>
using Hash = typename Simd<T>::Hash;

template <class T>
constexpr int lanes = vector_bytes / static_cast<int>(sizeof(T));

template <class T>
inline Vec<T> load(const T* from) {
    return *reinterpret_cast<const typename Simd<T>::Unaligned*>(from);
}

template <class T>
inline void store(T* to, Vec<T> value) {
    *reinterpret_cast<typename Simd<T>::Unaligned*>(to) = value;
}

// A strip is a cache line of numbers. It is as long for every instruction set, so sums over
// examples or columns are kept in one accumulator for each place of a strip: they run in the same
// order however wide a vector is. `strip_vectors` vectors hold a strip.
template <class T>
constexpr int strip = 64 / static_cast<int>(sizeof(T));
constexpr int strip_vectors = 64 / vector_bytes;

// a b + c, rounded once where the instruction set can do so (all but SSE2). It is written where it
// matters, and the compiler is told not to fuse anything else: a fused expression rounds
// differently, and which ones a compiler fuses is its own choice.
template <class T>
inline Vec<T> fma(Vec<T> a, Vec<T> b, Vec<T> c) {
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4)
        return (Vec<T>)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
    else
        return (Vec<T>)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
#elif defined(__FMA__)
    if constexpr (sizeof(T) == 4)
        return (Vec<T>)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
    else
        return (Vec<T>)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
#elif defined(__aarch64__)
    if constexpr (sizeof(T) == 4)
        return (Vec<T>)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
    else
        return (Vec<T>)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b);
#else
    return a * b + c;
#endif
}

// The first n lanes of an array, fewer than all; the other lanes are zero, and nothing beyond is
// read or written.
template <class T, int piece = lanes<T> / 2>
inline void copy_some(T* to, const T* from, int n) {
    if (n & piece) {
        __builtin_memcpy(to, from, piece * sizeof(T));
        to += piece;
        from += piece;
    }
    if constexpr (piece > 1) copy_some<T, piece / 2>(to, from, n);
}

template <class T>
inline Int<T> first_lanes(int n) {
    Int<T> lane;
    for (int i = 0; i < lanes<T>; ++i) lane[i] = i;
    return lane < static_cast<typename Simd<T>::Lane>(n);
}

template <class T>
inline Vec<T> load_some(const T* from, int n) {
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4)
        return (Vec<T>)_mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << n) - 1), from);
    else
        return (Vec<T>)_mm512_maskz_loadu_pd(static_cast<__mmask8>((1u << n) - 1), from);
#elif defined(__AVX2__)
    const __m256i mask = (__m256i)first_lanes<T>(n);
    if constexpr (sizeof(T) == 4)
        return (Vec<T>)_mm256_maskload_ps(from, mask);
    else
        return (Vec<T>)_mm256_maskload_pd(from, mask);
#else
    Vec<T> value = {};
    copy_some(reinterpret_cast<T*>(&value), from, n);
    return value;
#endif
}

template <class T>
inline void store_some(T* to, Vec<T> value, int n) {
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4)
        _mm512_mask_storeu_ps(to, static_cast<__mmask16>((1u << n) - 1), (__m512)value);
    else
        _mm512_mask_storeu_pd(to, static_cast<__mmask8>((1u << n) - 1), (__m512d)value);
#elif defined(__AVX2__)
    const __m256i mask = (__m256i)first_lanes<T>(n);
    if constexpr (sizeof(T) == 4)
        _mm256_maskstore_ps(to, mask, (__m256)value);
    else
        _mm256_maskstore_pd(to, mask, (__m256d)value);
#else
    copy_some(to, reinterpret_cast<const T*>(&value), n);
#endif
}

// The first n lanes, which may be all of them.
template <class T>
inline Vec<T> get(const T* from, int n) {
    return n == lanes<T> ? load(from) : load_some(from, n);
}
template <class T>
inline void put(T* to, Vec<T> value, int n) {
    n == lanes<T> ? store(to, value) : store_some(to, value, n);
}

// Calls f(at, n) for the vectors of numbers first … last − 1; n is the number of lanes that lie
// inside.
template <class T, class F>
inline void for_vectors(i64 first, i64 last, F f) {
    for (i64 at = first; at < last; at += lanes<T>)
        f(at, last - at < lanes<T> ? static_cast<int>(last - at) : lanes<T>);
}

template <class T>
inline Vec<T> splat(T value) {
    return value - Vec<T>{};  // x − 0 is x and costs nothing; 0 + x would lose the sign of −0
}

// The same with one number for all lanes.
template <class T>
inline Vec<T> fma(T a, Vec<T> b, Vec<T> c) {
    return fma<T>(splat(a), b, c);
}
template <class T>
inline Vec<T> fma(Vec<T> a, T b, Vec<T> c) {
    return fma<T>(a, splat(b), c);
}

template <class T>
inline Int<T> bits(Vec<T> value) {
    return (Int<T>)value;  // the same bits: a cast between vectors converts nothing
}

template <class T>
inline Vec<T> from_bits(Int<T> value) {
    return (Vec<T>)value;
}

template <class T>
inline Vec<T> absolute(Vec<T> x) {
    const Int<T> sign = bits<T>(splat(T(-0.0)));
    return from_bits<T>(bits<T>(x) & ~sign);
}

// The sum of the accumulators of a strip, in double precision, halves added to halves.
template <class T>
inline double sum(const Vec<T> (&value)[strip_vectors]) {
    double total[strip<T>];
    for (int i = 0; i < strip<T>; ++i)
        total[i] = static_cast<double>(value[i / lanes<T>][i % lanes<T>]);
    for (int half = strip<T> / 2; half > 0; half /= 2)
        for (int i = 0; i < half; ++i) total[i] += total[i + half];
    return total[0];
}

// The vector extensions have no root: compilers make one instruction of this loop.
template <class T>
inline Vec<T> square_root(Vec<T> x) {
    Vec<T> root = {};
    for (int lane = 0; lane < lanes<T>; ++lane)
        if constexpr (sizeof(T) == 4)
            root[lane] = __builtin_sqrtf(x[lane]);
        else
            root[lane] = __builtin_sqrt(x[lane]);
    return root;
}

// One stage of the transposition below: swaps the off-diagonal h × h blocks of two rows.
template <class T, int h, int... lane>
inline void swap_blocks(Vec<T>& a, Vec<T>& b, std::integer_sequence<int, lane...>) {
    constexpr int n = lanes<T>;
    const Vec<T> low = __builtin_shufflevector(a, b, ((lane & h) ? n + lane - h : lane)...);
    const Vec<T> high = __builtin_shufflevector(a, b, ((lane & h) ? n + lane : lane + h)...);
    a = low;
    b = high;
}

template <class T, int h>
inline void transpose_stages(Vec<T> (&r)[lanes<T>]) {
    if constexpr (h > 0) {
        for (int i = 0; i < lanes<T>; ++i)
            if (!(i & h))
                swap_blocks<T, h>(r[i], r[i + h], std::make_integer_sequence<int, lanes<T>>{});
        transpose_stages<T, h / 2>(r);
    }
}

// Transposes a square of lanes × lanes numbers in registers, each row a vector.
template <class T>
inline void transpose(Vec<T> (&rows)[lanes<T>]) {
    transpose_stages<T, lanes<T> / 2>(rows);
}

}  // namespace
}  // namespace multilayer::MULTILAYER_ISA
