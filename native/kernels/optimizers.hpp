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
    void operator()(Vec<T>& theta, Vec<T> D, Vec<T>&, Vec<T>&) const {
        theta = fma<T>(-rate, D, theta);
    }
};

template <class T, bool nesterov>
struct MomentumStep {  // numbers: α, μ
    static constexpr int slots = 1;
    Vec<T> rate, momentum;
    explicit MomentumStep(const T* numbers)
        : rate(splat(numbers[0])), momentum(splat(numbers[1])) {}
    void operator()(Vec<T>& theta, Vec<T> D, Vec<T>& v, Vec<T>&) const {
        const Vec<T> own = rate * D;
        v = fma<T>(momentum, v, -own);
        if constexpr (nesterov)
            theta += fma<T>(momentum, v, -own);
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
        m = fma<T>(rest_1, D - m, m);
        v = fma<T>(rest_2, fma<T>(D, D, -v), v);
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
        m = fma<T>(rest_1, D - m, m);
        v = fma<T>(rest_2, fma<T>(D, D, -v), v);
        theta -= fma<T>(of_D, D, of_m * m) / (square_root<T>(v) + epsilon);
    }
};

template <class T>
struct RootMeanSquareStep {  // numbers: α, 1 − ρ, ε
    static constexpr int slots = 1;
    Vec<T> rate, rest, epsilon;
    explicit RootMeanSquareStep(const T* numbers)
        : rate(splat(numbers[0])), rest(splat(numbers[1])), epsilon(splat(numbers[2])) {}
    void operator()(Vec<T>& theta, Vec<T> D, Vec<T>& v, Vec<T>&) const {
        v = fma<T>(rest, fma<T>(D, D, -v), v);
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
        theta = fma<T>(-sign<T>(before), size, theta);
    }
};

template <class T>
struct LionStep {  // numbers: α, 1 − β₁, 1 − β₂
    static constexpr int slots = 1;
    Vec<T> rate, rest_1, rest_2;
    explicit LionStep(const T* numbers)
        : rate(splat(numbers[0])), rest_1(splat(numbers[1])), rest_2(splat(numbers[2])) {}
    void operator()(Vec<T>& theta, Vec<T> D, Vec<T>& m, Vec<T>&) const {
        const Vec<T> change = D - m;
        theta = fma<T>(-rate, sign<T>(fma<T>(rest_1, change, m)), theta);
        m = fma<T>(rest_2, change, m);
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

// A rectangle of Θ, its slots and its gradient, all laid out alike: rows of at most a group of
// numbers. Each pointer is to its first number; arrays that are not used are null.
template <class T>
struct Rectangle {
    T *theta, *slots[2], *gradient;
    i64 step;      // from one row to the next
    i64 sum_step;  // from the sums of one row to those of the next
    int height, width;
    T rate;       // factor of the learning rate
    bool biases;  // they have no penalty
    bool padded;  // whole vectors may be read and written beyond the last column

    // The numbers of a vector to read or write, of which n lie inside.
    int stored(int n) const { return padded ? lanes<T> : n; }

    // Some rows, from a column on, of the weights of a layer.
    static Rectangle weights(const Layer<T>& layer, i64 row, int height, i64 column, int width) {
        const auto at = [=](const ThetaArray<T>& array) {
            return array.weights ? array.weights + row * array.row_step + column : nullptr;
        };
        return {at(layer.theta),
                {at(layer.slots[0]), at(layer.slots[1])},
                at(layer.gradient),
                layer.theta.row_step,
                group_size<T>,
                height,
                width,
                layer.rate,
                false,
                true};
    }
    // The biases of some of all units.
    static Rectangle of_biases(const Layer<T>& layer, i64 units, i64 unit, int width) {
        const auto at = [=](const ThetaArray<T>& array) {
            return array.biases ? array.biases + unit : nullptr;
        };
        return {at(layer.theta),
                {at(layer.slots[0]), at(layer.slots[1])},
                at(layer.gradient),
                0,
                0,
                1,
                width,
                layer.bias_rate,
                true,
                unit + width == units};
    }
};

// Calls f(place in the sums, place in the arrays, n) for the vectors of a rectangle; n is the
// number of lanes that lie inside.
template <class T, class F>
inline void each_vector_of(const Rectangle<T>& part, F f) {
    for (int i = 0; i < part.height; ++i)
        for (int at = 0; at < part.width; at += lanes<T>) {
            const int left = part.width - at;
            f(i * part.sum_step + at, i * part.step + at, left < lanes<T> ? left : lanes<T>);
        }
}

// Prefetches the part of Θ and of its slots that belongs to a tile, so that it arrives while the
// tile is summed: its rows lie too far apart for the processor's own prefetching. (Always inline:
// GCC considers a function that only prefetches to have no effect, and drops it.)
template <class T>
[[gnu::always_inline]] inline void prefetch(const BatchTask<T>& task, const Rectangle<T>& part) {
    if (task.store) return;
    const T* const arrays[] = {part.theta, part.slots[0], part.slots[1]};
    for (const T* array : arrays) {
        if (!array) continue;
        for (int i = 0; i < part.height; ++i)
            for (int at = 0; at < part.width; at += strip<T>)
                __builtin_prefetch(array + i * part.step + at, 1);
    }
}

// Adds the sums of the previous chunks to a rectangle; stores the result if more chunks follow.
template <class T>
void carry(const BatchTask<T>& task, const Rectangle<T>& part, T* sums) {
    each_vector_of(part, [&](i64 place, i64 at, int n) {
        Vec<T> Delta = load(sums + place);
        if (!task.first_chunk) Delta += get(part.gradient + at, part.stored(n));
        if (task.last_chunk)
            store(sums + place, Delta);
        else
            put(part.gradient + at, Delta, part.stored(n));
    });
}

// Stores D = scale · Δ + decay · Θ + l1 · sign Θ in `gradient`, for a caller that needs only the
// gradient, or for phase 3.
template <class T>
void store_gradient(const BatchTask<T>& task, const Rectangle<T>& part, const T* sums) {
    const T decay = part.biases ? T(0) : task.decay, l1 = part.biases ? T(0) : task.l1;
    each_vector_of(part, [&](i64 place, i64 at, int n) {
        const Vec<T> theta = get(part.theta + at, part.stored(n));
        Vec<T> D = fma<T>(decay, theta, task.scale * load(sums + place));
        if (l1 != 0) D = fma<T>(l1, sign<T>(theta), D);
        put(part.gradient + at, D, part.stored(n));
    });
}

// The sums of squares of the columns of some rectangles, one for each place of a strip.
template <class T>
using Squares = Vec<T>[tile_vectors];

// A step of the optimizer for a rectangle. θ² is added to `squares`, for the penalty of the next
// step.
template <class T, class Step>
void make_step(const BatchTask<T>& task,
               const Rectangle<T>& part,
               const T* sums,
               Squares<T>& squares) {
    const Step step(Numbers<T>(task, part.rate).data);
    const Vec<T> scale = splat(task.scale), decay = splat(part.biases ? T(0) : task.decay),
                 keep = splat(part.biases ? T(1) : T(1) - task.shrink);
    // A vector of columns, row by row, of which n lanes lie inside. all: all do; whole: all are
    // read and written.
    const auto rows = [&](int at, int n, auto all, auto whole) {
        // A local sum: otherwise the compiler would write it to memory for each vector.
        Vec<T> of_rows = squares[at / lanes<T>];
        T* const arrays[] = {part.slots[0], part.slots[1], part.theta};
        const auto read = [&](const T* from) { return whole ? load(from) : load_some(from, n); };
        const auto write = [&](T* to, Vec<T> value) {
            whole ? store(to, value) : store_some(to, value, n);
        };
        for (i64 i = 0, place = at; i < part.height; ++i, place += part.step) {
            Vec<T> theta = read(arrays[2] + place), slots[2] = {};
            const Vec<T> D = fma<T>(decay, theta, scale * load(sums + i * part.sum_step + at));
            for (int s = 0; s < Step::slots; ++s) slots[s] = read(arrays[s] + place);
            theta *= keep;
            step(theta, D, slots[0], slots[1]);
            for (int s = 0; s < Step::slots; ++s) write(arrays[s] + place, slots[s]);
            write(arrays[2] + place, theta);
            // Lanes beyond the last column may hold anything by now.
            if constexpr (!all) theta = first_lanes<T>(n) ? theta : Vec<T>{};
            of_rows = fma<T>(theta, theta, of_rows);
        }
        squares[at / lanes<T>] = of_rows;
    };
    for (int at = 0; at < part.width; at += lanes<T>) {
        const int left = part.width - at;
        if (left >= lanes<T>)
            rows(at, lanes<T>, std::true_type{}, std::true_type{});
        else if (part.padded)
            rows(at, left, std::false_type{}, std::true_type{});
        else
            rows(at, left, std::false_type{}, std::false_type{});
    }
}

// From the sums of a rectangle, (height, group), to a step or to the gradient.
template <class T>
void finish(const BatchTask<T>& task, const Rectangle<T>& part, T* sums, Squares<T>& squares) {
    if (!(task.first_chunk && task.last_chunk)) carry(task, part, sums);
    if (!task.last_chunk) return;
    if (task.store) return store_gradient(task, part, sums);
    const auto with = [&]<class Step>() { make_step<T, Step>(task, part, sums, squares); };
    with_step(task, with);
}

// Adds θ² of a rectangle to `squares`, with the same bits as a step that leaves it like this.
template <class T>
void add_squares(const Rectangle<T>& part, Squares<T>& squares) {
    for (int at = 0; at < part.width; at += lanes<T>) {
        const int left = part.width - at, n = left < lanes<T> ? left : lanes<T>;
        for (i64 i = 0; i < part.height; ++i) {
            const Vec<T> theta = get(part.theta + i * part.step + at, n);
            squares[at / lanes<T>] = fma<T>(theta, theta, squares[at / lanes<T>]);
        }
    }
}

// The sum of the squares of strip number `number`.
template <class T>
double sum_of_strip(const Squares<T>& squares, int number) {
    Vec<T> own[strip_vectors];
    for (int n = 0; n < strip_vectors; ++n) own[n] = squares[number * strip_vectors + n];
    return sum<T>(own);
}

}  // namespace
}  // namespace multilayer::MULTILAYER_ISA
