// Output units: h from z, and its cost, for one group of examples in the lanes.
#pragma once

#include "../batch_task.hpp"
#include "../codes.hpp"
#include "math.hpp"
#include "tiles.hpp"

namespace multilayer::MULTILAYER_ISA {
namespace {

// A vector for each vector of a group. The first `vectors` of a group are computed.
template <class T>
using Group = Vec<T>[tile_vectors];

// Calls f(n, at) for the vectors of (K, group) numbers: the nth of a unit begins at number `at`.
template <class T, class F>
inline void each_vector(i64 K, int vectors, F f) {
    if (vectors == 1)
        for (i64 at = 0; at < K * group_size<T>; at += group_size<T>) f(0, at);
    else
        for (i64 k = 0; k < K; ++k)
            for (int n = 0; n < tile_vectors; ++n) f(n, k * group_size<T> + n * lanes<T>);
}

// Calls f(first, n) for each softmax, whose n units begin at `first`.
template <class T, class F>
inline void each_softmax(const BatchTask<T>& task, i64 K, F f) {
    if (task.n_groups == 0) return f(i64(0), K);
    for (i64 i = 0, first = 0; i < task.n_groups; first += task.groups[i++])
        f(first, task.groups[i]);
}

// The largest z of each example.
template <class T>
void largest(const T* z, i64 K, int vectors, Group<T>& top) {
    for (int n = 0; n < vectors; ++n) top[n] = load(z + n * lanes<T>);
    each_vector<T>(K, vectors, [&](int n, i64 at) {
        const Vec<T> x = load(z + at);
        top[n] = x > top[n] ? x : top[n];
    });
}

// z (K, group) becomes h; top: the largest z of each example, total: Σ e^(z − top).
template <class T>
void softmax(T* z, i64 K, int vectors, const Group<T>& top, Group<T>& total) {
    for (int n = 0; n < vectors; ++n) total[n] = Vec<T>{};
    each_vector<T>(K, vectors, [&](int n, i64 at) {
        const Vec<T> e = exp<T>(load(z + at) - top[n]);
        store(z + at, e);
        total[n] += e;
    });
    Group<T> share = {};
    for (int n = 0; n < vectors; ++n) share[n] = T(1) / total[n];
    each_vector<T>(K, vectors, [&](int n, i64 at) { store(z + at, load(z + at) * share[n]); });
}

// z (K, group) becomes h, the output of the network.
template <class T>
void apply_output(const BatchTask<T>& task, T* z, i64 K, int vectors) {
    switch (task.output) {
        case Output::softmax:
            return each_softmax(task, K, [&](i64 first, i64 units) {
                Group<T> top, total;
                T* x = z + first * group_size<T>;
                largest(x, units, vectors, top);
                softmax(x, units, vectors, top, total);
            });
        case Output::logistic:
            return each_vector<T>(K, vectors,
                                  [=](int, i64 at) { store(z + at, logistic<T>(load(z + at))); });
        case Output::exp:
            return each_vector<T>(K, vectors,
                                  [=](int, i64 at) { store(z + at, exp<T>(load(z + at))); });
        case Output::identity:
            return;
    }
}

// Adds Σ yₖ (log Σ e^zⱼ − zₖ) = log Σ e^(zⱼ − top) Σ yₖ − Σ yₖ (zₖ − top) to J; z becomes h,
// e^(z − top) / total.
template <class T>
void cross_entropy(T* z, const T* y, i64 K, int vectors, Group<T>& J) {
    Group<T> top, total, dot = {}, weight = {};
    largest(z, K, vectors, top);
    each_vector<T>(K, vectors, [&](int n, i64 at) {
        const Vec<T> t = load(y + at);
        dot[n] += t == T(0) ? Vec<T>{} : t * (load(z + at) - top[n]);
        weight[n] += t;
    });
    softmax(z, K, vectors, top, total);
    for (int n = 0; n < vectors; ++n) J[n] += weight[n] * log<T>(total[n]) - dot[n];
}

// The same where each y is 1 for the class of the example and 0 elsewhere, in fewer passes: z
// becomes the weighted δ, written to `delta` if that is given.
template <class T>
void cross_entropy_of_classes(T* z,
                              const i64* classes,  // of the examples
                              const Group<T>& weight,
                              i64 K,
                              int vectors,
                              T* delta,
                              Group<T>& J) {
    Group<T> top, total = {};
    alignas(64) T own[group_size<T>];
    const auto pick = [&] {
        for (int b = 0; b < vectors * lanes<T>; ++b) own[b] = z[classes[b] * group_size<T> + b];
    };
    largest(z, K, vectors, top);
    pick();
    for (int n = 0; n < vectors; ++n) J[n] = load(own + n * lanes<T>) - top[n];
    each_vector<T>(K, vectors, [&](int n, i64 at) {
        const Vec<T> e = exp<T>(load(z + at) - top[n]);
        store(z + at, e);
        total[n] += e;
    });
    for (int n = 0; n < vectors; ++n) J[n] = log<T>(total[n]) - J[n];
    if (!delta) return;
    pick();
    for (int n = 0; n < vectors; ++n) total[n] = T(1) / total[n];
    each_vector<T>(K, vectors, [&](int n, i64 at) {
        store(delta + at, weight[n] * (load(z + at) * total[n]));
    });
    for (int n = 0; n < vectors; ++n) {
        T* of_vector = own + n * lanes<T>;
        store(of_vector, weight[n] * (load(of_vector) * total[n] - T(1)));
    }
    for (int b = 0; b < vectors * lanes<T>; ++b) delta[classes[b] * group_size<T> + b] = own[b];
}

// J: the cost of each example, without its weight, by the output unit's own loss. z (K, group)
// becomes h; δ = h − y.
template <class T>
void cost_and_output(const BatchTask<T>& task, T* z, const T* y, i64 K, int vectors, Group<T>& J) {
    for (int n = 0; n < tile_vectors; ++n) J[n] = Vec<T>{};
    switch (task.output) {
        case Output::softmax:
            return each_softmax(task, K, [&](i64 first, i64 units) {
                const i64 at = first * group_size<T>;
                cross_entropy(z + at, y + at, units, vectors, J);
            });
        case Output::logistic:
            return each_vector<T>(K, vectors, [&](int n, i64 at) {
                // One e^−|z| serves both h and the cost, log(1 + e^z) − y z.
                const Vec<T> x = load(z + at), e = exp_of_negative<T>(-absolute<T>(x));
                const Vec<T> u = e + T(1), share = T(1) / u;
                const auto low = x < T(0);
                J[n] += (low ? Vec<T>{} : x) + log1p_shared<T>(e, u, share) - load(y + at) * x;
                store(z + at, low ? e * share : share);
            });
        case Output::exp:
            return each_vector<T>(K, vectors, [&](int n, i64 at) {
                const Vec<T> x = load(z + at), h = exp<T>(x), t = load(y + at), one = splat(T(1));
                const Vec<T> entropy = t * log<T>(t > T(0) ? t : one);
                J[n] += entropy - t + h - t * x;
                store(z + at, h);
            });
        case Output::identity:
            return each_vector<T>(K, vectors, [&](int n, i64 at) {
                const Vec<T> error = load(z + at) - load(y + at);
                J[n] += T(0.5) * error * error;
            });
    }
}

}  // namespace
}  // namespace multilayer::MULTILAYER_ISA
