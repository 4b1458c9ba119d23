// Output units: h from z, and what it costs, for one group of examples in the lanes.
#pragma once

#include "codes.hpp"
#include "math.hpp"

namespace multilayer::MULTILAYER_ISA {
namespace {

// z (K, lanes) of one vector of examples; units lie `stride` numbers apart. z becomes h.
template <class T>
void softmax(T* z, i64 K, i64 stride, Vec<T>& top, Vec<T>& total) {
    top = load(z);
    for (i64 k = 1; k < K; ++k) {
        const Vec<T> x = load(z + k * stride);
        top = x > top ? x : top;
    }
    total = Vec<T>{};
    for (i64 k = 0; k < K; ++k) {
        const Vec<T> e = exp<T>(load(z + k * stride) - top);
        store(z + k * stride, e);
        total += e;
    }
    const Vec<T> share = T(1) / total;
    for (i64 k = 0; k < K; ++k) store(z + k * stride, load(z + k * stride) * share);
}

// h = what the network says, in place of z.
template <class T>
void say(Output output, T* z, i64 K, i64 stride) {
    Vec<T> top, total;
    switch (output) {
        case Output::softmax:
            return softmax(z, K, stride, top, total);
        case Output::logistic:
            for (i64 k = 0; k < K; ++k) store(z + k * stride, logistic<T>(load(z + k * stride)));
            return;
        case Output::exp:
            for (i64 k = 0; k < K; ++k) store(z + k * stride, exp<T>(load(z + k * stride)));
            return;
        case Output::identity:
            return;
    }
}

// The cost of each example, its weight left out. z becomes h.
template <class T>
Vec<T> cost(Output output, T* z, const T* y, i64 K, i64 stride) {
    Vec<T> J = {};
    switch (output) {
        case Output::softmax: {
            // J = Σ yₖ (log Σ e^zⱼ − zₖ), summed before z is gone.
            Vec<T> top = load(z), dot = {}, weight = {}, total;
            for (i64 k = 1; k < K; ++k) {
                const Vec<T> x = load(z + k * stride);
                top = x > top ? x : top;
            }
            for (i64 k = 0; k < K; ++k) {
                const Vec<T> t = load(y + k * stride);
                dot += t == T(0) ? Vec<T>{} : t * (load(z + k * stride) - top);
                weight += t;
            }
            softmax(z, K, stride, top, total);
            return weight * log<T>(total) - dot;
        }
        case Output::logistic:
            for (i64 k = 0; k < K; ++k) {
                // One e^−|z| serves both h and the cost, log(1 + e^z) − y z.
                const Vec<T> x = load(z + k * stride), e = exp_of_negative<T>(-absolute<T>(x));
                const Vec<T> u = e + T(1), share = T(1) / u;
                const auto low = x < T(0);
                J += (low ? Vec<T>{} : x) + log1p_shared<T>(e, u, share) - load(y + k * stride) * x;
                store(z + k * stride, low ? e * share : share);
            }
            return J;
        case Output::exp:
            for (i64 k = 0; k < K; ++k) {
                const Vec<T> x = load(z + k * stride), h = exp<T>(x);
                J += h - load(y + k * stride) * x;
                store(z + k * stride, h);
            }
            return J;
        case Output::identity:
            for (i64 k = 0; k < K; ++k) {
                const Vec<T> error = load(z + k * stride) - load(y + k * stride);
                J += T(0.5) * error * error;
            }
            return J;
    }
    return J;
}

}  // namespace
}  // namespace multilayer::MULTILAYER_ISA
