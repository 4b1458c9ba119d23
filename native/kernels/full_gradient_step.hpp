// Phase 3: steps that need the whole gradient (its norm is clipped) or whole rows of Θ (their norms
// are held), or whose penalty is not Σθ² alone. Phase 2 has then only left D behind.
#pragma once

#include "optimizers.hpp"

namespace multilayer::MULTILAYER_ISA {
namespace {

// Which weights an item of phase 3 is: some units of a layer, with all that comes in.
template <class T>
struct Units {
    const Layer<T>* layer;
    const Layer<T>* arrays;  // the layer, or what holds its turned arrays, (in + 1, out)
    i64 first, last, in, out;

    Units(const Plan<T>& plan, i64 item) : layer(plan.layers) {
        while (layer + 1 < plan.layers + plan.n_layers && layer[1].first_rows <= item) ++layer;
        in = layer->in;
        out = layer->out;
        first = (item - layer->first_rows) * rows_to_settle;
        last = first + rows_to_settle < out ? first + rows_to_settle : out;
        const bool turned = plan.X.sparse() && layer == plan.layers;
        arrays = turned ? &plan.sparse.turned : layer;
    }

    // Calls f(place, n, bias) for runs of n numbers, a vector or less, that together are the units;
    // then end() where one unit ends, or, where they lie in the lanes, where these units end.
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
void measure(const Plan<T>& plan, i64 item) {
    const Units<T> units(plan, item);
    Vec<T> squares = {};
    units.each([&](i64 place, int n, bool) {
        const Vec<T> D = get(units.arrays->gradient + place, n);
        squares += D * D;
    });
    plan.norms[item] = sum<T>(squares);
}

// Σθ² and Σ|θ|, biases left out.
template <class T>
void weigh(const Plan<T>& plan, i64 item) {
    const Units<T> units(plan, item);
    Vec<T> squares = {}, magnitudes = {};
    units.each([&](i64 place, int n, bool bias) {
        if (bias) return;
        const Vec<T> theta = get(units.arrays->theta + place, n);
        squares += theta * theta;
        magnitudes += absolute<T>(theta);
    });
    plan.penalties[item] = sum<T>(squares);
    plan.magnitudes[item] = sum<T>(magnitudes);
}

// Scales the incoming weights of some units down to the longest that they may be.
template <class T>
void hold(const Plan<T>& plan, i64 item) {
    const Units<T> units(plan, item);
    T* theta = units.arrays->theta;
    const bool in_lanes = units.arrays != units.layer;
    Vec<T> squares = {}, scales[rows_to_settle];
    units.each(
        [&](i64 place, int n, bool bias) {
            const Vec<T> value = get(theta + place, n);
            if (!bias) squares += value * value;
        },
        [&](i64 first, i64) {
            const Vec<T> all = in_lanes ? squares : splat(static_cast<T>(sum<T>(squares)));
            const Vec<T> norm = square_root<T>(all), most = splat(plan.max_norm);
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
void settle(const Plan<T>& plan, i64 item) {
    const Units<T> units(plan, item);
    const Layer<T>& arrays = *units.arrays;
    with_step(plan, [&]<class Step>() {
        const Step of_weights(Numbers<T>(plan, units.layer->rate).data);
        const Step of_biases(Numbers<T>(plan, units.layer->bias_rate).data);
        units.each([&](i64 place, int n, bool bias) {
            Vec<T> theta = get(arrays.theta + place, n), slots[2] = {};
            if (!bias) theta *= T(1) - plan.shrink;
            for (int s = 0; s < Step::slots; ++s) slots[s] = get(arrays.slots[s] + place, n);
            (bias ? of_biases : of_weights)(theta, plan.clip * get(arrays.gradient + place, n),
                                            slots[0], slots[1]);
            for (int s = 0; s < Step::slots; ++s) put(arrays.slots[s] + place, slots[s], n);
            put(arrays.theta + place, theta, n);
        });
    });
    if (plan.max_norm > 0) hold(plan, item);
    weigh(plan, item);
}

}  // namespace
}  // namespace multilayer::MULTILAYER_ISA
