// Activations that are mixed with z: a = z + α (g(z) − z), the share α of each unit trained
// (He et al., arXiv 1502.01852, where g is relu; Holzmüller et al., arXiv 2407.04491).
#pragma once

#include "dropout.hpp"
#include "extra_parameters.hpp"

namespace multilayer::MULTILAYER_ISA {
namespace {

// z (units, group) becomes a; difference, g(z) − z; slope, if it is given, ∂a/∂z.
template <class T>
void mix(Activation g, const T* alpha, i64 units, T* z, T* slope, T* difference) {
    constexpr int size = group_size<T>;
    const i64 n = units * size;
    const bool relu = g == Activation::relu;  // the dense kernel has not applied it
    for (i64 i = 0; i < n; i += lanes<T>) {
        const Vec<T> x = load(z + i);
        store(difference + i, relu && x < T(0) ? Vec<T>{} : x);
    }
    activate(g, difference, slope, n);
    if (slope && !slope_from_z(g)) slopes(g, difference, slope, n);
    for (i64 unit = 0; unit < units; ++unit) {
        const Vec<T> share = splat(alpha[unit]);
        for (i64 i = unit * size; i < (unit + 1) * size; i += lanes<T>) {
            const Vec<T> x = load(z + i), d = load(difference + i) - x;
            store(z + i, x + share * d);
            store(difference + i, d);
            if (slope) store(slope + i, T(1) + share * (load(slope + i) - T(1)));
        }
    }
}

// Σ δ (g(z) − z) over the examples of a group, for each unit.
template <class T>
void mix_sums(const T* delta, const T* difference, i64 units, T* sums) {
    constexpr int n = lanes<T>, size = group_size<T>;
    for (i64 first = 0; first < units; first += n) {
        const int some = units - first < n ? static_cast<int>(units - first) : n;
        Vec<T> square[n] = {}, total = {};
        for (int i = 0; i < some; ++i)
            for (i64 at = (first + i) * size; at < (first + i + 1) * size; at += n)
                square[i] += load(delta + at) * load(difference + at);
        transpose<T>(square);
        for (int i = 0; i < n; ++i) total += square[i];
        put(sums + first, total, some);
    }
}

template <class T>
void update_mix(const BatchTask<T>& task, const Layer<T>& layer) {
    for_vectors<T>(Columns{0, layer.out, 1}, [&](i64 unit, int n) {
        Vec<T> total = {};
        for (i64 group = 0; group < groups_of(task); ++group)
            total += get(layer.mix_sums + group * layer.out + unit, n);
        T sums[lanes<T>];
        put(sums, total, n);
        add(task, layer.mix, unit, sums, n);
    });
    finish(task, layer.mix, 0, layer.out);
}

}  // namespace
}  // namespace multilayer::MULTILAYER_ISA
