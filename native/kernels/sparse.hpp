// Layer 1 if X is sparse. Units lie in the lanes here: a stored value x of input k adds x Θᵀ[k], a
// run of weights, to z of its example, and x δ of its example to the gradient of Θᵀ[k]. No array of
// the size of rows × inputs is ever made.
//
// The optimizer also moves weights without a gradient (Adam's averages, the penalty), so phase 2
// goes through all of Θᵀ, one block at a time: the gradient of a block is summed in the first
// cache, input by input, and then passed to the same functions that finish a tile of a dense layer.
#pragma once

#include "dropout.hpp"
#include "gather.hpp"
#include "optimizers.hpp"

namespace multilayer::MULTILAYER_ISA {
namespace {

// Enough sums side by side to keep the multiply-adds from waiting for each other.
constexpr int most_sums = 8;

// Numbers of a block of Θᵀ: its gradient and what the step reads stay in the first cache.
constexpr i64 block_numbers = 1024;

// to (columns, rows) = fromᵀ, from (rows, columns).
template <class T>
void transpose_matrix(const T* from, i64 from_stride, T* to, i64 to_stride, i64 rows, i64 columns) {
    constexpr int n = lanes<T>;
    const auto some = [](i64 left) { return left < n ? static_cast<int>(left) : n; };
    for (i64 column = 0; column < columns; column += n)
        for (i64 row = 0; row < rows; row += n) {
            const int height = some(rows - row), width = some(columns - column);
            Vec<T> square[n];
            for (int i = 0; i < n; ++i)
                square[i] =
                    i < height ? get(from + (row + i) * from_stride + column, width) : Vec<T>{};
            transpose<T>(square);
            for (int i = 0; i < width; ++i)
                put(to + (column + i) * to_stride + row, square[i], height);
        }
}

// result = first + Σ values[i] · row numbers[i] of `rows`, for some vectors of units. Lanes beyond
// the last unit may hold anything, in the operands and in the result.
template <class T, int vectors>
void add_rows(const T* first,  // null: zeros
              const T* rows,   // `stride` apart
              i64 stride,
              const std::int32_t* numbers,
              const T* values,
              i64 n,
              T* result) {
    Vec<T> sum[1][vectors] = {};
    if (first) load_sums<T>(sum, first);
    for (i64 i = 0; i < n; ++i) multiply_add<T>(sum, values + i, 1, rows + numbers[i] * stride);
    store_sums<T>(sum, result);
}

// The same for any number of units, in parts of nearly the same width.
template <class T>
void add_rows(const T* first,
              const T* rows,
              i64 stride,
              const std::int32_t* numbers,
              const T* values,
              i64 n,
              T* result,
              i64 units) {
    const i64 vectors = (units + lanes<T> - 1) / lanes<T>;
    const i64 parts = (vectors + most_sums - 1) / most_sums;
    for (i64 part = 0; part < parts; ++part) {
        const i64 from = part * vectors / parts, to = (part + 1) * vectors / parts;
        const i64 at = from * lanes<T>;
        with_number<most_sums>(static_cast<int>(to - from), [&](auto v) {
            add_rows<T, v.value>(first ? first + at : nullptr, rows + at, stride, numbers, values,
                                 n, result + at);
        });
    }
}

// The same with dropout of inputs: values[i] · mask(i) in place of values[i], some at a time.
template <class T, class F>
void add_masked_rows(const T* first,
                     const T* rows,
                     i64 stride,
                     const std::int32_t* numbers,
                     const T* values,
                     i64 n,
                     T* result,
                     i64 units,
                     F mask) {
    T masked[256];
    for (i64 at = 0; at == 0 || at < n; at += 256) {
        const i64 some = n - at < 256 ? n - at : 256;
        for (i64 i = 0; i < some; ++i) masked[i] = values[at + i] * mask(at + i);
        add_rows(at > 0 ? result : first, rows, stride, numbers + at, masked, some, result, units);
    }
}

// z⁽²⁾ of one group as (example, padded unit). Padding repeats the last real example.
template <class T>
void multiply_rows(const BatchTask<T>& task, i64 first, int vectors, bool learning, T* z) {
    const Layer<T>& layer = task.layers[0];
    const Rows<T> rows(task, first, vectors);
    const Mask<T> mask(task, 0);
    const i64 units = layer.out, stride = padded_units(units, group_size<T>);
    const ThetaArray<T> transposed = task.sparse.transposed.theta;
    for (int b = 0; b < vectors * lanes<T>; ++b, z += stride) {
        if (b >= rows.real) {
            __builtin_memcpy(z, z - stride, static_cast<std::size_t>(units) * sizeof(T));
            continue;
        }
        const i64 start = task.X.starts[rows.row[b]], end = task.X.starts[rows.row[b] + 1];
        const std::int32_t* inputs = task.X.indices + start;
        const T* values = task.X.data + start;
        if (learning && layer.dropout > 0) {
            const auto example = mask.example(task.place + first + b);
            add_masked_rows(transposed.biases, transposed.weights, units, inputs, values,
                            end - start, z, units, [&](i64 i) { return mask(example, inputs[i]); });
            continue;
        }
        if (transposed.weights) {
            add_rows<T>(transposed.biases, transposed.weights, units, inputs, values, end - start,
                        z, units);
            continue;
        }
        // The same sums in the same order, through untransposed Θ.
        const ThetaArray<T> theta = layer.theta;
        for (i64 unit = 0; unit < units; ++unit) z[unit] = theta.biases[unit * theta.bias_step];
        for (i64 i = 0; i < end - start; ++i) {
            const T* column = theta.weights + inputs[i];
            for (i64 unit = 0; unit < units; ++unit)
                z[unit] = fma<T>(splat(values[i]), splat(column[unit * theta.row_step]),
                                 splat(z[unit]))[0];
        }
    }
}

// z⁽²⁾ of some groups from (example, padded unit) to (unit, group), then relu if asked for.
template <class T>
void to_units(const Layer<T>& layer,
              const T* z,
              i64 z_stride,
              T* units,
              i64 units_stride,
              const Groups<T>& groups,
              bool relu) {
    constexpr int size = group_size<T>;
    const i64 z_row = padded_units(layer.out, size), examples = groups.vectors * lanes<T>;
    for (int g = 0; g < groups.count; ++g, z += z_stride, units += units_stride) {
        transpose_matrix(z, z_row, units, size, examples, layer.out);
        for (i64 i = 0; relu && i < layer.out * size; i += groups.step()) {
            const Vec<T> x = load(units + i);
            store(units + i, x < T(0) ? Vec<T>{} : x);
        }
    }
}

// δ⁽²⁾ of some groups from (unit, group) to (example, padded unit).
template <class T>
void to_examples(const BatchTask<T>& task, const Groups<T>& groups) {
    constexpr int size = group_size<T>;
    const Layer<T>& layer = task.layers[0];
    const i64 stride = padded_units(layer.out, size);
    for (int g = 0; g < groups.count; ++g)
        transpose_matrix(layer.delta + delta_place(layer, groups.example(g)), size,
                         task.sparse.delta + groups.example(g) * stride, stride, layer.out,
                         groups.vectors * lanes<T>);
}

// Calls f for the blocks of an item, each a run of Θᵀ: some inputs with all of their units, or one
// input with some of them.
template <class T, class F>
inline void for_blocks(const BatchTask<T>& task, i64 item, F f) {
    const i64 in = task.layers[0].in, units = task.layers[0].out;
    const i64 first = item * task.sparse.inputs_of_item, next = first + task.sparse.inputs_of_item;
    const i64 last = next < in ? next : in;
    if (units >= block_numbers) {
        for (i64 input = first; input < last; ++input)
            for (i64 unit = 0; unit < units; unit += block_numbers)
                f(input, i64(1), unit, units - unit < block_numbers ? units - unit : block_numbers);
        return;
    }
    const i64 inputs = block_numbers / units;
    for (i64 input = first; input < last; input += inputs)
        f(input, last - input < inputs ? last - input : inputs, i64(0), units);
}

// Splits a run of Θᵀ in the way that is fastest for the functions of optimizers.hpp: into a tall
// rectangle whose rows are strips, and one row of the rest. Calls f(rectangle, where its sums
// begin).
template <class T, class F>
inline void as_rectangles(const Layer<T>& transposed, i64 from, i64 numbers, F f) {
    const i64 height = numbers / strip<T>, whole = height * strip<T>;
    const auto part = [&](i64 first, i64 rows, i64 width) {
        const auto at = [=](const ThetaArray<T>& array) {
            return array.weights ? array.weights + from + first : nullptr;
        };
        f(Rectangle<T>{at(transposed.theta),
                       {at(transposed.slots[0]), at(transposed.slots[1])},
                       at(transposed.gradient),
                       strip<T>,
                       strip<T>,
                       static_cast<int>(rows),
                       static_cast<int>(width),
                       transposed.rate,
                       false,
                       false},
          first);
    };
    if (height > 0) part(0, height, strip<T>);
    if (whole < numbers) part(whole, 1, numbers - whole);
}

// Phase 2 for some inputs.
template <class T>
void update_inputs(const BatchTask<T>& task, i64 item) {
    constexpr int size = group_size<T>;
    const Layer<T>& layer = task.layers[0];
    const SparseLayer<T>& sparse = task.sparse;
    const i64 all = layer.out, stride = padded_units(all, size);
    const Mask<T> mask(task, 0);
    alignas(64) T sums[block_numbers + lanes<T>];
    Squares<T> squares = {}, ignored = {};
    for (i64 unit = 0; item == 0 && unit < all; unit += lanes<T>) {
        const int n = all - unit < lanes<T> ? static_cast<int>(all - unit) : lanes<T>;
        store(sums, bias_sums(layer.delta + unit * size, n, groups_of(task), last_of(task),
                              layer.delta_stride));
        finish(task, Rectangle<T>::of_biases(sparse.transposed, all, unit, n), sums, ignored);
    }
    for_blocks(task, item, [&](i64 input, i64 inputs, i64 unit, i64 units) {
        // The last vector of an input reaches into the place of the next one, which is written
        // later.
        T* sum = sums;
        for (i64 k = input; k < input + inputs; ++k, sum += units) {
            const i64 start = k > 0 ? sparse.ends[k - 1] : 0, n = sparse.ends[k] - start;
            const std::int32_t* examples = sparse.examples + start;
            const T *values = sparse.values + start, *delta = sparse.delta + unit;
            if (layer.dropout > 0)
                add_masked_rows<T>(
                    nullptr, delta, stride, examples, values, n, sum, units,
                    [&](i64 i) { return mask(mask.example(task.place + examples[i]), k); });
            else
                add_rows<T>(nullptr, delta, stride, examples, values, n, sum, units);
        }
        as_rectangles(
            sparse.transposed, input * all + unit, inputs * units,
            [&](const Rectangle<T>& part, i64 at) { finish(task, part, sums + at, squares); });
    });
    if (task.penalized && task.last_chunk && !task.store)
        task.penalties[item] = sum_of_strip<T>(squares, 0);
}

template <class T>
void sum_squares_of_inputs(const BatchTask<T>& task, i64 item) {
    const i64 all = task.layers[0].out;
    Squares<T> squares = {};
    for_blocks(task, item, [&](i64 input, i64 inputs, i64 unit, i64 units) {
        as_rectangles(task.sparse.transposed, input * all + unit, inputs * units,
                      [&](const Rectangle<T>& part, i64) { add_squares(part, squares); });
    });
    task.penalties[item] = sum_of_strip<T>(squares, 0);
}

}  // namespace
}  // namespace multilayer::MULTILAYER_ISA
