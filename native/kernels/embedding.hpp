// The embedding in phases 1 and 2: from rows of X to a⁽¹⁾, and from δ⁽¹⁾ to its parameters. The
// equations are in ../embedding.hpp.
#pragma once

#include "gather.hpp"
#include "mixed_activation.hpp"

namespace multilayer::MULTILAYER_ISA {
namespace {

constexpr double turns_per_radian = 0.15915494309189534, radians_per_turn = 6.283185307179586;

// The parameters of a number's features: a row of `periodic`.
template <class T>
struct Periodic {
    const T *w, *b, *W2, *b2;
    Periodic(const EmbeddingLayer<T>& embedding, i64 number) {
        w = embedding.periodic.values + number * embedding.numbers_of_one();
        b = w + embedding.frequencies;
        W2 = b + embedding.frequencies;
        b2 = W2 + embedding.dimensions * embedding.frequencies;
    }
    Vec<T> angle_in_turns(i64 k, Vec<T> x) const {
        return fma<T>(w[k], x, splat(b[k] * T(turns_per_radian)));
    }
};

// The row of a category's table that an example uses; the first one if its code is out of range.
template <class T>
inline i64 row_of(const BatchTask<T>& task, i64 example, i64 category) {
    const EmbeddingLayer<T>& embedding = *task.embedding;
    const i64 first = embedding.first_row[category], end = embedding.first_row[category + 1];
    const T code = task.X(example, embedding.plain + category);
    return first + (code >= 0 && code < static_cast<T>(end - first) ? static_cast<i64>(code) : 0);
}

// Turns the units of a group, which hold x and codes, into a⁽¹⁾. When learning, u is stored.
template <class T>
void embed(const BatchTask<T>& task, const Rows<T>& rows, i64 first, bool learning, T* units) {
    constexpr int size = group_size<T>;
    const int all = rows.vectors * lanes<T>;
    const EmbeddingLayer<T>& embedding = *task.embedding;
    for (i64 j = 0; j < embedding.numbers; ++j) {
        const Periodic<T> p(embedding, j);
        T* features = units + (embedding.plain + j * embedding.dimensions) * size;
        for (int at = 0; at < all; at += lanes<T>) {
            const Vec<T> x = load(units + j * size + at);
            Vec<T> cosines[most_frequencies], sine;
            for (i64 k = 0; k < embedding.frequencies; ++k)
                cosine_sine<T>(p.angle_in_turns(k, x), cosines[k], sine);
            for (i64 d = 0; d < embedding.dimensions; ++d) {
                Vec<T> e = splat(p.b2[d]);
                const T* row = p.W2 + d * embedding.frequencies;
                for (i64 k = 0; k < embedding.frequencies; ++k) e = fma<T>(row[k], cosines[k], e);
                store(features + d * size + at, e);
            }
        }
    }
    T* out = units + (embedding.plain + embedding.numbers * embedding.dimensions) * size;
    for (i64 c = 0; c < embedding.categories(); ++c, out += embedding.width * size)
        for (int b = 0; b < all; ++b) {
            const T* row = embedding.tables.values + row_of(task, rows.row[b], c) * embedding.width;
            for (i64 i = 0; i < embedding.width; ++i) out[i * size + b] = row[i];
        }
    T* stored = nullptr;
    if (learning) stored = embedding.inputs + first / size * embedding.stride + first % size;
    for (i64 i = 0; i < task.layers[0].in; ++i)
        for (int at = 0; at < all; at += lanes<T>) {
            const Vec<T> u = load(units + i * size + at);
            if (learning) store(stored + i * size + at, u);
            store(units + i * size + at, embedding.scale.values[i] * u);
        }
}

// Adds up the gradient of the scales of some inputs, Σ δ u. Their step comes last, since the
// gradients of other parameters need s before its step.
template <class T>
void add_scales(const BatchTask<T>& task, i64 first, i64 n) {
    constexpr int size = group_size<T>;
    const EmbeddingLayer<T>& embedding = *task.embedding;
    for (i64 i = first; i < first + n; ++i) {
        Vec<T> total[strip_vectors] = {};
        each_vector_of_examples(task, embedding.stride, [&](i64 place, int n) {
            place += i * size;
            total[n] =
                fma<T>(load(embedding.delta + place), load(embedding.inputs + place), total[n]);
        });
        const T result = static_cast<T>(sum<T>(total));
        add(task, embedding.scale, i, &result, 1);
    }
}

template <class T>
void update_number(const BatchTask<T>& task, i64 number) {
    constexpr int size = group_size<T>;
    const EmbeddingLayer<T>& embedding = *task.embedding;
    const Periodic<T> p(embedding, number);
    const i64 K = embedding.frequencies, D = embedding.dimensions,
              row = number * embedding.numbers_of_one();
    const i64 first = embedding.plain + number * D;  // of its features
    const T* scale = embedding.scale.values + first;
    T mixed[most_dimensions * most_frequencies];
    for (i64 i = 0; i < D * K; ++i) mixed[i] = scale[i / K] * p.W2[i];
    // One sum for each place of a strip.
    using Sums = Vec<T>[strip_vectors];
    Sums of_w[most_frequencies] = {}, of_b[most_frequencies] = {};
    Sums of_W2[most_dimensions * most_frequencies] = {}, of_b2[most_dimensions] = {};
    const T* inputs = embedding.inputs + number * size;
    const T* delta = embedding.delta + first * size;
    each_vector_of_examples(task, embedding.stride, [&](i64 at, int n) {
        const Vec<T> x = load(inputs + at);
        Vec<T> delta_e[most_dimensions];
        for (i64 d = 0; d < D; ++d) {
            delta_e[d] = load(delta + d * size + at);
            of_b2[d][n] += delta_e[d];
        }
        for (i64 k = 0; k < K; ++k) {
            Vec<T> cosine, sine, delta_c = {};
            cosine_sine<T>(p.angle_in_turns(k, x), cosine, sine);
            for (i64 d = 0; d < D; ++d) {
                delta_c = fma<T>(mixed[d * K + k], delta_e[d], delta_c);
                of_W2[d * K + k][n] = fma<T>(delta_e[d], cosine, of_W2[d * K + k][n]);
            }
            const Vec<T> change = delta_c * sine;
            of_b[k][n] -= change;
            of_w[k][n] = fma<T>(-change, x, of_w[k][n]);
        }
    });
    T sums[(2 + most_dimensions) * most_frequencies + most_dimensions], *to = sums;
    for (i64 k = 0; k < K; ++k) *to++ = static_cast<T>(radians_per_turn * sum<T>(of_w[k]));
    for (i64 k = 0; k < K; ++k) *to++ = static_cast<T>(sum<T>(of_b[k]));
    for (i64 i = 0; i < D * K; ++i) *to++ = scale[i / K] * static_cast<T>(sum<T>(of_W2[i]));
    for (i64 d = 0; d < D; ++d) *to++ = scale[d] * static_cast<T>(sum<T>(of_b2[d]));
    add(task, embedding.periodic, row, sums, embedding.numbers_of_one());
    finish(task, embedding.periodic, row, embedding.numbers_of_one());
    add_scales(task, number, 1);
    finish(task, embedding.scale, number, 1);
    add_scales(task, first, D);
    finish(task, embedding.scale, first, D);
}

template <class T>
void update_category(const BatchTask<T>& task, i64 category) {
    constexpr int size = group_size<T>;
    const EmbeddingLayer<T>& embedding = *task.embedding;
    const i64 width = embedding.width;
    const i64 first = embedding.plain + embedding.numbers * embedding.dimensions + category * width;
    const i64 begin = embedding.first_row[category], end = embedding.first_row[category + 1];
    T* sums = embedding.tables.gradient;
    for (i64 i = begin * width; task.first_chunk && i < end * width; ++i) sums[i] = 0;
    const T *delta = embedding.delta + first * size, *scale = embedding.scale.values + first;
    for (i64 group = 0; group < groups_of(task); ++group, delta += embedding.stride) {
        const Rows<T> rows(task, group * size, tile_vectors);
        for (int b = 0; b < rows.real; ++b) {
            T* row = sums + row_of(task, rows.row[b], category) * width;
            for (i64 i = 0; i < width; ++i) row[i] += scale[i] * delta[i * size + b];
        }
    }
    finish(task, embedding.tables, begin * width, (end - begin) * width);
    add_scales(task, first, width);
    finish(task, embedding.scale, first, width);
}

// Phase 2 for an item that does not belong to a Θ.
template <class T>
void update_extra_parameters(const BatchTask<T>& task, i64 item) {
    if (task.embedding) {
        const EmbeddingLayer<T>& embedding = *task.embedding;
        if (item < embedding.numbers) return update_number(task, item);
        item -= embedding.numbers;
        if (item < embedding.categories()) return update_category(task, item);
        item -= embedding.categories();
        if (item < embedding.blocks()) {
            const i64 first = embedding.numbers + item * inputs_of_block;
            const i64 left = embedding.plain - first;
            const i64 n = left < inputs_of_block ? left : inputs_of_block;
            add_scales(task, first, n);
            return finish(task, embedding.scale, first, n);
        }
        item -= embedding.blocks();
    }
    update_mix(task, task.layers[item]);
}

}  // namespace
}  // namespace multilayer::MULTILAYER_ISA
