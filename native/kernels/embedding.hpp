// The embedding in both phases: from rows of X to a⁽¹⁾, and from δ⁽¹⁾ to its parameters. The
// equations are in embedding.hpp.
#pragma once

#include "mixed_activation.hpp"
#include "gather.hpp"

namespace multilayer::MULTILAYER_ISA {
namespace {

constexpr double turn_of_radians = 0.15915494309189534, radians_of_turn = 6.283185307179586;

// What a number's features are made of: a row of `periodic`.
template <class T>
struct Periodic {
    const T *w, *b, *W2, *b2;
    Periodic(const Front<T>& front, i64 number) {
        w = front.periodic.values + number * front.numbers_of_one();
        b = w + front.frequencies;
        W2 = b + front.frequencies;
        b2 = W2 + front.dimensions * front.frequencies;
    }
    Vec<T> turns(i64 k, Vec<T> x) const { return w[k] * x + b[k] * T(turn_of_radians); }
};

// The row of its table that an example has, 0 where its code is none.
template <class T>
inline i64 row_of(const Plan<T>& plan, i64 example, i64 category) {
    const Front<T>& front = *plan.front;
    const i64 first = front.first_row[category], end = front.first_row[category + 1];
    const T code = plan.X(example, front.plain + category);
    return first + (code >= 0 && code < static_cast<T>(end - first) ? static_cast<i64>(code) : 0);
}

// The units of a group, which hold x and codes, become a⁽¹⁾. u is kept where learning.
template <class T>
void embed(const Plan<T>& plan, const Rows<T>& rows, i64 group, bool learning, T* units) {
    constexpr int size = group_size<T>;
    const Front<T>& front = *plan.front;
    for (i64 j = 0; j < front.numbers; ++j) {
        const Periodic<T> p(front, j);
        T* features = units + (front.plain + j * front.dimensions) * size;
        for (int at = 0; at < size; at += lanes<T>) {
            const Vec<T> x = load(units + j * size + at);
            Vec<T> cosines[most_frequencies], sine;
            for (i64 k = 0; k < front.frequencies; ++k)
                cosine_sine<T>(p.turns(k, x), cosines[k], sine);
            for (i64 d = 0; d < front.dimensions; ++d) {
                Vec<T> e = splat(p.b2[d]);
                const T* row = p.W2 + d * front.frequencies;
                for (i64 k = 0; k < front.frequencies; ++k) e += row[k] * cosines[k];
                store(features + d * size + at, e);
            }
        }
    }
    T* out = units + (front.plain + front.numbers * front.dimensions) * size;
    for (i64 c = 0; c < front.categories(); ++c, out += front.width * size)
        for (int b = 0; b < size; ++b) {
            const T* row = front.tables.values + row_of(plan, rows.row[b], c) * front.width;
            for (i64 i = 0; i < front.width; ++i) out[i * size + b] = row[i];
        }
    T* kept = front.inputs + group * front.stride;
    for (i64 i = 0; i < plan.layers[0].in; ++i)
        for (int at = 0; at < size; at += lanes<T>) {
            const Vec<T> u = load(units + i * size + at);
            if (learning) store(kept + i * size + at, u);
            store(units + i * size + at, front.scale.values[i] * u);
        }
}

// Of some inputs' scales: Σ δ u. Their step comes last, since others want s as it was.
template <class T>
void add_scales(const Plan<T>& plan, i64 first, i64 n) {
    constexpr int size = group_size<T>;
    const Front<T>& front = *plan.front;
    for (i64 i = first; i < first + n; ++i) {
        Vec<T> total = {};
        i64 place = i * size;
        for (i64 group = 0; group < groups_of(plan); ++group, place += front.stride)
            for (int at = 0; at < size; at += lanes<T>)
                total += load(front.delta + place + at) * load(front.inputs + place + at);
        const T result = static_cast<T>(sum<T>(total));
        add(plan, front.scale, i, &result, 1);
    }
}

template <class T>
void update_number(const Plan<T>& plan, i64 number) {
    constexpr int size = group_size<T>;
    const Front<T>& front = *plan.front;
    const Periodic<T> p(front, number);
    const i64 K = front.frequencies, D = front.dimensions, row = number * front.numbers_of_one();
    const i64 first = front.plain + number * D;  // of its features
    const T* scale = front.scale.values + first;
    T mixed[most_dimensions * most_frequencies];
    for (i64 i = 0; i < D * K; ++i) mixed[i] = scale[i / K] * p.W2[i];
    Vec<T> of_w[most_frequencies] = {}, of_b[most_frequencies] = {};
    Vec<T> of_W2[most_dimensions * most_frequencies] = {}, of_b2[most_dimensions] = {};
    const T* inputs = front.inputs + number * size;
    const T* delta = front.delta + first * size;
    for (i64 group = 0; group < groups_of(plan); ++group) {
        for (int at = 0; at < size; at += lanes<T>) {
            const Vec<T> x = load(inputs + at);
            Vec<T> delta_e[most_dimensions];
            for (i64 d = 0; d < D; ++d) {
                delta_e[d] = load(delta + d * size + at);
                of_b2[d] += delta_e[d];
            }
            for (i64 k = 0; k < K; ++k) {
                Vec<T> cosine, sine, delta_c = {};
                cosine_sine<T>(p.turns(k, x), cosine, sine);
                for (i64 d = 0; d < D; ++d) {
                    delta_c += mixed[d * K + k] * delta_e[d];
                    of_W2[d * K + k] += delta_e[d] * cosine;
                }
                of_b[k] -= delta_c * sine;
                of_w[k] -= delta_c * sine * x;
            }
        }
        inputs += front.stride;
        delta += front.stride;
    }
    T sums[(2 + most_dimensions) * most_frequencies + most_dimensions], *to = sums;
    for (i64 k = 0; k < K; ++k) *to++ = static_cast<T>(radians_of_turn * sum<T>(of_w[k]));
    for (i64 k = 0; k < K; ++k) *to++ = static_cast<T>(sum<T>(of_b[k]));
    for (i64 i = 0; i < D * K; ++i) *to++ = scale[i / K] * static_cast<T>(sum<T>(of_W2[i]));
    for (i64 d = 0; d < D; ++d) *to++ = scale[d] * static_cast<T>(sum<T>(of_b2[d]));
    add(plan, front.periodic, row, sums, front.numbers_of_one());
    finish(plan, front.periodic, row, front.numbers_of_one());
    add_scales(plan, number, 1);
    finish(plan, front.scale, number, 1);
    add_scales(plan, first, D);
    finish(plan, front.scale, first, D);
}

template <class T>
void update_category(const Plan<T>& plan, i64 category) {
    constexpr int size = group_size<T>;
    const Front<T>& front = *plan.front;
    const i64 width = front.width;
    const i64 first = front.plain + front.numbers * front.dimensions + category * width;
    const i64 begin = front.first_row[category], end = front.first_row[category + 1];
    T* sums = front.tables.gradient;
    for (i64 i = begin * width; plan.first_chunk && i < end * width; ++i) sums[i] = 0;
    const T *delta = front.delta + first * size, *scale = front.scale.values + first;
    for (i64 group = 0; group < groups_of(plan); ++group, delta += front.stride) {
        const Rows<T> rows(plan, group);
        for (int b = 0; b < rows.real; ++b) {
            T* row = sums + row_of(plan, rows.row[b], category) * width;
            for (i64 i = 0; i < width; ++i) row[i] += scale[i] * delta[i * size + b];
        }
    }
    finish(plan, front.tables, begin * width, (end - begin) * width);
    add_scales(plan, first, width);
    finish(plan, front.scale, first, width);
}

// An item of phase 2 that belongs to no Θ.
template <class T>
void update_beside(const Plan<T>& plan, i64 item) {
    if (plan.front) {
        const Front<T>& front = *plan.front;
        if (item < front.numbers) return update_number(plan, item);
        item -= front.numbers;
        if (item < front.categories()) return update_category(plan, item);
        item -= front.categories();
        if (item < front.blocks()) {
            const i64 first = front.numbers + item * inputs_of_block;
            const i64 left = front.plain - first;
            const i64 n = left < inputs_of_block ? left : inputs_of_block;
            add_scales(plan, first, n);
            return finish(plan, front.scale, first, n);
        }
        item -= front.blocks();
    }
    update_mix(plan, plan.layers[item]);
}

}  // namespace
}  // namespace multilayer::MULTILAYER_ISA
