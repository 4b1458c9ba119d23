// exp, log, tanh, logistic, erf and related functions on vectors, to within 2 units in the last
// place (float64) or 4 (float32) over the whole range; ±inf, NaN and subnormals are handled.
//
// The coefficients of exp and log are those of the Taylor series; those of erf are Chebyshev fits
// computed with 50 digits.
#pragma once

#include "simd.hpp"

namespace multilayer::MULTILAYER_ISA {
namespace {

// What differs between float32 and float64.
template <class T>
struct Format;
template <>
struct Format<float> {
    static constexpr int mantissa = 23, bias = 127, exp_terms = 6, log_terms = 5, sine_terms = 7;
    static constexpr float rounder = 12582912.0f;  // 1.5 · 2²³: adding it rounds to an integer
    // ln 2 in two parts, the first with so many zeros at its end that n · ln2_high is exact.
    static constexpr float ln2_high = 0.693359375f, ln2_low = -2.12194440e-4f;
    static constexpr float exp_least = -104.0f, exp_most = 89.0f;
    static constexpr float tiny = 1.17549435e-38f;
    static constexpr float erf_small[] = {0.1283791661f,   -0.3761262667f,  0.1128359472f,
                                          -0.02685421201f, 0.005189087423f, -0.0008016864287f,
                                          7.875875063e-5f};
    static constexpr float erfc_tail[] = {0.537003454f,    0.09530622475f,   -0.1465831567f,
                                          0.1398806407f,   -0.09546544659f,  0.04635198983f,
                                          -0.01407557792f, 0.0008447061141f, 0.001465273282f};
};
template <>
struct Format<double> {
    static constexpr int mantissa = 52, bias = 1023, exp_terms = 12, log_terms = 11,
                         sine_terms = 12;
    static constexpr double rounder = 6755399441055744.0;
    static constexpr double ln2_high = 6.93147180369123816490e-01;
    static constexpr double ln2_low = 1.90821492927058770002e-10;
    static constexpr double exp_least = -746.0, exp_most = 710.0;
    static constexpr double tiny = 2.2250738585072014e-308;
    static constexpr double erf_small[] = {
        0.128379167095512574,    -0.376126389031837481,     0.112837916709548787,
        -0.0268661706450767932,  0.00522397762481801447,    -0.000854832698083378991,
        0.000120553311116427109, -0.0000149255952668311816, 1.6461000484121368e-6,
        -1.6350312701054695e-7,  1.46597752740474358e-8,    -1.13728488567916737e-9,
        5.9571761477489114e-11};
    static constexpr double erfc_tail[] = {
        0.537003453544169865,     0.0953062269592279719,     -0.146583048032901258,
        0.139880547601778491,     -0.0954697503053326868,    0.0463502633314107243,
        -0.0140198256883639262,   0.00091082264210050964,    0.00124287759507603957,
        -0.000412541898669109211, -0.0000846252123418475366, 0.0000689484971028946931,
        6.56040044186465832e-6,   -0.0000108689219590404438, -1.16149627147284518e-6,
        1.14080059640248101e-6};
};

// c[first] + c[first + 1] x + … (n terms), with halves added up as a tree (Estrin's scheme): the
// chain of dependent multiply-adds in Horner's scheme would leave the processor waiting. powers[i]
// is x to the 2ⁱ.
template <class T, int first, int n, int m>
inline Vec<T> tree(const Vec<T> (&powers)[4], const T (&c)[m]) {
    if constexpr (n == 1) {
        return splat(c[first]);
    } else {
        constexpr int level = n > 8 ? 3 : n > 4 ? 2 : n > 2 ? 1 : 0, half = 1 << level;
        return fma<T>(tree<T, first + half, n - half>(powers, c), powers[level],
                      tree<T, first, half>(powers, c));
    }
}

template <class T, int n>
inline Vec<T> polynomial(Vec<T> x, const T (&lowest_first)[n]) {
    static_assert(n <= 16);
    const Vec<T> x2 = x * x, x4 = x2 * x2, powers[4] = {x, x2, x4, x4 * x4};
    return tree<T, 0, n>(powers, lowest_first);
}

// Σ r^i / (i + 2)!, so that e^r − 1 = r + r² times it.
template <class T>
struct ExpSeries {
    T c[Format<T>::exp_terms];
    constexpr ExpSeries() : c() {
        double factorial = 1;
        for (int i = 0; i < Format<T>::exp_terms; ++i) c[i] = T(1 / (factorial *= i + 2));
    }
};

// 2 Σ z^i / (2i + 3), so that log((1 + s)/(1 − s)) = 2s + s³ times it, z = s².
template <class T>
struct LogSeries {
    T c[Format<T>::log_terms];
    constexpr LogSeries() : c() {
        for (int i = 0; i < Format<T>::log_terms; ++i) c[i] = T(2.0 / (2 * i + 3));
    }
};

// Σ (−1)^i (2π)^(2i + 1)/(2i + 1)! z^i, so that sin 2πt = t times it, z = t².
template <class T>
struct SineSeries {
    T c[Format<T>::sine_terms];
    constexpr SineSeries() : c() {
        double term = 6.283185307179586477;
        for (int i = 0; i < Format<T>::sine_terms; ++i) {
            c[i] = T(term);
            term *= -39.47841760435743448 / ((2 * i + 2) * (2 * i + 3));
        }
    }
};

// Small whole numbers, to and from integers: AVX2 has no instruction for 64-bit ones.
template <class T>
inline Int<T> to_integer(Vec<T> n) {
    const Vec<T> rounder = splat(Format<T>::rounder);
    return bits<T>(n + rounder) - bits<T>(rounder);
}
template <class T>
inline Vec<T> from_integer(Int<T> n) {
    const Vec<T> rounder = splat(Format<T>::rounder);
    return from_bits<T>(n + bits<T>(rounder)) - rounder;
}

template <class T>
struct ExpParts {
    Vec<T> r, rest;  // e^r − 1 = r + rest, |r| ≤ ½ log 2
    Vec<T> n;        // e^x = 2ⁿ e^r
};

template <class T>
inline ExpParts<T> exp_parts(Vec<T> x) {
    using F = Format<T>;
    const Vec<T> n = fma<T>(x, T(1.4426950408889634), splat(F::rounder)) - F::rounder;
    const Vec<T> high = fma<T>(n, -F::ln2_high, x), r = fma<T>(n, -F::ln2_low, high);
    static constexpr ExpSeries<T> series;
    Vec<T> rest = r * r * polynomial<T>(r, series.c);
    // The rounding error of r: float64 has only 2 units in the last place to lose, float32 has 4.
    if constexpr (sizeof(T) == 8) rest += fma<T>(n, -F::ln2_low, high - r);
    return {r, rest, n};
}

template <class T>
inline Vec<T> power_of_two(Int<T> n) {
    return from_bits<T>((n + typename Simd<T>::Lane(Format<T>::bias)) << Format<T>::mantissa);
}

// x 2ⁿ, rounded once.
template <class T>
inline Vec<T> scale_by_power(Vec<T> x, Vec<T> n) {
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4)
        return (Vec<T>)_mm512_maskz_scalef_ps(0xffff, (__m512)x, (__m512)n);
    else
        return (Vec<T>)_mm512_maskz_scalef_pd(0xff, (__m512d)x, (__m512d)n);
#else
    // In two factors, since 2ⁿ alone may lie outside the range where the result does not.
    const Int<T> half = to_integer<T>(T(0.5) * n), rest = to_integer<T>(n) - half;
    return x * power_of_two<T>(half) * power_of_two<T>(rest);
#endif
}

template <class T>
inline Vec<T> exp(Vec<T> x) {
    using F = Format<T>;
    x = x < F::exp_least ? splat(F::exp_least) : x;  // written so that NaN stays
    x = x > F::exp_most ? splat(F::exp_most) : x;
    const auto parts = exp_parts<T>(x);
    return scale_by_power<T>(parts.r + parts.rest + T(1), parts.n);
}

// e^x for x ≤ 0: the result is never too large, so that one factor is enough, and a second one
// where the first would be subnormal.
template <class T>
inline Vec<T> exp_of_negative(Vec<T> x) {
    using F = Format<T>;
    x = x < F::exp_least ? splat(F::exp_least) : x;  // written so that NaN stays
    const auto parts = exp_parts<T>(x);
#if defined(__AVX512F__)
    return scale_by_power<T>(parts.r + parts.rest + T(1), parts.n);
#else
    using Lane = typename Simd<T>::Lane;
    constexpr Lane lift = 64;
    const auto low = parts.n < T(2 - F::bias);
    const Int<T> n = to_integer<T>(parts.n) + (low ? Int<T>{} + lift : Int<T>{});
    const Vec<T> power = power_of_two<T>(n), e = (parts.r + parts.rest + T(1)) * power;
    return low ? e * T(1 / 18446744073709551616.0) : e;
#endif
}

// e^x − 1 for x ≤ 60, and the rounding error of its last addition.
template <class T>
inline Vec<T> expm1(Vec<T> x, Vec<T>& lost) {
    x = x < T(-60) ? splat(T(-60)) : x;
    const auto parts = exp_parts<T>(x);
    const Vec<T> scale = power_of_two<T>(to_integer<T>(parts.n));
    const Vec<T> high = fma<T>(scale, parts.r, scale - T(1));
    const Vec<T> y = fma<T>(scale, parts.rest, high);
    lost = fma<T>(scale, parts.rest, high - y);
    return y;
}

template <class T>
inline Vec<T> expm1(Vec<T> x) {
    Vec<T> lost;
    return expm1<T>(x, lost);
}

// log x + log 2 · more, for x positive, finite and not subnormal.
template <class T>
inline Vec<T> log_of_normal(Vec<T> x, Int<T> more) {
    using F = Format<T>;
    using Lane = typename Simd<T>::Lane;
    // Take the exponent so that the mantissa lies in [√½, √2).
    const Lane root_half = sizeof(T) == 4 ? Lane(0x3f3504f3) : Lane(0x3fe6a09e667f3bcdLL);
    const Lane one = Lane(1) << F::mantissa;
    // Unsigned, because the bits of a NaN may overflow here.
    using Unsigned = typename Simd<T>::Unsigned;
    const Unsigned raised =
        (Unsigned)bits<T>(x) - (Unsigned)(Int<T>{} + (root_half - F::bias * one));
    const Int<T> k = (Int<T>)(raised >> F::mantissa) - Lane(F::bias) + more;
    const Vec<T> m = from_bits<T>(((Int<T>)raised & (one - 1)) + root_half);
    const Vec<T> n = from_integer<T>(k);
    const Vec<T> f = m - T(1), s = f / (f + T(2)), z = s * s, half = T(0.5) * f * f;
    static constexpr LogSeries<T> series;
    const Vec<T> rest = z * polynomial<T>(z, series.c);
    return fma<T>(n, F::ln2_high, f - (half - fma<T>(s, half + rest, n * F::ln2_low)));
}

template <class T>
inline Vec<T> log(Vec<T> x) {
    using F = Format<T>;
    using Lane = typename Simd<T>::Lane;
    const T lift = T(Lane(1) << (F::mantissa + 2));
    const auto low = x < F::tiny;
    const Vec<T> y =
        log_of_normal<T>(low ? x * lift : x, low ? Int<T>{} - Lane(F::mantissa + 2) : Int<T>{});
    const T infinity = T(__builtin_inf());
    Vec<T> result = x == infinity ? x : y;
    result = x == T(0) ? splat(-infinity) : result;
    return x >= T(0) ? result : splat(T(__builtin_nan("")));
}

// log(1 + x) for 0 ≤ x ≤ 1, u = 1 + x, share = 1/u: the rounding error of 1 + x is corrected, and
// NaN is kept.
template <class T>
inline Vec<T> log1p_shared(Vec<T> x, Vec<T> u, Vec<T> share) {
    return fma<T>(x - (u - T(1)), share, log_of_normal<T>(u, Int<T>{}));
}
template <class T>
inline Vec<T> log1p(Vec<T> x) {
    const Vec<T> u = x + T(1);
    return log1p_shared<T>(x, u, T(1) / u);
}

template <class T>
inline Vec<T> tanh(Vec<T> x) {
    const Vec<T> a = absolute<T>(x);
    Vec<T> lost;
    const Vec<T> t = expm1<T>(T(2) * (a > T(22) ? splat(T(22)) : a), lost), d = t + T(2);
    Vec<T> y = t / d;
    // Correct for the rounding errors of t and d; 1/d = (1 − y)/2. From 2⁵⁴ on, d − 2 is rounded
    // too, but there y is 1 to within its last bit.
    if constexpr (sizeof(T) == 8) {
        const Vec<T> rest = T(1) - y, off = fma<T>(lost, rest, y * ((d - T(2)) - t));
        y = a > T(18.7) ? splat(T(1)) : fma<T>(T(0.5) * rest, off, y);
    }
    return from_bits<T>(bits<T>(y) | (bits<T>(x) & bits<T>(splat(T(-0.0)))));  // the sign of x
}

template <class T>
inline Vec<T> logistic(Vec<T> x) {
    const Vec<T> t = exp_of_negative<T>(-absolute<T>(x)), d = t + T(1);
    const Vec<T> y = (x < T(0) ? t : splat(T(1))) / d;
    if constexpr (sizeof(T) == 4) return y;
    // Correct for the rounding error of d; 1/d is y, or 1 − y.
    return fma<T>(y * (x < T(0) ? T(1) - y : y), (d - T(1)) - t, y);
}

template <class T>
inline Vec<T> softplus(Vec<T> x) {
    return (x < T(0) ? Vec<T>{} : x) + log1p<T>(exp_of_negative<T>(-absolute<T>(x)));
}

// erfc x for x ≥ 1, as e^(−x²)/x times a polynomial in (x − 3)/(x + 3); e: e^(−x²).
template <class T>
inline Vec<T> erfc_tail(Vec<T> x, Vec<T> e) {
    const Vec<T> inside = x > T(6) ? splat(T(6)) : x;
    const Vec<T> t = (inside - T(3)) / (inside + T(3));
    return e * polynomial<T>(t, Format<T>::erfc_tail) / x;
}

// erf x for |x| ≤ 1: x plus x times a polynomial in x², which is small.
template <class T>
inline Vec<T> erf_near(Vec<T> x) {
    return fma<T>(x, polynomial<T>(x * x, Format<T>::erf_small), x);
}

template <class T>
inline Vec<T> erf(Vec<T> x) {
    const Vec<T> a = absolute<T>(x);
    const Vec<T> near = erf_near<T>(x);
    const Vec<T> far = T(1) - erfc_tail<T>(a, exp<T>(-a * a));
    return a < T(1) ? near : (x < T(0) ? -far : far);
}

// Φ(x) = ½ erfc(−x/√2), the normal distribution function; far on the left, where it is close to 0,
// to some 20 units in the last place, which does not matter for z Φ(z).
template <class T>
inline Vec<T> normal_cdf(Vec<T> x, Vec<T> e) {  // e: e^(−x²/2)
    const Vec<T> u = x * T(0.70710678118654752), a = absolute<T>(u);
    const Vec<T> near = fma<T>(T(0.5), erf_near<T>(u), splat(T(0.5)));
    const Vec<T> tail = T(0.5) * erfc_tail<T>(a, e);
    return a < T(1) ? near : (x < T(0) ? tail : T(1) - tail);
}
template <class T>
inline Vec<T> normal_cdf(Vec<T> x) {
    return normal_cdf<T>(x, exp<T>(T(-0.5) * x * x));
}

// sin 2πt for |t| ≤ ¼.
template <class T>
inline Vec<T> sine_of_quarter(Vec<T> t) {
    static constexpr SineSeries<T> series;
    return t * polynomial<T>(t * t, series.c);
}

// cos 2πu and sin 2πu, to within a few units in the last place of 1 and of u.
template <class T>
inline void cosine_sine(Vec<T> u, Vec<T>& cosine, Vec<T>& sine) {
    const Vec<T> rounder = splat(Format<T>::rounder);
    const Vec<T> r = u - ((u + rounder) - rounder), a = absolute<T>(r);  // a ≤ ½
    cosine = sine_of_quarter<T>(T(0.25) - a);
    const Vec<T> other = r < T(0) ? T(-0.5) - r : T(0.5) - r;
    sine = sine_of_quarter<T>(a > T(0.25) ? other : r);
}

}  // namespace
}  // namespace multilayer::MULTILAYER_ISA
