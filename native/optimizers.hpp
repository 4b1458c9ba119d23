// The end of phase 2: from a tile of Δ to a step of Θ. One more optimizer is one more struct.
#pragma once

#include "kernels.hpp"
#include "plan.hpp"

namespace multilayer::MULTILAYER_ISA {
namespace {

// Each is given D and changes θ and its slots, a vector of each.

template <class T>
struct DescentStep {  // numbers: α
    static constexpr int slots = 0;
    Vec<T> rate;
    explicit DescentStep(const T* numbers) : rate(splat(numbers[0])) {}
    void operator()(Vec<T>& theta, Vec<T> D, Vec<T>&, Vec<T>&) const { theta -= rate * D; }
};

template <class T, bool nesterov>
struct MomentumStep {  // numbers: α, μ
    static constexpr int slots = 1;
    Vec<T> rate, momentum;
    explicit MomentumStep(const T* numbers)
        : rate(splat(numbers[0])), momentum(splat(numbers[1])) {}
    void operator()(Vec<T>& theta, Vec<T> D, Vec<T>& v, Vec<T>&) const {
        v = momentum * v - rate * D;
        if constexpr (nesterov)
            theta += momentum * v - rate * D;
        else
            theta += v;
    }
};

template <class T>
struct AdamStep {  // numbers: αₜ of this step, 1 − β₁, 1 − β₂, ε
    static constexpr int slots = 2;
    Vec<T> rate, rest_1, rest_2, epsilon;
    explicit AdamStep(const T* numbers)
        : rate(splat(numbers[0])),
          rest_1(splat(numbers[1])),
          rest_2(splat(numbers[2])),
          epsilon(splat(numbers[3])) {}
    void operator()(Vec<T>& theta, Vec<T> D, Vec<T>& m, Vec<T>& v) const {
        m += rest_1 * (D - m);
        v += rest_2 * (D * D - v);
        theta -= rate * m / (square_root<T>(v) + epsilon);
    }
};

// What lies side by side in a tile: columns of Θ, one number apart; or the biases of some rows,
// taken for columns that are a whole row apart.
struct Columns {
    i64 first, last;  // last one left out
    i64 step;
    bool only_biases = false;  // even one number apart
    bool biases() const { return step != 1 || only_biases; }
};

// Calls f(column, n) for the vectors of some columns, n being how many lanes lie inside.
template <class T, class F>
inline void for_vectors(Columns columns, F f) {
    for (i64 at = columns.first; at < columns.last; at += lanes<T>) {
        const i64 left = columns.last - at;
        f(at, left < lanes<T> ? static_cast<int>(left) : lanes<T>);
    }
}

// Calls for the part of Θ and of its slots that belongs to a tile, whose rows lie too far apart for
// the processor to see them coming; they arrive while the tile is summed. (Always inline: GCC takes
// a function that only prefetches for one without effect, and drops it.)
template <class T>
[[gnu::always_inline]] inline void prefetch_tile(
    const Plan<T>& plan, const Layer<T>& layer, i64 row, int height, Columns columns) {
    const T* const arrays[] = {layer.theta, layer.slots[0], layer.slots[1]};
    for (const T* array : arrays) {
        if (!array || plan.store) continue;
        for (int i = 0; i < height; ++i) {
            const T* line = array + (row + i) * (layer.in + 1);
            __builtin_prefetch(line + columns.first, 1);
            __builtin_prefetch(line + columns.last - 1, 1);
        }
    }
}

template <class T>
inline Vec<T> get(const T* from, int n, i64 step = 1) {
    if (step == 1) return n == lanes<T> ? load(from) : load_some(from, n);
    alignas(vector_bytes) T value[lanes<T>];  // whole: lanes beyond the last repeat it
    for (int lane = 0; lane < lanes<T>; ++lane)
        value[lane] = from[(lane < n ? lane : n - 1) * step];
    return load(value);
}
template <class T>
inline void put(T* to, Vec<T> value, int n, i64 step = 1) {
    if (step == 1) return n == lanes<T> ? store(to, value) : store_some(to, value, n);
    alignas(vector_bytes) T values[lanes<T>];
    store(values, value);
    for (int lane = 0; lane < n; ++lane) to[lane * step] = values[lane];
}

// Adds the chunks before to a tile of sums; leaves the result for the chunks to come.
template <class T>
void carry_tile(
    const Plan<T>& plan, const Layer<T>& layer, T* sums, i64 row, int height, Columns columns) {
    for (int i = 0; i < height; ++i)
        for_vectors<T>(columns, [&](i64 column, int n) {
            T* so_far = layer.gradient + (row + i) * (layer.in + 1) + column * columns.step;
            T* sum = sums + i * group_size<T> + (column - columns.first);
            Vec<T> Delta = load(sum);
            if (!plan.first_chunk) Delta += get(so_far, n, columns.step);
            if (plan.last_chunk)
                store(sum, Delta);
            else
                put(so_far, Delta, n, columns.step);
        });
}

// D = scale · Δ + decay · Θ into `gradient`, for a caller who wants no more than that.
template <class T>
void store_tile(const Plan<T>& plan,
                const Layer<T>& layer,
                const T* sums,
                i64 row,
                int height,
                Columns columns) {
    const T decay = columns.biases() ? T(0) : plan.decay;
    for (int i = 0; i < height; ++i)
        for_vectors<T>(columns, [&](i64 column, int n) {
            const i64 at = (row + i) * (layer.in + 1) + column * columns.step;
            const Vec<T> Delta = load(sums + i * group_size<T> + (column - columns.first));
            const Vec<T> theta = get(layer.theta + at, n, columns.step);
            put(layer.gradient + at, plan.scale * Delta + decay * theta, n, columns.step);
        });
}

// A step of the optimizer for a tile. `squares` gathers θ² for the penalty of the next step.
template <class T, class Step>
void step_tile(const Plan<T>& plan,
               const Layer<T>& layer,
               const T* sums,
               i64 row,
               int height,
               Columns columns,
               Vec<T>& squares) {
    const Step step(plan.numbers);
    const i64 width = layer.in + 1;
    const Vec<T> scale = splat(plan.scale), penalised = splat(columns.biases() ? T(0) : T(1)),
                 decay = plan.decay * penalised, keep = T(1) - plan.shrink * penalised;
    for_vectors<T>(columns, [&](i64 column, int n) {
        // Of its own, or the compiler would write it to memory for each vector.
        Vec<T> of_rows = {};
        const auto rows = [&](auto get_vector, auto put_vector, auto kept_vector) {
            T* const arrays[] = {layer.slots[0], layer.slots[1], layer.theta};
            i64 at = row * width + column * columns.step;
            const T* sum = sums + (column - columns.first);
            for (int i = 0; i < height; ++i, at += width, sum += group_size<T>) {
                Vec<T> theta = get_vector(arrays[2] + at), slots[2] = {};
                const Vec<T> D = scale * load(sum) + decay * theta;
                for (int s = 0; s < Step::slots; ++s) slots[s] = get_vector(arrays[s] + at);
                theta *= keep;
                step(theta, D, slots[0], slots[1]);
                for (int s = 0; s < Step::slots; ++s) put_vector(arrays[s] + at, slots[s]);
                put_vector(arrays[2] + at, theta);
                const Vec<T> kept = kept_vector(arrays[2] + at, theta);
                of_rows += kept * kept;
            }
        };
        // Lanes beyond the last column may hold anything by then. Where there are none, θ is not
        // read back: a number just written, across two cache lines, is slow to come.
        if (columns.biases())
            rows([=](const T* p) { return get(p, n, width); },
                 [=](T* p, Vec<T> value) { put(p, value, n, width); },
                 [](const T*, Vec<T>) { return Vec<T>{}; });
        else if (n == lanes<T>)
            rows([](const T* p) { return load(p); }, [](T* p, Vec<T> value) { store(p, value); },
                 [](const T*, Vec<T> value) { return value; });
        else
            rows([n](const T* p) { return load_some(p, n); },
                 [n](T* p, Vec<T> value) { store_some(p, value, n); },
                 [n](const T* p, Vec<T>) { return load_some(p, n); });
        squares += of_rows;
    });
}

template <class T>
void finish_tile(const Plan<T>& plan,
                 const Layer<T>& layer,
                 T* sums,
                 i64 row,
                 int height,
                 Columns columns,
                 Vec<T>& squares) {
    if (!(plan.first_chunk && plan.last_chunk)) carry_tile(plan, layer, sums, row, height, columns);
    if (!plan.last_chunk) return;
    if (plan.store) return store_tile(plan, layer, sums, row, height, columns);
    const auto with = [&](auto finish) {
        finish(plan, layer, sums, row, height, columns, squares);
    };
    switch (plan.rule) {
        case Rule::gradient_descent:
            return with(step_tile<T, DescentStep<T>>);
        case Rule::sgd:
            return plan.numbers[2] != 0 ? with(step_tile<T, MomentumStep<T, true>>)
                                        : with(step_tile<T, MomentumStep<T, false>>);
        case Rule::adam:
        case Rule::adamw:  // its decay is plan.shrink
            return with(step_tile<T, AdamStep<T>>);
    }
}

}  // namespace
}  // namespace multilayer::MULTILAYER_ISA
