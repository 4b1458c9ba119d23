// Phase 2 of a training step: Δ of a part of Θ, summed over the examples of the chunk, and its
// step.
#pragma once

#include "embedding.hpp"
#include "gather.hpp"
#include "optimizers.hpp"
#include "sparse.hpp"

namespace multilayer::MULTILAYER_ISA {
namespace {

// The part of Θ that belongs to an item of phase 2.
template <class T>
struct Item {
    const Layer<T>* layer;
    i64 panel, block;
    i64 first_row, last_row;
    i64 column;
    int width;

    Item(const BatchTask<T>& task, i64 item) : layer(task.layers) {
        while (layer + 1 < task.layers + task.n_layers && layer[1].first_item <= item) ++layer;
        const i64 at = item - layer->first_item;
        panel = layer->by_panels ? at / layer->row_blocks : at % layer->panels;
        block = layer->by_panels ? at % layer->row_blocks : at / layer->panels;
        first_row = block * layer->out / layer->row_blocks;
        last_row = (block + 1) * layer->out / layer->row_blocks;
        column = panel * group_size<T>;
        const i64 left = layer->in - column;
        width = left < group_size<T> ? static_cast<int>(left) : group_size<T>;
    }

    // Stores Σθ² of each of its strips.
    void store_penalties(const BatchTask<T>& task, const Squares<T>& squares) const {
        double* const penalties = task.penalties + layer->first_penalty + block * layer->strips;
        for (int n = 0; n * strip<T> < width; ++n)
            penalties[column / strip<T> + n] = sum_of_strip<T>(squares, n);
    }
};

template <class T>
void update(const BatchTask<T>& task, i64 number) {
    if (number < task.sparse.items) return update_inputs(task, number);
    if (number >= task.first_extra_item)
        return update_extra_parameters(task, number - task.first_extra_item);
    constexpr int size = group_size<T>;
    const Item<T> item(task, number);
    const Layer<T>& layer = *item.layer;
    const i64 stride = layer.delta_stride;
    const T* columns = layer.columns + item.panel * task.capacity * size;
    const int vectors = (item.width + lanes<T> - 1) / lanes<T>;
    // The examples are taken in parts, so that a part of the panel stays in the first cache while
    // it is used for all the tiles.
    constexpr i64 part = (16 << 10) / (size * size * static_cast<i64>(sizeof(T)));
    const i64 groups = groups_of(task);
    const Tiles tiles(item.last_row - item.first_row);
    alignas(64) T sums[rows_of_item / tile_rows + 1][tile_rows * size];
    Squares<T> squares = {}, ignored = {};
    for (i64 from = 0; from < groups; from += part) {
        const bool last = groups - from <= part;
        for (i64 tile = 0; tile < tiles.count; ++tile) {
            const i64 row = item.first_row + tiles.first(tile);
            const int height = tiles.height(tile);
            T* sum = sums[tile];
            const auto rectangle =
                Rectangle<T>::weights(layer, row, height, item.column, item.width);
            if (last) prefetch(task, rectangle);
            with_number<tile_vectors>(vectors, [&](auto v) {
                with_height(height, from > 0, [&](auto rows, auto accumulate) {
                    gradient_tile<T, rows.value, v.value, accumulate.value>(
                        layer.delta + from * stride + row * size, columns + from * size * size, sum,
                        last ? groups - from : part, last ? last_of(task) : size, stride);
                });
            });
            if (last) finish(task, rectangle, sum, squares);
        }
    }
    const i64 end = item.panel == 0 ? item.last_row : 0;
    for (i64 row = item.first_row; row < end; row += lanes<T>) {
        const int n = end - row < lanes<T> ? static_cast<int>(end - row) : lanes<T>;
        store(sums[0], bias_sums(layer.delta + row * size, n, groups, last_of(task), stride));
        finish(task, Rectangle<T>::of_biases(layer, layer.out, row, n), sums[0], ignored);
    }
    if (task.penalized && task.last_chunk && !task.store) item.store_penalties(task, squares);
}

template <class T>
void sum_squares(const BatchTask<T>& task, i64 number) {
    if (number < task.sparse.items) return sum_squares_of_inputs(task, number);
    if (number >= task.first_extra_item) return;  // without penalty
    const Item<T> item(task, number);
    Squares<T> squares = {};
    add_squares(Rectangle<T>::weights(*item.layer, item.first_row,
                                      static_cast<int>(item.last_row - item.first_row), item.column,
                                      item.width),
                squares);
    item.store_penalties(task, squares);
}

}  // namespace
}  // namespace multilayer::MULTILAYER_ISA
