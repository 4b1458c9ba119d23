// Activations and their slopes, on numbers 0 … n, of which a vector every `step` is computed (see
// Groups in gather.hpp). A slope is computed from a = g(z) if a
// determines it; if not, forward propagation stores it for backpropagation.
#pragma once

#include "../codes.hpp"
#include "math.hpp"

namespace multilayer::MULTILAYER_ISA {
namespace {

constexpr bool slope_from_z(Activation activation) {
    return activation == Activation::gelu || activation == Activation::silu ||
           activation == Activation::mish;
}

// z becomes a = g(z).
template <class T, class G>
inline void map(T* z, i64 n, i64 step, G g) {
    for (i64 i = 0; i < n; i += step) store(z + i, g(load(z + i)));
}

// z becomes a = g(z); slope, if it is given, becomes g′(z).
template <class T, class G>
inline void map_with_slope(T* z, T* slope, i64 n, i64 step, G g) {
    for (i64 i = 0; i < n; i += step) {
        Vec<T> a, d;
        g(load(z + i), a, d);
        store(z + i, a);
        if (slope) store(slope + i, d);
    }
}

template <class T>
void activate(Activation activation, T* z, T* slope, i64 n, i64 step) {
    using V = Vec<T>;
    const V zero = {};
    switch (activation) {
        case Activation::identity:
        case Activation::relu:  // the dense kernel has applied it
            return;
        case Activation::logistic:
            return map(z, n, step, [](V x) { return logistic<T>(x); });
        case Activation::tanh:
            return map(z, n, step, [](V x) { return tanh<T>(x); });
        case Activation::leaky_relu:
            return map(z, n, step, [=](V x) { return x < zero ? x * T(leak) : x; });
        case Activation::elu:
            return map(z, n, step,
                       [=](V x) { return x < zero ? expm1<T>(x < zero ? x : zero) : x; });
        case Activation::selu:
            return map(z, n, step, [=](V x) {
                const V low = T(selu_alpha) * expm1<T>(x < zero ? x : zero);
                return T(selu_scale) * (x < zero ? low : x);
            });
        case Activation::softplus:
            return map(z, n, step, [](V x) { return softplus<T>(x); });
        case Activation::gelu:
            return map_with_slope(z, slope, n, step, [](V x, V& a, V& d) {
                const V e = exp<T>(T(-0.5) * x * x), cdf = normal_cdf<T>(x, e);
                const V density = e * T(0.39894228040143268);
                // Beyond 40 both are 0 or 1 to the last bit, and ∞ · 0 would not be.
                const V inside = absolute<T>(x) > T(40) ? V{} : x;
                a = x < T(-40) ? V{} : x * cdf;
                d = cdf + inside * density;
            });
        case Activation::silu:
            return map_with_slope(z, slope, n, step, [=](V x, V& a, V& d) {
                // One e^−|x| and one division serve σ(x) and σ(−x) = 1 − σ(x).
                const V e = exp_of_negative<T>(-absolute<T>(x)), share = T(1) / (e + T(1));
                const auto low = x < zero;
                const V s = low ? e * share : share, other = low ? share : e * share;
                a = x * s;
                d = s * fma<T>(x, other, splat(T(1)));
            });
        case Activation::mish:
            return map_with_slope(z, slope, n, step, [=](V x, V& a, V& d) {
                // tanh(log(1 + e)) = ((1 + e)² − 1)/((1 + e)² + 1), e = eᶻ: 1 to the last bit
                // where z > 30.
                const V e = exp<T>(x > T(30) ? zero + T(30) : x);
                const V top = e * (e + T(2)), share = T(1) / (top + T(2)), t = top * share;
                a = x * t;
                // σ(x) (1 − t²), where 1 − t² = 4 (1 + e)²/(…)² and σ(x) = e/(1 + e)
                d = fma<T>(x, T(4) * (e * share) * fma<T>(e, share, share), t);
            });
    }
}

// δ becomes δ ⊙ g′(z), where a = g(z).
template <class T>
void times_slope(Activation activation, const T* a, T* delta, i64 n, i64 step) {
    using V = Vec<T>;
    const V zero = {};
    const auto each = [=](auto slope) {
        for (i64 i = 0; i < n; i += step) store(delta + i, load(delta + i) * slope(load(a + i)));
    };
    switch (activation) {
        case Activation::logistic:
            return each([](V g) { return g * (T(1) - g); });
        case Activation::tanh:
            return each([](V g) { return (T(1) - g) * (T(1) + g); });
        case Activation::leaky_relu:
            return each([=](V g) { return g > zero ? zero + T(1) : zero + T(leak); });
        case Activation::elu:
            return each([=](V g) { return g > zero ? zero + T(1) : g + T(1); });
        case Activation::selu:
            return each([=](V g) {
                return g > zero ? zero + T(selu_scale) : g + T(selu_scale * selu_alpha);
            });
        case Activation::softplus:  // σ(z) = 1 − e^(−softplus(z))
            return each([=](V g) { return -expm1<T>(-g); });
        default:  // the kernel applies those of identity and relu, the caller those that are stored
            return;
    }
}

}  // namespace
}  // namespace multilayer::MULTILAYER_ISA
