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
    const Layer<T>* arrays;  // `layer`, or its transposed arrays
    i64 first, last, in;

    Units(const BatchTask<T>& task, i64 item) : layer(task.layers) {
        while (layer + 1 < task.layers + task.n_layers && layer[1].first_unit_item <= item) ++layer;
        in = layer->in;
        first = (item - layer->first_unit_item) * units_per_item;
        last = first + units_per_item < layer->out ? first + units_per_item : layer->out;
        const bool transposed = task.X.sparse() && layer == task.layers;
        arrays = transposed ? &task.sparse.transposed : layer;
    }

    bool in_lanes() const { return arrays != layer; }

    // Where n numbers begin, at most a vector of them, which are the weights of one input, or
    // weights or a bias of one unit; and their place in sums over a strip.
    struct Run {
        i64 place;
        int n;
        bool bias;
        int place_of_strip;
        T* of(const ThetaArray<T>& array) const {
            return (bias ? array.biases : array.weights) + place;
        }
    };

    // Calls f(run) for runs that together are the weights; and end(first, last, place of strip)
    // after the last run of these units: of one unit, or, if units lie in the lanes, of a vector of
    // them.
    template <class F, class G>
    void each(F f, G end) const {
        const ThetaArray<T>& theta = arrays->theta;
        const auto vectors = [](i64 from, i64 to, auto g) {
            for_vectors<T>(from, to, [&](i64 at, int n) {
                g(at, n, static_cast<int>((at - from) / lanes<T> % strip_vectors));
            });
        };
        if (!in_lanes()) {
            for (i64 unit = first; unit < last; ++unit) {
                f(Run{unit * theta.bias_step, 1, true, 0});
                vectors(0, in, [&](i64 column, int n, int strip_place) {
                    f(Run{unit * theta.row_step + column, n, false, strip_place});
                });
                end(unit, unit + 1, 0);
            }
            return;
        }
        vectors(first, last, [&](i64 unit, int n, int strip_place) {
            f(Run{unit, n, true, strip_place});
            for (i64 k = 0; k < in; ++k) f(Run{k * theta.row_step + unit, n, false, strip_place});
            end(unit, unit + n, strip_place);
        });
    }
    template <class F>
    void each(F f) const {
        each(f, [](i64, i64, int) {});
    }
};

template <class T>
void measure_gradient(const BatchTask<T>& task, i64 item) {
    const Units<T> units(task, item);
    Vec<T> squares[strip_vectors] = {};
    units.each([&](const auto& run) {
        const Vec<T> D = get(run.of(units.arrays->gradient), run.n);
        squares[run.place_of_strip] = fma<T>(D, D, squares[run.place_of_strip]);
    });
    task.norms[item] = sum<T>(squares);
}

// Σθ² and Σ|θ|, without biases.
template <class T>
void measure_penalty(const BatchTask<T>& task, i64 item) {
    const Units<T> units(task, item);
    Vec<T> squares[strip_vectors] = {}, magnitudes[strip_vectors] = {};
    units.each([&](const auto& run) {
        if (run.bias) return;
        const Vec<T> theta = get(run.of(units.arrays->theta), run.n);
        squares[run.place_of_strip] = fma<T>(theta, theta, squares[run.place_of_strip]);
        magnitudes[run.place_of_strip] += absolute<T>(theta);
    });
    task.penalties[item] = sum<T>(squares);
    task.magnitudes[item] = sum<T>(magnitudes);
}

// Scales the incoming weights of some units down to the largest norm allowed.
template <class T>
void limit_norms(const BatchTask<T>& task, i64 item) {
    const Units<T> units(task, item);
    const ThetaArray<T>& theta = units.arrays->theta;
    Vec<T> squares[strip_vectors] = {}, scales[units_per_item];
    units.each(
        [&](const auto& run) {
            if (run.bias) return;
            const Vec<T> value = get(run.of(theta), run.n);
            squares[run.place_of_strip] = fma<T>(value, value, squares[run.place_of_strip]);
        },
        [&](i64 first, i64, int place_of_strip) {
            const Vec<T> all =
                units.in_lanes() ? squares[place_of_strip] : splat(static_cast<T>(sum<T>(squares)));
            const Vec<T> norm = square_root<T>(all), most = splat(task.max_norm);
            scales[first - units.first] = norm > most ? most / norm : splat(T(1));
            for (Vec<T>& square : squares) square = Vec<T>{};
        });
    i64 at = 0;
    units.each(
        [&](const auto& run) {
            T* const place = run.of(theta);
            if (!run.bias) put(place, get(place, run.n) * scales[at], run.n);
        },
        [&](i64, i64 last, int) { at = last - units.first; });
}

template <class T>
void full_gradient_step(const BatchTask<T>& task, i64 item) {
    const Units<T> units(task, item);
    const Layer<T>& arrays = *units.arrays;
    with_step(task, [&]<class Step>() {
        const Step of_weights(Numbers<T>(task, units.layer->rate).data);
        const Step of_biases(Numbers<T>(task, units.layer->bias_rate).data);
        units.each([&](const auto& run) {
            Vec<T> theta = get(run.of(arrays.theta), run.n), slots[2] = {};
            if (!run.bias) theta *= T(1) - task.shrink;
            for (int s = 0; s < Step::slots; ++s) slots[s] = get(run.of(arrays.slots[s]), run.n);
            (run.bias ? of_biases : of_weights)(
                theta, task.clip * get(run.of(arrays.gradient), run.n), slots[0], slots[1]);
            for (int s = 0; s < Step::slots; ++s) put(run.of(arrays.slots[s]), slots[s], run.n);
            put(run.of(arrays.theta), theta, run.n);
        });
    });
    if (task.max_norm > 0) limit_norms(task, item);
    measure_penalty(task, item);
}

}  // namespace
}  // namespace multilayer::MULTILAYER_ISA
