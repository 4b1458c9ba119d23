// Vectors of T as wide as the registers of the instruction set, and the few operations on them.
#pragma once

#include <cstdint>
#include <utility>

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

// Copies n numbers, fewer than a vector has, in pieces of 8, 4, 2 and 1.
template <class T, int piece = lanes<T> / 2>
inline void copy_some(T* to, const T* from, int n) {
    if (n & piece) {
        __builtin_memcpy(to, from, piece * sizeof(T));
        to += piece;
        from += piece;
    }
    if constexpr (piece > 1) copy_some<T, piece / 2>(to, from, n);
}

// Only the first n lanes, fewer than all; the others are zero.
template <class T>
inline Vec<T> load_some(const T* from, int n) {
    Vec<T> value = {};
    copy_some(reinterpret_cast<T*>(&value), from, n);
    return value;
}

template <class T>
inline void store_some(T* to, Vec<T> value, int n) {
    copy_some(to, reinterpret_cast<const T*>(&value), n);
}

template <class T>
inline Vec<T> splat(T value) {
    return value - Vec<T>{};  // x − 0 is x and costs nothing; 0 + x would lose the sign of −0
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

template <class T>
inline double sum(Vec<T> value) {
    double total = 0;
    for (int lane = 0; lane < lanes<T>; ++lane) total += static_cast<double>(value[lane]);
    return total;
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
