// Forward propagation of a single row. In a group, one lane of each vector would be of use; here
// units lie in the lanes: squares of Θ are transposed in registers, so that each of their columns
// is multiplied by one input. Sums run in the order in which they run in groups: the bits are the
// same.
#pragma once

#include "activations.hpp"
#include "gather.hpp"
#include "outputs.hpp"

namespace multilayer::MULTILAYER_ISA {
namespace {

// So many rows are faster one by one than as a group.
constexpr i64 few_rows = 2;

// z = b + Θ a of one example, (units), in whole vectors; those of a end with zeros.
template <class T>
void dense_row(const Layer<T>& layer, const T* a, T* z) {
    constexpr int n = lanes<T>;
    const ThetaArray<T> theta = layer.theta;
    for (i64 unit = 0; unit < layer.out; ++unit) z[unit] = theta.biases[unit * theta.bias_step];
    const auto add = [&](i64 k, auto inputs, i64 unit, auto units) {
        const T* weights = theta.weights + unit * theta.row_step + k;
        Vec<T> square[n] = {}, sum = get(z + unit, units);
        for (int i = 0; i < units; ++i) square[i] = get(weights + i * theta.row_step, inputs);
        transpose<T>(square);
        for (int i = 0; i < inputs; ++i) sum = fma<T>(square[i], splat(a[k + i]), sum);
        store(z + unit, sum);
    };
    // Units in the inner loop: their sums do not wait for each other.
    for_vectors<T>(0, layer.in, [&](i64 k, int inputs) {
        for_vectors<T>(0, layer.out, [&](i64 unit, int units) {
            constexpr std::integral_constant<int, n> all;  // a square stays in registers
            if (inputs == n && units == n)
                add(k, all, unit, all);
            else
                add(k, inputs, unit, units);
        });
    });
}

// Whether the rows of a task can be propagated one by one.
template <class T>
bool row_by_row(const BatchTask<T>& task) {
    bool plain = task.count <= few_rows && !task.X.sparse() && !task.embedding;
    for (int l = 0; l < task.n_layers; ++l) plain = plain && !task.layers[l].mix.values;
    return plain;
}

// H of one row; `scratch` holds that of a group.
template <class T>
void predict_row(const BatchTask<T>& task, i64 example, T* scratch) {
    constexpr int n = lanes<T>, size = group_size<T>;
    const i64 place = task.first + example, row = task.order ? task.order[place] : place;
    T* a = scratch;
    for (i64 k = 0; k < task.X.columns; k += n) store(a + k, row_vector(task.X, row, k));
    for (int l = 0; l < task.n_layers; ++l) {
        const Layer<T>& layer = task.layers[l];
        const i64 whole = (layer.out + n - 1) / n * n;
        T* const z = a + padded_units(layer.in, size);
        dense_row(layer, a, z);
        a = z;
        if (l + 1 == task.n_layers) break;
        if (layer.activation == Activation::relu)
            for (i64 i = 0; i < whole; i += n) {
                const Vec<T> x = load(z + i);
                store(z + i, x < T(0) ? Vec<T>{} : x);
            }
        else
            activate<T>(layer.activation, z, nullptr, whole, n);
    }
    // Output units work on groups: the example takes one lane.
    const i64 K = task.layers[task.n_layers - 1].out;
    T* const h = a + padded_units(K, size);
    for (i64 k = 0; k < K; ++k) store(h + k * size, splat(a[k]));
    apply_output(task, h, K, 1);
    for (i64 k = 0; k < K; ++k) task.H[place * K + k] = h[k * size];
}

}  // namespace
}  // namespace multilayer::MULTILAYER_ISA
