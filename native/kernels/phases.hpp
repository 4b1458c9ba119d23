// Phases 1 and 2 of a training step, and prediction.
//
//   phase 1, split by groups of examples:  gather → forward → cost, δ⁽ᴸ⁾ → backward
//   ─ barrier ─
//   phase 2, split by tiles of Θ:          Δ = Σ δ [1, a]ᵀ in registers → D → update
//   ─ barrier ─
//
// Whichever thread does a part of a phase, its sums run over the same numbers in the same order:
// results have the same bits for any number of threads.
#pragma once

#include "activations.hpp"
#include "embedding.hpp"
#include "full_gradient_step.hpp"
#include "gather.hpp"
#include "losses.hpp"
#include "optimizers.hpp"
#include "sparse.hpp"

namespace multilayer::MULTILAYER_ISA {
namespace {

// The sums of a wide layer are computed in parts of this many terms, so that a part of a tile of Θ
// stays in the first cache. The parts of the reverse are shorter: it reads whole cache lines, of
// which it needs only a few numbers.
constexpr i64 dense_depth = 1024, reverse_depth = 256;

// z⁽ˡ⁺¹⁾ = Θ⁽ˡ⁾ [1, a⁽ˡ⁾], then relu if asked for, for the first `vectors` of each of some groups.
// A tile of Θ stays in the first cache while it is used for all the groups.
template <class T, int vectors>
void dense(
    const Layer<T>& layer, const T* a, i64 a_stride, T* z, i64 z_stride, int groups, bool relu) {
    const Tiles tiles(layer.out);
    const i64 stride = layer.in + 1, parts = (layer.in + dense_depth - 1) / dense_depth;
    for (i64 part = 0; part < parts; ++part) {
        const i64 from = part * layer.in / parts, to = (part + 1) * layer.in / parts;
        for (i64 tile = 0; tile < tiles.count; ++tile) {
            const i64 first = tiles.first(tile);
            const T* theta = layer.theta + first * stride;
            with_height(tiles.height(tile), part > 0, [&](auto height, auto accumulate) {
                for (int g = 0; g < groups; ++g)
                    dense_tile<T, height.value, vectors, accumulate.value>(
                        theta, theta + 1 + from, a + g * a_stride + from * group_size<T>,
                        z + g * z_stride + first * group_size<T>, to - from, stride,
                        relu && part + 1 == parts);
            });
        }
    }
}

// δ⁽ˡ⁾ = Θ⁽ˡ⁾ᵀ δ⁽ˡ⁺¹⁾ for some groups, times the slope of relu if asked for.
template <class T>
void reverse(const Layer<T>& layer,
             const T* a,
             i64 a_stride,
             const T* delta,
             T* result,
             i64 result_stride,
             int groups,
             bool relu) {
    const Tiles tiles(layer.in);
    const i64 stride = layer.in + 1, parts = (layer.out + reverse_depth - 1) / reverse_depth;
    for (i64 part = 0; part < parts; ++part) {
        const i64 from = part * layer.out / parts, to = (part + 1) * layer.out / parts;
        const bool slope = relu && part + 1 == parts;
        for (i64 tile = 0; tile < tiles.count; ++tile) {
            const i64 first = tiles.first(tile), at = first * group_size<T>;
            with_height(tiles.height(tile), part > 0, [&](auto height, auto accumulate) {
                alignas(64) T packed[reverse_depth * height.value];
                pack<T, height.value>(layer.theta + from * stride + 1 + first, packed, to - from,
                                      stride);
                for (int g = 0; g < groups; ++g)
                    reverse_tile<T, height.value, accumulate.value>(
                        packed, delta + g * layer.delta_stride + from * group_size<T>,
                        slope ? a + g * a_stride + at : nullptr, result + g * result_stride + at,
                        to - from);
            });
        }
    }
}

// Forward propagation up to z of the last layer. Returns where that lies in `scratch`. vectors: how
// many of each group are computed, if the others hold only padding.
template <class T, int vectors = tile_vectors>
T* forward(const BatchTask<T>& task, T* scratch, i64 first_group, int groups, bool learning) {
    constexpr int size = group_size<T>;
    const i64 panel_stride = task.capacity * size;
    T* a = scratch;
    i64 stride = task.layers[0].scratch;
    for (int g = 0; g < groups; ++g) {
        if (task.X.sparse()) {
            multiply_rows(task, first_group + g, learning, a + g * stride);
            continue;
        }
        const Rows<T> rows(task, first_group + g);
        T* columns = task.layers[0].columns;
        if (columns) columns += (first_group + g) * size * size;
        if (task.embedding) {
            gather<T>(task.X, rows, a + g * stride, nullptr, panel_stride);
            embed(task, rows, first_group + g, learning, a + g * stride);
            if (columns) to_columns(a + g * stride, task.layers[0].in, columns, panel_stride);
        } else if (learning && task.layers[0].dropout > 0) {
            gather<T>(task.X, rows, a + g * stride, nullptr, panel_stride);
            drop<T>(task, 0, first_group + g, a + g * stride, nullptr);
            to_columns(a + g * stride, task.layers[0].in, columns, panel_stride);
        } else {
            gather(task.X, rows, a + g * stride, columns, panel_stride);
        }
    }
    for (int l = 0; l < task.n_layers; ++l) {
        const Layer<T>& layer = task.layers[l];
        const bool last = l + 1 == task.n_layers;
        const i64 next_stride =
            last ? padded_units(layer.out, size) * size : task.layers[l + 1].scratch;
        T* next = a + groups * stride;
        const bool mixes = layer.mix.values;
        const bool relu = !last && !mixes && layer.activation == Activation::relu;
        if (l == 0 && task.X.sparse())
            to_units(layer, a, stride, next, next_stride, groups, relu);
        else
            dense<T, vectors>(layer, a, stride, next, next_stride, groups, relu);
        for (int g = 0; g < groups && !last; ++g) {
            T* units = next + g * next_stride;
            const bool from_z = slope_from_z(layer.activation) || mixes;
            T* difference = mixes ? units + next_stride / 2 : nullptr;
            const bool drops = learning && task.layers[l + 1].dropout > 0;
            T* slope = (learning && from_z) || drops
                           ? layer.delta + (first_group + g) * layer.delta_stride
                           : nullptr;
            if (mixes)
                mix(layer.activation, layer.mix.values, layer.out, units, slope, difference);
            else
                activate(layer.activation, units, slope, layer.out * size);
            if (drops) {
                if (!from_z) slopes(layer.activation, units, slope, layer.out * size);
                drop(task, l + 1, first_group + g, units, slope, difference);
            }
            if (learning)
                to_columns(units, layer.out,
                           task.layers[l + 1].columns + (first_group + g) * size * size,
                           panel_stride);
        }
        a = next;
        stride = next_stride;
    }
    return a;
}

template <class T>
void propagate(const BatchTask<T>& task, T* scratch, i64 first_group, int groups) {
    constexpr int size = group_size<T>;
    const int L = task.n_layers;
    const Layer<T>& output = task.layers[L - 1];
    const i64 K = output.out, h_stride = padded_units(K, size) * size;
    // Targets come first: they are written one by one, and reading them as whole vectors at once
    // would have to wait for that.
    T* y = scratch;
    scratch += groups * h_stride;
    for (int g = 0; g < groups; ++g) {
        gather_targets(task, Rows<T>(task, first_group + g), K, y + g * h_stride);
        if (task.smoothing > 0) smooth_targets(task, K, y + g * h_stride);
    }
    T* h = forward(task, scratch, first_group, groups, task.backward);
    for (int g = 0; g < groups; ++g, h += h_stride, y += h_stride) {
        const Rows<T> rows(task, first_group + g);
        Vec<T> J[tile_vectors];
        const bool own = task.loss == Loss::own;
        if (own)
            cost_and_output(task, h, y, K, J);
        else
            cost_and_delta(task, h, y, K, J);
        double total = 0;
        for (int n = 0; n < tile_vectors; ++n) {
            const int at = n * lanes<T>;
            Vec<T> weight = splat(T(1));
            if (task.weights || rows.real < size)
                for (int lane = 0; lane < lanes<T>; ++lane)
                    weight[lane] = at + lane >= rows.real ? T(0)
                                   : task.weights         ? task.weights[rows.row[at + lane]]
                                                          : T(1);
            total += sum<T>(weight == T(0) ? Vec<T>{} : weight * J[n]);
            if (!task.backward) continue;
            T* delta = output.delta + (first_group + g) * output.delta_stride + at;
            for (i64 k = 0; k < K * size && own; k += size)
                store(delta + k, weight * (load(h + at + k) - load(y + at + k)));
            for (i64 k = 0; k < K * size && !own; k += size)
                store(delta + k, weight * load(h + at + k));
        }
        task.group_costs[first_group + g] = total;
    }
    if (!task.backward) return;
    // Back through the layers: the places of a⁽ˡ⁾ are found again from the end.
    T* a = scratch;
    for (int l = 0; l < L; ++l) a += groups * task.layers[l].scratch;
    for (int l = L - 1; l > 0; --l) {
        const Layer<T>& layer = task.layers[l];
        const Layer<T>& below = task.layers[l - 1];
        const i64 stride = layer.scratch;
        a -= groups * stride;
        const bool mixes = below.mix.values;
        const bool stored = slope_from_z(below.activation) || layer.dropout > 0 || mixes;
        const T* delta = layer.delta + first_group * layer.delta_stride;
        T* result = below.delta + first_group * below.delta_stride;
        // Stored slopes lie where the result belongs; a⁽ˡ⁾ is no longer needed, so its place is
        // free.
        if (stored) {
            reverse(layer, a, stride, delta, a, stride, groups, false);
            for (int g = 0; g < groups; ++g) {
                const T* units = a + g * stride;
                T* slope = result + g * below.delta_stride;
                if (mixes)
                    mix_sums(units, units + stride / 2, layer.in,
                             below.mix_sums + (first_group + g) * layer.in);
                for (i64 i = 0; i < layer.in * size; i += lanes<T>)
                    store(slope + i, load(slope + i) * load(units + i));
            }
            continue;
        }
        reverse(layer, a, stride, delta, result, below.delta_stride, groups,
                below.activation == Activation::relu);
        for (int g = 0; g < groups; ++g)
            times_slope(below.activation, a + g * stride, result + g * below.delta_stride,
                        layer.in * size);
    }
    if (task.X.sparse()) to_examples(task, first_group, groups);
    const i64 stride = task.embedding ? task.embedding->stride : 0;
    if (task.embedding)
        reverse(task.layers[0], a, stride,
                task.layers[0].delta + first_group * task.layers[0].delta_stride,
                task.embedding->delta + first_group * stride, stride, groups, false);
}

template <class T>
void predict(const BatchTask<T>& task, T* scratch, i64 first_group, int groups) {
    constexpr int size = group_size<T>;
    const i64 K = task.layers[task.n_layers - 1].out, stride = padded_units(K, size) * size;
    // A single row costs half as much as a group.
    T* h = task.count <= lanes<T> ? forward<T, 1>(task, scratch, first_group, groups, false)
                                  : forward(task, scratch, first_group, groups, false);
    for (int g = 0; g < groups; ++g, h += stride) {
        apply_output(task, h, K);
        const i64 first = (first_group + g) * size;
        const i64 count = task.count - first < size ? task.count - first : size;
        T* H = task.H + (task.first + first) * K;
        for (i64 b = 0; b < count; ++b)
            for (i64 k = 0; k < K; ++k) H[b * K + k] = h[k * size + b];
    }
}

// The part of Θ that belongs to an item of phase 2.
template <class T>
struct Item {
    const Layer<T>* layer;
    i64 panel, first_tile, last_tile;
    Columns columns;  // of the panel
    Tiles tiles;

    Item(const BatchTask<T>& task, i64 item) : layer(task.layers), columns{0, 0, 1}, tiles(1) {
        while (layer + 1 < task.layers + task.n_layers && layer[1].first_item <= item) ++layer;
        const i64 at = item - layer->first_item;
        panel = layer->by_panels ? at / layer->row_blocks : at % layer->panels;
        const i64 block = layer->by_panels ? at % layer->row_blocks : at / layer->panels;
        tiles = Tiles(layer->out);
        first_tile = block * tiles.count / layer->row_blocks;
        last_tile = (block + 1) * tiles.count / layer->row_blocks;
        columns.first = 1 + panel * group_size<T>;
        columns.last = columns.first + group_size<T>;
        if (columns.last > layer->in + 1) columns.last = layer->in + 1;
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
    const int vectors =
        static_cast<int>((item.columns.last - item.columns.first + lanes<T> - 1) / lanes<T>);
    // The examples are taken in parts, so that a part of the panel stays in the first cache while
    // it is used for all the tiles.
    constexpr i64 part = (16 << 10) / (size * size * static_cast<i64>(sizeof(T)));
    const i64 groups = (task.count + size - 1) / size;
    alignas(vector_bytes) T sums[rows_of_item / tile_rows][tile_rows * size];
    Vec<T> squares = {};
    for (i64 from = 0; from < groups; from += part) {
        const bool last = groups - from <= part;
        for (i64 tile = item.first_tile; tile < item.last_tile; ++tile) {
            const i64 row = item.tiles.first(tile);
            const int height = item.tiles.height(tile);
            T* sum = sums[tile - item.first_tile];
            if (last) prefetch_tile(task, layer, row, height, item.columns);
            with_vectors<tile_vectors>(vectors, [&](auto v) {
                with_height(height, from > 0, [&](auto rows, auto accumulate) {
                    gradient_tile<T, rows.value, v.value, accumulate.value>(
                        layer.delta + from * stride + row * size, columns + from * size * size, sum,
                        last ? groups - from : part, stride);
                });
            });
            if (last) finish_tile(task, layer, sum, row, height, item.columns, squares);
        }
    }
    const i64 end = item.panel == 0 ? item.tiles.first(item.last_tile) : 0;
    for (i64 row = item.tiles.first(item.first_tile); row < end; row += lanes<T>) {
        const int n = end - row < lanes<T> ? static_cast<int>(end - row) : lanes<T>;
        store(sums[0], bias_sums(layer.delta + row * size, n, groups, stride));
        finish_tile(task, layer, sums[0], row, 1, {0, n, layer.in + 1}, squares);
    }
    if (task.penalized && task.last_chunk && !task.store) task.penalties[number] = sum<T>(squares);
}

template <class T>
void sum_squares(const BatchTask<T>& task, i64 number) {
    if (number < task.sparse.items) return sum_squares_of_inputs(task, number);
    if (number >= task.first_extra_item) return;  // without penalty: its place stays 0
    const Item<T> item(task, number);
    const Layer<T>& layer = *item.layer;
    Vec<T> squares = {};
    for (i64 tile = item.first_tile; tile < item.last_tile; ++tile)
        for_vectors<T>(item.columns, [&](i64 column, int n) {
            for (i64 row = item.tiles.first(tile); row < item.tiles.first(tile + 1); ++row) {
                const Vec<T> theta = get(layer.theta + row * (layer.in + 1) + column, n);
                squares += theta * theta;
            }
        });
    task.penalties[number] = sum<T>(squares);
}

}  // namespace
}  // namespace multilayer::MULTILAYER_ISA
