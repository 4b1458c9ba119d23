// From rows of a table, wherever they lie, to groups of examples in the lanes.
#pragma once

#include "tiles.hpp"
#include "../plan.hpp"

namespace multilayer::MULTILAYER_ISA {
namespace {

// Row numbers of one group. The last group of a chunk is filled up with its last row, so that no
// lane ever holds anything that a real example would not.
template <class T>
struct Rows {
    i64 row[group_size<T>];
    int real;  // lanes from here on are only filling

    Rows(const Plan<T>& plan, i64 group) {
        const i64 first = group * group_size<T>;
        const i64 left = plan.count - first;
        real = static_cast<int>(left < group_size<T> ? left : group_size<T>);
        for (int b = 0; b < group_size<T>; ++b) {
            const i64 place = plan.first + first + (b < real ? b : real - 1);
            row[b] = plan.order ? plan.order[place] : place;
        }
    }
};

// Columns at … at + lanes of x; beyond the last there are zeros.
template <class T>
inline Vec<T> row_vector(const Matrix<T>& X, i64 row, i64 at) {
    const T* x = X.data + row * X.row_stride + at * X.column_stride;
    const i64 left = X.columns - at;
    if (X.column_stride == 1 && left >= lanes<T>) return load(x);
    Vec<T> result = {};
    // Beyond the row lies the next one: read with it and left out, where there are enough of them.
    if (X.column_stride == 1 && left + (X.rows - 1 - row) * X.row_stride >= lanes<T>) {
        Int<T> lane;
        for (int i = 0; i < lanes<T>; ++i) lane[i] = i;
        return lane < static_cast<typename Simd<T>::Lane>(left) ? load(x) : result;
    }
    for (int lane = 0; lane < lanes<T> && lane < left; ++lane)
        result[lane] = x[lane * X.column_stride];
    return result;
}

// Gathers one group: x into `room` (unit, group), and, where phase 2 will want them, into
// `columns` (panel, example, column) as well: the same vectors before and after transposition.
template <class T>
void gather(const Matrix<T>& X, const Rows<T>& rows, T* room, T* columns, i64 panel_stride) {
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
            for (int i = 0; i < n; ++i) store(room + (at + i) * size + b, square[i]);
        }
}

// a of one group from `room` (unit, group) to `columns` (panel, example, column).
template <class T>
void to_columns(const T* room, i64 units, T* columns, i64 panel_stride) {
    constexpr int n = lanes<T>, size = group_size<T>;
    for (i64 at = 0; at < units; at += n)
        for (int b = 0; b < size; b += n) {
            Vec<T> square[n];
            for (int i = 0; i < n; ++i) square[i] = load(room + (at + i) * size + b);
            transpose<T>(square);
            T* to = columns + at / size * panel_stride + b * size + at % size;
            for (int i = 0; i < n; ++i) store(to + i * size, square[i]);
        }
}

// Targets of one group, (K, group): numbers as they come, or classes as 0 and 1.
template <class T>
void gather_targets(const Plan<T>& plan, const Rows<T>& rows, i64 K, T* y) {
    constexpr int size = group_size<T>;
    if (!plan.labels) {
        for (int b = 0; b < size; ++b)
            for (i64 k = 0; k < K; ++k)
                y[k * size + b] =
                    plan.Y.data[rows.row[b] * plan.Y.row_stride + k * plan.Y.column_stride];
        return;
    }
    for (i64 i = 0; i < K * size; i += lanes<T>) store(y + i, Vec<T>{});
    for (int b = 0; b < size; ++b) {
        const i64 label = plan.labels[rows.row[b]];
        if (K == 1)
            y[b] = static_cast<T>(label);
        else
            y[label * size + b] = 1;
    }
}

}  // namespace
}  // namespace multilayer::MULTILAYER_ISA
