// From rows of a table, in any layout, to groups of examples in the lanes.
#pragma once

#include "../batch_task.hpp"
#include "tiles.hpp"

namespace multilayer::MULTILAYER_ISA {
namespace {

// The row numbers of one group. The last group of a chunk is padded with its last row, so that no
// lane ever holds anything that a real example would not.
template <class T>
struct Rows {
    i64 row[group_size<T>];
    int real;  // the lanes from here on are padding

    Rows(const BatchTask<T>& task, i64 group) {
        const i64 first = group * group_size<T>;
        const i64 left = task.count - first;
        real = static_cast<int>(left < group_size<T> ? left : group_size<T>);
        for (int b = 0; b < group_size<T>; ++b) {
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
    if (X.column_stride == 1 && left >= lanes<T>) return load(x);
    Vec<T> result = {};
    // Beyond the row lies the next one: read both and mask it out, if enough numbers follow.
    if (X.column_stride == 1 && left + (X.rows - 1 - row) * X.row_stride >= lanes<T>) {
        Int<T> lane;
        for (int i = 0; i < lanes<T>; ++i) lane[i] = i;
        return lane < static_cast<typename Simd<T>::Lane>(left) ? load(x) : result;
    }
    for (int lane = 0; lane < lanes<T> && lane < left; ++lane)
        result[lane] = x[lane * X.column_stride];
    return result;
}

// Gathers one group: x into `a` (unit, group), and, if phase 2 will need them, into `columns`
// (panel, example, column) as well: the same vectors before and after transposition.
template <class T>
void gather(const Matrix<T>& X, const Rows<T>& rows, T* a, T* columns, i64 panel_stride) {
    constexpr int n = lanes<T>, size = group_size<T>;
    for (i64 at = 0; at < X.columns; at += n)
        for (int b = 0; b < size; b += n) {
            Vec<T> square[n];
            for (int i = 0; i < n; ++i) square[i] = row_vector(X, rows.row[b + i], at);
            if (columns) {
                T* to = columns + at / size * panel_stride + b * size + at % size;
                for (int i = 0; i < n; ++i) store(to + i * size, square[i]);
            }
            transpose<T>(square);
            for (int i = 0; i < n; ++i) store(a + (at + i) * size + b, square[i]);
        }
}

// Copies a of one group from (unit, group) to `columns` (panel, example, column).
template <class T>
void to_columns(const T* a, i64 units, T* columns, i64 panel_stride) {
    constexpr int n = lanes<T>, size = group_size<T>;
    for (i64 at = 0; at < units; at += n)
        for (int b = 0; b < size; b += n) {
            Vec<T> square[n];
            for (int i = 0; i < n; ++i) square[i] = load(a + (at + i) * size + b);
            transpose<T>(square);
            T* to = columns + at / size * panel_stride + b * size + at % size;
            for (int i = 0; i < n; ++i) store(to + i * size, square[i]);
        }
}

// The targets of one group, (K, group): numbers as they are, or classes as 0 and 1.
template <class T>
void gather_targets(const BatchTask<T>& task, const Rows<T>& rows, i64 K, T* y) {
    constexpr int size = group_size<T>;
    if (!task.labels) {
        for (int b = 0; b < size; ++b)
            for (i64 k = 0; k < K; ++k)
                y[k * size + b] =
                    task.Y.data[rows.row[b] * task.Y.row_stride + k * task.Y.column_stride];
        return;
    }
    for (i64 i = 0; i < K * size; i += lanes<T>) store(y + i, Vec<T>{});
    for (int b = 0; b < size; ++b) {
        const i64 label = task.labels[rows.row[b]];
        if (K == 1)
            y[b] = static_cast<T>(label);
        else
            y[label * size + b] = 1;
    }
}

}  // namespace
}  // namespace multilayer::MULTILAYER_ISA
