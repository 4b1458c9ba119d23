// The end of phase 2: from a tile of Δ to a step of Θ. Another optimizer is another struct.
#pragma once

#include "../batch_task.hpp"
#include "tiles.hpp"

namespace multilayer::MULTILAYER_ISA {
namespace {

// Each is called with D, and changes θ and its slots: a vector of each.

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

template <class T>
struct NesterovAdamStep {  // numbers: αₜ (1 − β₁)/(1 − β₁ᵗ), αₜ β₁/(1 − β₁ᵗ⁺¹), 1 − β₁, 1 − β₂, ε
    static constexpr int slots = 2;
    Vec<T> of_D, of_m, rest_1, rest_2, epsilon;
    explicit NesterovAdamStep(const T* numbers)
        : of_D(splat(numbers[0])),
          of_m(splat(numbers[1])),
          rest_1(splat(numbers[2])),
          rest_2(splat(numbers[3])),
          epsilon(splat(numbers[4])) {}
    void operator()(Vec<T>& theta, Vec<T> D, Vec<T>& m, Vec<T>& v) const {
        m += rest_1 * (D - m);
        v += rest_2 * (D * D - v);
        theta -= (of_D * D + of_m * m) / (square_root<T>(v) + epsilon);
    }
};

template <class T>
struct RootMeanSquareStep {  // numbers: α, 1 − ρ, ε
    static constexpr int slots = 1;
    Vec<T> rate, rest, epsilon;
    explicit RootMeanSquareStep(const T* numbers)
        : rate(splat(numbers[0])), rest(splat(numbers[1])), epsilon(splat(numbers[2])) {}
    void operator()(Vec<T>& theta, Vec<T> D, Vec<T>& v, Vec<T>&) const {
        v += rest * (D * D - v);
        theta -= rate * D / (square_root<T>(v) + epsilon);
    }
};

template <class T>
inline Vec<T> sign(Vec<T> x) {
    const Vec<T> zero = {};
    return x > zero ? zero + T(1) : (x < zero ? zero - T(1) : zero);
}

template <class T>
struct ResilientStep {  // numbers: not used, η⁻, η⁺, least and largest step
    static constexpr int slots = 2;
    Vec<T> shrink, grow, least, most;
    explicit ResilientStep(const T* numbers)
        : shrink(splat(numbers[1])),
          grow(splat(numbers[2])),
          least(splat(numbers[3])),
          most(splat(numbers[4])) {}
    void operator()(Vec<T>& theta, Vec<T> D, Vec<T>& before, Vec<T>& size) const {
        const Vec<T> zero = {}, agreement = sign<T>(D) * sign<T>(before);
        size = agreement > zero ? size * grow : (agreement < zero ? size * shrink : size);
        size = size < least ? least : (size > most ? most : size);
        before = agreement < zero ? zero : D;
        theta -= sign<T>(before) * size;
    }
};

template <class T>
struct LionStep {  // numbers: α, 1 − β₁, 1 − β₂
    static constexpr int slots = 1;
    Vec<T> rate, rest_1, rest_2;
    explicit LionStep(const T* numbers)
        : rate(splat(numbers[0])), rest_1(splat(numbers[1])), rest_2(splat(numbers[2])) {}
    void operator()(Vec<T>& theta, Vec<T> D, Vec<T>& m, Vec<T>&) const {
        theta -= rate * sign<T>(m + rest_1 * (D - m));
        m += rest_2 * (D - m);
    }
};

// The numbers of the task's rule, with the learning rate multiplied by `rate`.
template <class T>
struct Numbers {
    T data[most_numbers];
    Numbers(const BatchTask<T>& task, T rate) {
        for (int i = 0; i < most_numbers; ++i) data[i] = task.numbers[i];
        data[0] *= rate;  // unused by rprop
        if (task.rule == Rule::nadam) data[1] *= rate;
    }
};

// Calls f<Step>() with the step of the task's rule.
template <class T, class F>
inline void with_step(const BatchTask<T>& task, F f) {
    switch (task.rule) {
        case Rule::gradient_descent:
            return f.template operator()<DescentStep<T>>();
        case Rule::sgd:
            return task.numbers[2] != 0 ? f.template operator()<MomentumStep<T, true>>()
                                        : f.template operator()<MomentumStep<T, false>>();
        case Rule::adam:
        case Rule::adamw:  // its decay is task.shrink
            return f.template operator()<AdamStep<T>>();
        case Rule::nadam:
            return f.template operator()<NesterovAdamStep<T>>();
        case Rule::rmsprop:
            return f.template operator()<RootMeanSquareStep<T>>();
        case Rule::rprop:
            return f.template operator()<ResilientStep<T>>();
        case Rule::lion:  // its decay is task.shrink
            return f.template operator()<LionStep<T>>();
    }
}

// The columns of a tile: columns of Θ, one number apart; or the biases of some rows, treated as
// columns that are a whole row apart.
struct Columns {
    i64 first, last;  // `last` is not included
    i64 step;
    bool only_biases = false;  // although one number apart
    bool biases() const { return step != 1 || only_biases; }
};

// Calls f(column, n) for the vectors of some columns; n is the number of lanes that lie inside.
template <class T, class F>
inline void for_vectors(Columns columns, F f) {
    for (i64 at = columns.first; at < columns.last; at += lanes<T>) {
        const i64 left = columns.last - at;
        f(at, left < lanes<T> ? static_cast<int>(left) : lanes<T>);
    }
}

// Prefetches the part of Θ and of its slots that belongs to a tile, so that it arrives while the
// tile is summed: its rows lie too far apart for the processor's own prefetching. (Always inline:
// GCC considers a function that only prefetches to have no effect, and drops it.)
template <class T>
[[gnu::always_inline]] inline void prefetch_tile(
    const BatchTask<T>& task, const Layer<T>& layer, i64 row, int height, Columns columns) {
    const T* const arrays[] = {layer.theta, layer.slots[0], layer.slots[1]};
    for (const T* array : arrays) {
        if (!array || task.store) continue;
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
    alignas(vector_bytes) T value[lanes<T>];  // all are set: lanes beyond the last repeat it
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

// Adds the sums of the previous chunks to a tile; stores the result if more chunks follow.
template <class T>
void carry_tile(const BatchTask<T>& task,
                const Layer<T>& layer,
                T* sums,
                i64 row,
                int height,
                Columns columns) {
    for (int i = 0; i < height; ++i)
        for_vectors<T>(columns, [&](i64 column, int n) {
            T* so_far = layer.gradient + (row + i) * (layer.in + 1) + column * columns.step;
            T* sum = sums + i * group_size<T> + (column - columns.first);
            Vec<T> Delta = load(sum);
            if (!task.first_chunk) Delta += get(so_far, n, columns.step);
            if (task.last_chunk)
                store(sum, Delta);
            else
                put(so_far, Delta, n, columns.step);
        });
}

// Stores D = scale · Δ + decay · Θ + l1 · sign Θ in `gradient`, for a caller that needs only the
// gradient, or for phase 3.
template <class T>
void store_tile(const BatchTask<T>& task,
                const Layer<T>& layer,
                const T* sums,
                i64 row,
                int height,
                Columns columns) {
    const T decay = columns.biases() ? T(0) : task.decay, l1 = columns.biases() ? T(0) : task.l1;
    for (int i = 0; i < height; ++i)
        for_vectors<T>(columns, [&](i64 column, int n) {
            const i64 at = (row + i) * (layer.in + 1) + column * columns.step;
            const Vec<T> Delta = load(sums + i * group_size<T> + (column - columns.first));
            const Vec<T> theta = get(layer.theta + at, n, columns.step);
            Vec<T> D = task.scale * Delta + decay * theta;
            if (l1 != 0) D += l1 * sign<T>(theta);
            put(layer.gradient + at, D, n, columns.step);
        });
}

// A step of the optimizer for a tile. θ² is added to `squares`, for the penalty of the next step.
template <class T, class Step>
void step_tile(const BatchTask<T>& task,
               const Layer<T>& layer,
               const T* sums,
               i64 row,
               int height,
               Columns columns,
               Vec<T>& squares) {
    const Step step(Numbers<T>(task, columns.biases() ? layer.bias_rate : layer.rate).data);
    const i64 width = layer.in + 1;
    const Vec<T> scale = splat(task.scale), penalised = splat(columns.biases() ? T(0) : T(1)),
                 decay = task.decay * penalised, keep = T(1) - task.shrink * penalised;
    for_vectors<T>(columns, [&](i64 column, int n) {
        // A local sum: otherwise the compiler would write it to memory for each vector.
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
        // Lanes beyond the last column may hold anything by now. If there are none, θ is not read
        // back: reading a vector just written, across two cache lines, is slow.
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
void finish_tile(const BatchTask<T>& task,
                 const Layer<T>& layer,
                 T* sums,
                 i64 row,
                 int height,
                 Columns columns,
                 Vec<T>& squares) {
    if (!(task.first_chunk && task.last_chunk)) carry_tile(task, layer, sums, row, height, columns);
    if (!task.last_chunk) return;
    if (task.store) return store_tile(task, layer, sums, row, height, columns);
    const auto with = [&]<class Step>() {
        step_tile<T, Step>(task, layer, sums, row, height, columns, squares);
    };
    with_step(task, with);
}

}  // namespace
}  // namespace multilayer::MULTILAYER_ISA
