// The two phases of a training step, and prediction.
//
//   phase 1, split by groups of examples:  gather → forward → cost, δ⁽ᴸ⁾ → backward
//   ─ barrier ─
//   phase 2, split by tiles of Θ:          Δ = Σ δ [1, a]ᵀ in registers → D → update
//   ─ barrier ─
//
// Whoever does a piece of a phase, its sums run over the same numbers in the same order: results
// have the same bits for any number of threads.
#pragma once

#include "activations.hpp"
#include "embedding.hpp"
#include "losses.hpp"
#include "optimizers.hpp"
#include "gather.hpp"
#include "full_gradient_step.hpp"
#include "sparse.hpp"

namespace multilayer::MULTILAYER_ISA {
namespace {

// Where the sums of a wide layer are cut: a part of a tile of Θ then stays in the first cache,
// which the reverse reads by whole lines of which it needs a few numbers.
constexpr i64 dense_depth = 1024, reverse_depth = 256;

// z⁽ˡ⁺¹⁾ = Θ⁽ˡ⁾ [1, a⁽ˡ⁾], relu included, for the first `vectors` of some groups. A tile of Θ stays
// in the first cache while all the groups go past it.
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
            with_height(tiles.height(tile), part > 0, [&](auto height, auto begun) {
                for (int g = 0; g < groups; ++g)
                    dense_tile<T, height.value, vectors, begun.value>(
                        theta, theta + 1 + from, a + g * a_stride + from * group_size<T>,
                        z + g * z_stride + first * group_size<T>, to - from, stride,
                        relu && part + 1 == parts);
            });
        }
    }
}

// δ⁽ˡ⁾ = Θ⁽ˡ⁾ᵀ δ⁽ˡ⁺¹⁾ for some groups, relu's slope included.
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
            with_height(tiles.height(tile), part > 0, [&](auto height, auto begun) {
                alignas(64) T packed[reverse_depth * height.value];
                pack<T, height.value>(layer.theta + from * stride + 1 + first, packed, to - from,
                                      stride);
                for (int g = 0; g < groups; ++g)
                    reverse_tile<T, height.value, begun.value>(
                        packed, delta + g * layer.delta_stride + from * group_size<T>,
                        slope ? a + g * a_stride + at : nullptr, result + g * result_stride + at,
                        to - from);
            });
        }
    }
}

// Forward through the hidden layers and the last dense one. Returns where a⁽ᴸ⁾ lies in `room`.
// vectors: of each group, where the others have nothing to say.
template <class T, int vectors = wide>
T* forward(const Plan<T>& plan, T* room, i64 first_group, int groups, bool learning) {
    constexpr int size = group_size<T>;
    const i64 panel_stride = plan.capacity * size;
    T* a = room;
    i64 stride = plan.layers[0].room;
    for (int g = 0; g < groups; ++g) {
        if (plan.X.sparse()) {
            multiply_rows(plan, first_group + g, learning, a + g * stride);
            continue;
        }
        const Rows<T> rows(plan, first_group + g);
        T* columns = plan.layers[0].columns;
        if (columns) columns += (first_group + g) * size * size;
        if (plan.front) {
            gather<T>(plan.X, rows, a + g * stride, nullptr, panel_stride);
            embed(plan, rows, first_group + g, learning, a + g * stride);
            if (columns) to_columns(a + g * stride, plan.layers[0].in, columns, panel_stride);
        } else if (learning && plan.layers[0].dropout > 0) {
            gather<T>(plan.X, rows, a + g * stride, nullptr, panel_stride);
            drop<T>(plan, 0, first_group + g, a + g * stride, nullptr);
            to_columns(a + g * stride, plan.layers[0].in, columns, panel_stride);
        } else {
            gather(plan.X, rows, a + g * stride, columns, panel_stride);
        }
    }
    for (int l = 0; l < plan.n_layers; ++l) {
        const Layer<T>& layer = plan.layers[l];
        const bool last = l + 1 == plan.n_layers;
        const i64 next_stride =
            last ? padded_units(layer.out, size) * size : plan.layers[l + 1].room;
        T* next = a + groups * stride;
        const bool mixes = layer.mix.values;
        const bool relu = !last && !mixes && layer.activation == Activation::relu;
        if (l == 0 && plan.X.sparse())
            to_units(layer, a, stride, next, next_stride, groups, relu);
        else
            dense<T, vectors>(layer, a, stride, next, next_stride, groups, relu);
        for (int g = 0; g < groups && !last; ++g) {
            T* units = next + g * next_stride;
            const bool from_z = slope_from_z(layer.activation) || mixes;
            T* difference = mixes ? units + next_stride / 2 : nullptr;
            const bool drops = learning && plan.layers[l + 1].dropout > 0;
            T* slope = (learning && from_z) || drops
                           ? layer.delta + (first_group + g) * layer.delta_stride
                           : nullptr;
            if (mixes)
                mix(layer.activation, layer.mix.values, layer.out, units, slope, difference);
            else
                activate(layer.activation, units, slope, layer.out * size);
            if (drops) {
                if (!from_z) slopes(layer.activation, units, slope, layer.out * size);
                drop(plan, l + 1, first_group + g, units, slope, difference);
            }
            if (learning)
                to_columns(units, layer.out,
                           plan.layers[l + 1].columns + (first_group + g) * size * size,
                           panel_stride);
        }
        a = next;
        stride = next_stride;
    }
    return a;
}

template <class T>
void propagate(const Plan<T>& plan, T* room, i64 first_group, int groups) {
    constexpr int size = group_size<T>;
    const int L = plan.n_layers;
    const Layer<T>& output = plan.layers[L - 1];
    const i64 K = output.out, h_stride = padded_units(K, size) * size;
    // Targets first: written one by one here, they would not be ready for whole vectors if they
    // were wanted at once.
    T* y = room;
    room += groups * h_stride;
    for (int g = 0; g < groups; ++g) {
        gather_targets(plan, Rows<T>(plan, first_group + g), K, y + g * h_stride);
        if (plan.smoothing > 0) smooth_targets(plan, K, y + g * h_stride);
    }
    T* h = forward(plan, room, first_group, groups, plan.backward);
    for (int g = 0; g < groups; ++g, h += h_stride, y += h_stride) {
        const Rows<T> rows(plan, first_group + g);
        Vec<T> J[wide];
        const bool own = plan.loss == Loss::own;
        if (own)
            cost(plan, h, y, K, J);
        else
            judge(plan, h, y, K, J);
        double total = 0;
        for (int n = 0; n < wide; ++n) {
            const int at = n * lanes<T>;
            Vec<T> weight = splat(T(1));
            if (plan.weights || rows.real < size)
                for (int lane = 0; lane < lanes<T>; ++lane)
                    weight[lane] = at + lane >= rows.real ? T(0)
                                   : plan.weights         ? plan.weights[rows.row[at + lane]]
                                                          : T(1);
            total += sum<T>(weight == T(0) ? Vec<T>{} : weight * J[n]);
            if (!plan.backward) continue;
            T* delta = output.delta + (first_group + g) * output.delta_stride + at;
            for (i64 k = 0; k < K * size && own; k += size)
                store(delta + k, weight * (load(h + at + k) - load(y + at + k)));
            for (i64 k = 0; k < K * size && !own; k += size)
                store(delta + k, weight * load(h + at + k));
        }
        plan.group_costs[first_group + g] = total;
    }
    if (!plan.backward) return;
    // Back through the layers: where a⁽ˡ⁾ lies is found again from the end.
    T* a = room;
    for (int l = 0; l < L; ++l) a += groups * plan.layers[l].room;
    for (int l = L - 1; l > 0; --l) {
        const Layer<T>& layer = plan.layers[l];
        const Layer<T>& below = plan.layers[l - 1];
        const i64 stride = layer.room;
        a -= groups * stride;
        const bool mixes = below.mix.values;
        const bool stored = slope_from_z(below.activation) || layer.dropout > 0 || mixes;
        const T* delta = layer.delta + first_group * layer.delta_stride;
        T* result = below.delta + first_group * below.delta_stride;
        // Slopes lie where the result belongs; a⁽ˡ⁾ is no longer needed, and its place is free.
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
    if (plan.X.sparse()) to_examples(plan, first_group, groups);
    const i64 stride = plan.front ? plan.front->stride : 0;
    if (plan.front)
        reverse(plan.layers[0], a, stride,
                plan.layers[0].delta + first_group * plan.layers[0].delta_stride,
                plan.front->delta + first_group * stride, stride, groups, false);
}

template <class T>
void predict(const Plan<T>& plan, T* room, i64 first_group, int groups) {
    constexpr int size = group_size<T>;
    const i64 K = plan.layers[plan.n_layers - 1].out, stride = padded_units(K, size) * size;
    // A single row costs half as much as a group.
    T* h = plan.count <= lanes<T> ? forward<T, 1>(plan, room, first_group, groups, false)
                                  : forward(plan, room, first_group, groups, false);
    for (int g = 0; g < groups; ++g, h += stride) {
        say(plan, h, K);
        const i64 first = (first_group + g) * size;
        const i64 count = plan.count - first < size ? plan.count - first : size;
        T* H = plan.H + (plan.first + first) * K;
        for (i64 b = 0; b < count; ++b)
            for (i64 k = 0; k < K; ++k) H[b * K + k] = h[k * size + b];
    }
}

// Which part of Θ an item of phase 2 is.
template <class T>
struct Item {
    const Layer<T>* layer;
    i64 panel, first_tile, last_tile;
    Columns columns;  // of the panel
    Tiles tiles;

    Item(const Plan<T>& plan, i64 item) : layer(plan.layers), columns{0, 0, 1}, tiles(1) {
        while (layer + 1 < plan.layers + plan.n_layers && layer[1].first_item <= item) ++layer;
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
void update(const Plan<T>& plan, i64 number) {
    if (number < plan.sparse.items) return update_inputs(plan, number);
    if (number >= plan.first_beside) return update_beside(plan, number - plan.first_beside);
    constexpr int size = group_size<T>;
    const Item<T> item(plan, number);
    const Layer<T>& layer = *item.layer;
    const i64 stride = layer.delta_stride;
    const T* columns = layer.columns + item.panel * plan.capacity * size;
    const int vectors =
        static_cast<int>((item.columns.last - item.columns.first + lanes<T> - 1) / lanes<T>);
    // Part by part of the examples, so that a part of the panel stays in the first cache while all
    // the tiles go past it.
    constexpr i64 part = (16 << 10) / (size * size * static_cast<i64>(sizeof(T)));
    const i64 groups = (plan.count + size - 1) / size;
    alignas(vector_bytes) T sums[rows_of_item / tile_rows][tile_rows * size];
    Vec<T> squares = {};
    for (i64 from = 0; from < groups; from += part) {
        const bool last = groups - from <= part;
        for (i64 tile = item.first_tile; tile < item.last_tile; ++tile) {
            const i64 row = item.tiles.first(tile);
            const int height = item.tiles.height(tile);
            T* sum = sums[tile - item.first_tile];
            if (last) prefetch_tile(plan, layer, row, height, item.columns);
            with_vectors<wide>(vectors, [&](auto v) {
                with_height(height, from > 0, [&](auto rows, auto begun) {
                    gradient_tile<T, rows.value, v.value, begun.value>(
                        layer.delta + from * stride + row * size, columns + from * size * size, sum,
                        last ? groups - from : part, stride);
                });
            });
            if (last) finish_tile(plan, layer, sum, row, height, item.columns, squares);
        }
    }
    const i64 end = item.panel == 0 ? item.tiles.first(item.last_tile) : 0;
    for (i64 row = item.tiles.first(item.first_tile); row < end; row += lanes<T>) {
        const int n = end - row < lanes<T> ? static_cast<int>(end - row) : lanes<T>;
        store(sums[0], bias_sums(layer.delta + row * size, n, groups, stride));
        finish_tile(plan, layer, sums[0], row, 1, {0, n, layer.in + 1}, squares);
    }
    if (plan.penalized && plan.last_chunk && !plan.store) plan.penalties[number] = sum<T>(squares);
}

template <class T>
void penalize(const Plan<T>& plan, i64 number) {
    if (number < plan.sparse.items) return penalize_inputs(plan, number);
    if (number >= plan.first_beside) return;  // no penalty, and its place stays 0
    const Item<T> item(plan, number);
    const Layer<T>& layer = *item.layer;
    Vec<T> squares = {};
    for (i64 tile = item.first_tile; tile < item.last_tile; ++tile)
        for_vectors<T>(item.columns, [&](i64 column, int n) {
            for (i64 row = item.tiles.first(tile); row < item.tiles.first(tile + 1); ++row) {
                const Vec<T> theta = get(layer.theta + row * (layer.in + 1) + column, n);
                squares += theta * theta;
            }
        });
    plan.penalties[number] = sum<T>(squares);
}

}  // namespace
}  // namespace multilayer::MULTILAYER_ISA
