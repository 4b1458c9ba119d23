// Output units: h from z, and what it costs, for one group of examples in the lanes.
#pragma once

#include "codes.hpp"
#include "kernels.hpp"
#include "math.hpp"

namespace multilayer::MULTILAYER_ISA {
namespace {

// The vectors of a group go side by side through all of this: one would wait for itself at each
// step of a long chain of arithmetic.
template <class T>
using Group = Vec<T>[wide];

// f(n, at) for the vectors of (K, group) numbers: the nth of a unit begins at number `at`.
template <class T, class F>
inline void each_vector(i64 K, F f) {
    for (i64 k = 0; k < K; ++k)
        for (int n = 0; n < wide; ++n) f(n, k * group_size<T> + n * lanes<T>);
}

// z (K, group) becomes h; top: the largest z of each example, total: Σ e^(z − top).
template <class T>
void softmax(T* z, i64 K, Group<T>& top, Group<T>& total) {
    for (int n = 0; n < wide; ++n) {
        top[n] = load(z + n * lanes<T>);
        total[n] = Vec<T>{};
    }
    each_vector<T>(K, [&](int n, i64 at) {
        const Vec<T> x = load(z + at);
        top[n] = x > top[n] ? x : top[n];
    });
    each_vector<T>(K, [&](int n, i64 at) {
        const Vec<T> e = exp<T>(load(z + at) - top[n]);
        store(z + at, e);
        total[n] += e;
    });
    Group<T> share;
    for (int n = 0; n < wide; ++n) share[n] = T(1) / total[n];
    each_vector<T>(K, [&](int n, i64 at) { store(z + at, load(z + at) * share[n]); });
}

// h = what the network says, in place of z (K, group).
template <class T>
void say(Output output, T* z, i64 K) {
    Group<T> top, total;
    switch (output) {
        case Output::softmax:
            return softmax(z, K, top, total);
        case Output::logistic:
            return each_vector<T>(K,
                                  [=](int, i64 at) { store(z + at, logistic<T>(load(z + at))); });
        case Output::exp:
            return each_vector<T>(K, [=](int, i64 at) { store(z + at, exp<T>(load(z + at))); });
        case Output::identity:
            return;
    }
}

// J: the cost of each example, its weight left out. z (K, group) becomes h.
template <class T>
void cost(Output output, T* z, const T* y, i64 K, Group<T>& J) {
    for (int n = 0; n < wide; ++n) J[n] = Vec<T>{};
    switch (output) {
        case Output::softmax: {
            // J = Σ yₖ (log Σ e^zⱼ − zₖ) = log Σ e^(zⱼ − top) Σ yₖ − Σ yₖ (zₖ − top), where h,
            // which takes the place of z, is e^(z − top) / total.
            Group<T> top, total, dot = {}, weight = {};
            for (int n = 0; n < wide; ++n) top[n] = load(z + n * lanes<T>);
            each_vector<T>(K, [&](int n, i64 at) {
                const Vec<T> x = load(z + at);
                top[n] = x > top[n] ? x : top[n];
            });
            each_vector<T>(K, [&](int n, i64 at) {
                const Vec<T> t = load(y + at);
                dot[n] += t == T(0) ? Vec<T>{} : t * (load(z + at) - top[n]);
                weight[n] += t;
            });
            softmax(z, K, top, total);
            for (int n = 0; n < wide; ++n) J[n] = weight[n] * log<T>(total[n]) - dot[n];
            return;
        }
        case Output::logistic:
            return each_vector<T>(K, [&](int n, i64 at) {
                // One e^−|z| serves both h and the cost, log(1 + e^z) − y z.
                const Vec<T> x = load(z + at), e = exp_of_negative<T>(-absolute<T>(x));
                const Vec<T> u = e + T(1), share = T(1) / u;
                const auto low = x < T(0);
                J[n] += (low ? Vec<T>{} : x) + log1p_shared<T>(e, u, share) - load(y + at) * x;
                store(z + at, low ? e * share : share);
            });
        case Output::exp:
            return each_vector<T>(K, [&](int n, i64 at) {
                const Vec<T> x = load(z + at), h = exp<T>(x);
                J[n] += h - load(y + at) * x;
                store(z + at, h);
            });
        case Output::identity:
            return each_vector<T>(K, [&](int n, i64 at) {
                const Vec<T> error = load(z + at) - load(y + at);
                J[n] += T(0.5) * error * error;
            });
    }
}

}  // namespace
}  // namespace multilayer::MULTILAYER_ISA
