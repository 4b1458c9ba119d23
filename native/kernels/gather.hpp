// From rows of a table, in any layout, to groups of examples in the lanes.
#pragma once

#include "../batch_task.hpp"
#include "tiles.hpp"

namespace multilayer::MULTILAYER_ISA {
namespace {

// Some groups of examples of a chunk, of which only the first `vectors` vectors are computed; or
// a part of one group, if a group is split between threads.
template <class T>
struct Groups {
    i64 first;  // example
    int count;
    int vectors;

    i64 example(int g) const { return first + g * group_size<T>; }
    i64 group() const { return first / group_size<T>; }
    int lane() const { return static_cast<int>(first % group_size<T>); }
    // The numbers from one vector of a unit to the next, if the vectors of some units are visited
    // one after the other. Units are a group apart, so it is one vector or one group: some groups
    // are computed whole, others by their first vector.
    i64 step() const { return vectors == tile_vectors ? lanes<T> : group_size<T>; }
};

template <class T>
inline i64 groups_of(const BatchTask<T>& task) {
    return (task.count + group_size<T> - 1) / group_size<T>;
}

// The examples of the last group.
template <class T>
inline int last_of(const BatchTask<T>& task) {
    return static_cast<int>((task.count - 1) % group_size<T>) + 1;
}

// Where δ of an example begins: that of each next unit is a group further.
template <class T>
inline i64 delta_place(const Layer<T>& layer, i64 example) {
    return example / group_size<T> * layer.delta_stride + example % group_size<T>;
}

// Calls f(place, n) for the vectors of the examples of a chunk, of which group after group lies
// `stride` further; n is the place of the vector in its strip.
template <class T, class F>
inline void each_vector_of_examples(const BatchTask<T>& task, i64 stride, F f) {
    const i64 groups = groups_of(task);
    for (i64 g = 0, place = 0; g < groups; ++g, place += stride) {
        const int examples = g + 1 < groups ? group_size<T> : last_of(task);
        for (int at = 0, n = 0; at < examples; at += lanes<T>, n = (n + 1) % strip_vectors)
            f(place + at, n);
    }
}

// The row numbers of one group. The last group of a chunk is padded with its last row, so that no
// lane ever holds anything that a real example would not.
template <class T>
struct Rows {
    i64 row[group_size<T>];
    int vectors;
    int real;  // the lanes from here on are padding

    // The examples of a chunk from `first` on, in this many vectors.
    Rows(const BatchTask<T>& task, i64 first, int vectors) : vectors(vectors) {
        const i64 left = task.count - first;
        const int all = vectors * lanes<T>;
        real = static_cast<int>(left < all ? left : all);
        for (int b = 0; b < all; ++b) {
            const i64 place = task.first + first + (b < real ? b : real - 1);
            row[b] = task.order ? task.order[place] : place;
        }
    }
};

// Columns at … at + lanes of x; zeros beyond the last column.
template <class T>
inline Vec<T> row_vector(const Matrix<T>& X, i64 row, i64 at) {
    const T* x = X.data + row * X.row_stride + at * X.column_stride;
    const i64 left = X.columns - at;
    if (X.column_stride == 1)
        return left >= lanes<T> ? load(x) : load_some(x, static_cast<int>(left));
    Vec<T> result = {};
    for (int lane = 0; lane < lanes<T> && lane < left; ++lane)
        result[lane] = x[lane * X.column_stride];
    return result;
}

// Gathers one group: x into `a` (unit, group), and, if phase 2 will need them, into `columns`
// (panel, example, column) as well: the same vectors before and after transposition.
template <class T>
void gather(const Matrix<T>& X, const Rows<T>& rows, T* a, T* columns, i64 panel_stride) {
    constexpr int n = lanes<T>, size = group_size<T>, ahead = 4 * strip<T>;
    for (i64 at = 0; at < X.columns; at += n)
        for (int b = 0; b < rows.vectors * n; b += n) {
            Vec<T> square[n];
            for (int i = 0; i < n; ++i) {
                square[i] = row_vector(X, rows.row[b + i], at);
                // Too many rows at once for the processor's own prefetching.
                if (at % strip<T> == 0 && at + ahead < X.columns)
                    __builtin_prefetch(X.data + rows.row[b + i] * X.row_stride +
                                       (at + ahead) * X.column_stride);
            }
            if (columns) {
                T* to = columns + at / size * panel_stride + b * size + at % size;
                for (int i = 0; i < n; ++i) store(to + i * size, square[i]);
            }
            transpose<T>(square);
            for (int i = 0; i < n; ++i) store(a + (at + i) * size + b, square[i]);
        }
}

// Copies a of one group from (unit, group) to `columns` (panel, example, column); zeros beyond the
// last unit.
template <class T>
void to_columns(const T* a, i64 units, int vectors, T* columns, i64 panel_stride) {
    constexpr int n = lanes<T>, size = group_size<T>;
    for (i64 at = 0; at < units; at += n)
        for (int b = 0; b < vectors * n; b += n) {
            Vec<T> square[n];
            for (int i = 0; i < n; ++i)
                square[i] = at + i < units ? load(a + (at + i) * size + b) : Vec<T>{};
            transpose<T>(square);
            T* to = columns + at / size * panel_stride + b * size + at % size;
            for (int i = 0; i < n; ++i) store(to + i * size, square[i]);
        }
}

// The targets of one group, (K, group): numbers as they are, or classes as 0 and 1.
template <class T>
void gather_targets(const BatchTask<T>& task, const Rows<T>& rows, i64 K, T* y) {
    constexpr int size = group_size<T>;
    const int all = rows.vectors * lanes<T>;
    if (!task.labels) {
        for (int b = 0; b < all; ++b)
            for (i64 k = 0; k < K; ++k)
                y[k * size + b] =
                    task.Y.data[rows.row[b] * task.Y.row_stride + k * task.Y.column_stride];
        return;
    }
    for (i64 i = 0; i < K * size; i += lanes<T>) store(y + i, Vec<T>{});
    for (int b = 0; b < all; ++b) {
        const i64 label = task.labels[rows.row[b]];
        if (K == 1)
            y[b] = static_cast<T>(label);
        else
            y[label * size + b] = 1;
    }
}

}  // namespace
}  // namespace multilayer::MULTILAYER_ISA
