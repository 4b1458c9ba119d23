// Activations that are mixed with z: a = z + α (g(z) − z), the share α of each unit trained
// (He et al., arXiv 1502.01852, where g is relu; Holzmüller et al., arXiv 2407.04491).
#pragma once

#include "dropout.hpp"
#include "extra_parameters.hpp"
#include "gather.hpp"

namespace multilayer::MULTILAYER_ISA {
namespace {

// z (units, group) becomes a; difference, g(z) − z; slope, if it is given, ∂a/∂z.
template <class T>
void mix(Activation g, const T* alpha, i64 units, i64 step, T* z, T* slope, T* difference) {
    constexpr int size = group_size<T>;
    const i64 n = units * size;
    const bool relu = g == Activation::relu;  // the dense kernel has not applied it
    for (i64 i = 0; i < n; i += step) {
        const Vec<T> x = load(z + i);
        store(difference + i, relu && x < T(0) ? Vec<T>{} : x);
    }
    activate(g, difference, slope, n, step);
    if (slope && !slope_from_z(g)) slopes(g, difference, slope, n, step);
    for (i64 unit = 0; unit < units; ++unit) {
        const Vec<T> share = splat(alpha[unit]);
        for (i64 i = unit * size; i < (unit + 1) * size; i += step) {
            const Vec<T> x = load(z + i), d = load(difference + i) - x;
            store(z + i, fma<T>(share, d, x));
            store(difference + i, d);
            if (slope) store(slope + i, fma<T>(share, load(slope + i) - T(1), splat(T(1))));
        }
    }
}

// Σ δ (g(z) − z) over the examples of each strip of a group, for each unit: (strip, unit).
template <class T>
void mix_sums(const T* delta, const T* difference, i64 units, int vectors, T* sums) {
    constexpr int n = lanes<T>, size = group_size<T>;
    for (int begin = 0; begin < vectors; begin += strip_vectors, sums += units)
        for (i64 first = 0; first < units; first += n) {
            const int some = units - first < n ? static_cast<int>(units - first) : n;
            Vec<T> square[strip_vectors][n] = {};
            for (int v = 0; v < strip_vectors && begin + v < vectors; ++v)
                for (int i = 0; i < some; ++i) {
                    const i64 at = (first + i) * size + (begin + v) * n;
                    square[v][i] = load(delta + at) * load(difference + at);
                }
            put(sums + first, sums_of_units<T>(square), some);
        }
}

template <class T>
void update_mix(const BatchTask<T>& task, const Layer<T>& layer) {
    for_vectors<T>(0, layer.out, [&](i64 unit, int n) {
        Vec<T> total = {};
        for (i64 at = 0; at * strip<T> < task.count; ++at)
            total += get(layer.mix_sums + at * layer.out + unit, n);
        T sums[lanes<T>];
        put(sums, total, n);
        add(task, layer.mix, unit, sums, n);
    });
    finish(task, layer.mix, 0, layer.out);
}

}  // namespace
}  // namespace multilayer::MULTILAYER_ISA
