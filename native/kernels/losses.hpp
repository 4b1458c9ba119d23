// Losses that are not the output unit's own, and label smoothing, for one group of examples in the
// lanes. The equations are those of losses.py.
#pragma once

#include "outputs.hpp"

namespace multilayer::MULTILAYER_ISA {
namespace {

// y becomes y (1 − ε) + ε/K, where K is the number of units of its softmax, or 2 for sigmoid units.
template <class T>
void smooth_targets(const BatchTask<T>& task, i64 K, int vectors, T* y) {
    const T keep = static_cast<T>(1 - task.smoothing);
    each_softmax(task, K, [&](i64 first, i64 units) {
        const double shared = task.output == Output::softmax ? static_cast<double>(units) : 2;
        const T off = static_cast<T>(task.smoothing / shared);
        each_vector<T>(units, vectors, [&](int, i64 at) {
            T* target = y + first * group_size<T> + at;
            store(target, load(target) * keep + off);
        });
    });
}

template <class T>
inline Vec<T> choose(Int<T> where, T yes, T no) {
    return where ? splat(yes) : splat(no);
}

// bᵞ for b from 0 to 1.
template <class T>
inline Vec<T> power(Vec<T> b, T gamma) {
    return b == T(0) ? splat(T(gamma == 0)) : exp_of_negative<T>(gamma * log<T>(b));
}

// The focal loss of one softmax. z (K, group) becomes δ; y is overwritten.
template <class T>
void focal(T* z, T* y, i64 K, int vectors, T gamma, Group<T>& J) {
    Group<T> top, rest = {}, ones = {}, total, log_total, sum = {};
    largest(z, K, vectors, top);
    each_vector<T>(K, vectors, [&](int n, i64 at) {
        const Vec<T> x = load(z + at) - top[n], e = exp<T>(x);
        store(z + at, x);
        rest[n] += e == T(1) ? Vec<T>{} : e;
        ones[n] += e == T(1) ? splat(T(1)) : Vec<T>{};
    });
    for (int n = 0; n < vectors; ++n) {
        // Σ e − 1 as the sum of all but one of the largest: a difference would lose small terms.
        rest[n] += ones[n] - T(1);
        total[n] = rest[n] + T(1);
        log_total[n] = log1p<T>(rest[n]);
    }
    const auto shares = [&](int n, i64 at, Vec<T>& h, Vec<T>& other) {
        const Vec<T> e = exp<T>(load(z + at));
        h = e / total[n];
        other = (e == T(1) ? rest[n] : total[n] - e) / total[n];
    };
    each_vector<T>(K, vectors, [&](int n, i64 at) {
        Vec<T> h, other;
        shares(n, at, h, other);
        const Vec<T> log_h = load(z + at) - log_total[n], t = load(y + at);
        const Vec<T> ratio = other == T(0) ? splat(T(-1)) : log_h / other;
        const Vec<T> counts = t * power<T>(other, gamma);
        const Vec<T> w = counts * (gamma * h * ratio - T(1));
        const auto none = t == T(0);
        J[n] -= none ? Vec<T>{} : counts * log_h;
        sum[n] += none ? Vec<T>{} : w;
        store(y + at, none ? Vec<T>{} : w);
    });
    each_vector<T>(K, vectors, [&](int n, i64 at) {
        Vec<T> h, other;
        shares(n, at, h, other);
        const Vec<T> w = load(y + at);
        store(z + at, w * other - h * (sum[n] - w));
    });
}

// J: the cost of each example, without its weight. z (K, group) becomes δ; y is overwritten.
template <class T>
void cost_and_delta(const BatchTask<T>& task, T* z, T* y, i64 K, int vectors, Group<T>& J) {
    using V = Vec<T>;
    const T number = task.loss_number;
    for (int n = 0; n < tile_vectors; ++n) J[n] = V{};
    // of(z, y, δ) returns the cost and sets δ.
    const auto each = [&](auto of) {
        each_vector<T>(K, vectors, [&](int n, i64 at) {
            V delta;
            J[n] += of(load(z + at), load(y + at), delta);
            store(z + at, delta);
        });
    };
    switch (task.loss) {
        case Loss::absolute_error:
            return each([](V x, V t, V& delta) {
                const V r = x - t;
                delta = choose<T>(r > T(0), 1, 0) - choose<T>(r < T(0), 1, 0);
                return absolute<T>(r);
            });
        case Loss::huber:
            return each([=](V x, V t, V& delta) {
                const V r = x - t, a = absolute<T>(r), c = a < number ? a : splat(number);
                delta = r < T(0) ? -c : c;
                return c * (a - T(0.5) * c);
            });
        case Loss::quantile:
            return each([=](V x, V t, V& delta) {
                const V e = t - x;
                delta = choose<T>(e < T(0), T(1) - number, 0) - choose<T>(e > T(0), number, 0);
                return T(0.5) * absolute<T>(e) + (number - T(0.5)) * e;
            });
        case Loss::gamma:
            return each([](V x, V t, V& delta) {
                const V ratio = t * exp<T>(-x);
                delta = T(1) - ratio;
                return ratio + x - log<T>(t) - T(1);
            });
        case Loss::focal:
            if (task.output == Output::softmax)
                return each_softmax(task, K, [&](i64 first, i64 units) {
                    const i64 at = first * group_size<T>;
                    focal(z + at, y + at, units, vectors, number, J);
                });
            return each([=](V x, V t, V& delta) {
                const V e = exp_of_negative<T>(-absolute<T>(x)), u = e + T(1), share = T(1) / u;
                const V flat = log1p_shared<T>(e, u, share), small = e * share;
                const auto low = x < T(0);
                const V h = low ? small : share, other = low ? share : small;
                const V s = flat + (low ? -x : V{}),
                        l = flat + (low ? V{} : x);  // −log h, −log(1−h)
                const V yes = t * exp_of_negative<T>(-number * l);
                const V no = (T(1) - t) * exp_of_negative<T>(-number * s);
                delta = no * (h + number * other * l) - yes * (other + number * h * s);
                return yes * s + no * l;
            });
        case Loss::own:
            return;
    }
}

}  // namespace
}  // namespace multilayer::MULTILAYER_ISA
