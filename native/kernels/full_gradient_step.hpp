// Phase 3, only for steps that need the whole gradient (to clip its norm) or whole rows of Θ (to
// limit their norms), or whose penalty is not Σθ² alone. Phase 2 has then only stored D.
#pragma once

#include "optimizers.hpp"

namespace multilayer::MULTILAYER_ISA {
namespace {

// The weights of an item of phase 3: some units of a layer, with all of their inputs.
template <class T>
struct Units {
    const Layer<T>* layer;
    const Layer<T>* arrays;  // `layer`, or its transposed arrays, (in + 1, out)
    i64 first, last, in, out;

    Units(const BatchTask<T>& task, i64 item) : layer(task.layers) {
        while (layer + 1 < task.layers + task.n_layers && layer[1].first_unit_item <= item) ++layer;
        in = layer->in;
        out = layer->out;
        first = (item - layer->first_unit_item) * units_per_item;
        last = first + units_per_item < out ? first + units_per_item : out;
        const bool transposed = task.X.sparse() && layer == task.layers;
        arrays = transposed ? &task.sparse.transposed : layer;
    }

    // Calls f(place, n, bias) for runs of n numbers, at most a vector, that together are the
    // weights; and end(first, last) after the last run of these units: of one unit, or, if units
    // lie in the lanes, of a vector of them.
    template <class F, class G>
    void each(F f, G end) const {
        if (arrays == layer) {
            for (i64 unit = first; unit < last; ++unit) {
                const i64 row = unit * (in + 1);
                f(row, 1, true);
                for_vectors<T>(Columns{1, in + 1, 1},
                               [&](i64 column, int n) { f(row + column, n, false); });
                end(unit, unit + 1);
            }
            return;
        }
        for_vectors<T>(Columns{first, last, 1}, [&](i64 unit, int n) {
            for (i64 k = 0; k <= in; ++k) f(k * out + unit, n, k == 0);
            end(unit, unit + n);
        });
    }
    template <class F>
    void each(F f) const {
        each(f, [](i64, i64) {});
    }
};

template <class T>
void measure_gradient(const BatchTask<T>& task, i64 item) {
    const Units<T> units(task, item);
    Vec<T> squares = {};
    units.each([&](i64 place, int n, bool) {
        const Vec<T> D = get(units.arrays->gradient + place, n);
        squares += D * D;
    });
    task.norms[item] = sum<T>(squares);
}

// Σθ² and Σ|θ|, without biases.
template <class T>
void measure_penalty(const BatchTask<T>& task, i64 item) {
    const Units<T> units(task, item);
    Vec<T> squares = {}, magnitudes = {};
    units.each([&](i64 place, int n, bool bias) {
        if (bias) return;
        const Vec<T> theta = get(units.arrays->theta + place, n);
        squares += theta * theta;
        magnitudes += absolute<T>(theta);
    });
    task.penalties[item] = sum<T>(squares);
    task.magnitudes[item] = sum<T>(magnitudes);
}

// Scales the incoming weights of some units down to the largest norm allowed.
template <class T>
void limit_norms(const BatchTask<T>& task, i64 item) {
    const Units<T> units(task, item);
    T* theta = units.arrays->theta;
    const bool in_lanes = units.arrays != units.layer;
    Vec<T> squares = {}, scales[units_per_item];
    units.each(
        [&](i64 place, int n, bool bias) {
            const Vec<T> value = get(theta + place, n);
            if (!bias) squares += value * value;
        },
        [&](i64 first, i64) {
            const Vec<T> all = in_lanes ? squares : splat(static_cast<T>(sum<T>(squares)));
            const Vec<T> norm = square_root<T>(all), most = splat(task.max_norm);
            scales[first - units.first] = norm > most ? most / norm : splat(T(1));
            squares = Vec<T>{};
        });
    i64 at = 0;
    units.each(
        [&](i64 place, int n, bool bias) {
            if (!bias) put(theta + place, get(theta + place, n) * scales[at], n);
        },
        [&](i64, i64 last) { at = last - units.first; });
}

template <class T>
void full_gradient_step(const BatchTask<T>& task, i64 item) {
    const Units<T> units(task, item);
    const Layer<T>& arrays = *units.arrays;
    with_step(task, [&]<class Step>() {
        const Step of_weights(Numbers<T>(task, units.layer->rate).data);
        const Step of_biases(Numbers<T>(task, units.layer->bias_rate).data);
        units.each([&](i64 place, int n, bool bias) {
            Vec<T> theta = get(arrays.theta + place, n), slots[2] = {};
            if (!bias) theta *= T(1) - task.shrink;
            for (int s = 0; s < Step::slots; ++s) slots[s] = get(arrays.slots[s] + place, n);
            (bias ? of_biases : of_weights)(theta, task.clip * get(arrays.gradient + place, n),
                                            slots[0], slots[1]);
            for (int s = 0; s < Step::slots; ++s) put(arrays.slots[s] + place, slots[s], n);
            put(arrays.theta + place, theta, n);
        });
    });
    if (task.max_norm > 0) limit_norms(task, item);
    measure_penalty(task, item);
}

}  // namespace
}  // namespace multilayer::MULTILAYER_ISA
