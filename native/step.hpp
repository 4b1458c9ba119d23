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
#include "optimizers.hpp"
#include "outputs.hpp"
#include "rows.hpp"

namespace multilayer::MULTILAYER_ISA {
namespace {

// z⁽ˡ⁺¹⁾ = Θ⁽ˡ⁾ [1, a⁽ˡ⁾], relu included, for some groups. A tile of Θ stays in the first cache
// while all the groups go past it.
template <class T>
void dense(
    const Layer<T>& layer, const T* a, i64 a_stride, T* z, i64 z_stride, int groups, bool relu) {
    const Tiles tiles(layer.out);
    const T floor = relu ? T(0) : T(-__builtin_inf());
    const i64 in = layer.in + 1;
    for (i64 tile = 0; tile < tiles.count; ++tile) {
        const i64 first = tiles.first(tile);
        const T* theta = layer.theta + first * in;
        with_height(tiles.height(tile), [&](auto height) {
            for (int g = 0; g < groups; ++g)
                dense_tile<T, height.value>(theta, a + g * a_stride,
                                            z + g * z_stride + first * group_size<T>, in, in,
                                            floor);
        });
    }
}

// δ⁽ˡ⁾ = Θ⁽ˡ⁾ᵀ δ⁽ˡ⁺¹⁾ for some groups, relu's slope included.
template <class T>
void reverse(const Layer<T>& layer,
             const T* a,
             i64 a_stride,
             const T* delta,
             T* result,
             int groups,
             bool relu) {
    const Tiles tiles(layer.in);
    const T threshold = relu ? T(0) : T(-__builtin_inf());
    for (i64 tile = 0; tile < tiles.count; ++tile) {
        const i64 first = tiles.first(tile), at = first * group_size<T>;
        with_height(tiles.height(tile), [&](auto height) {
            for (int g = 0; g < groups; ++g)
                reverse_tile<T, height.value>(
                    layer.theta + 1 + first, delta + g * layer.out * group_size<T>,
                    a + g * a_stride + at, result + g * layer.in * group_size<T> + at, layer.out,
                    layer.in + 1, threshold);
        });
    }
}

// Forward through the hidden layers and the last dense one. Returns where a⁽ᴸ⁾ lies in `room`;
// where[l] is where [1, a⁽ˡ⁾] of the first group lies.
template <class T>
T* forward(const Plan<T>& plan, T* room, i64 first_group, int groups, bool learning) {
    constexpr int size = group_size<T>;
    const i64 panel_stride = plan.capacity * size;
    T* a = room;
    i64 stride = padded_units(plan.layers[0].in, size) * size;
    for (int g = 0; g < groups; ++g) {
        const Rows<T> rows(plan, first_group + g);
        T* columns = plan.layers[0].columns;
        if (columns) columns += (first_group + g) * size * size;
        gather(plan.X, rows, a + g * stride, columns, panel_stride);
    }
    for (int l = 0; l < plan.n_layers; ++l) {
        const Layer<T>& layer = plan.layers[l];
        const bool last = l + 1 == plan.n_layers;
        const i64 next_stride = padded_units(layer.out, size) * size;
        T* next = a + groups * stride;
        const bool relu = !last && layer.activation == Activation::relu;
        dense(layer, a, stride, next + size, next_stride, groups, relu);
        for (int g = 0; g < groups && !last; ++g) {
            T* units = next + g * next_stride;
            for (int n = 0; n < wide; ++n) store(units + n * lanes<T>, splat(T(1)));
            T* slope = learning && slope_from_z(layer.activation)
                           ? layer.delta + (first_group + g) * layer.out * size
                           : nullptr;
            activate(layer.activation, units + size, slope, layer.out * size);
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
    for (int g = 0; g < groups; ++g)
        gather_targets(plan, Rows<T>(plan, first_group + g), K, y + g * h_stride);
    T* h = forward(plan, room, first_group, groups, plan.backward) + size;
    for (int g = 0; g < groups; ++g, h += h_stride, y += h_stride) {
        const Rows<T> rows(plan, first_group + g);
        double total = 0;
        for (int n = 0; n < wide; ++n) {
            const int at = n * lanes<T>;
            Vec<T> weight = splat(T(1));
            if (plan.weights || rows.real < size)
                for (int lane = 0; lane < lanes<T>; ++lane)
                    weight[lane] = at + lane >= rows.real ? T(0)
                                   : plan.weights         ? plan.weights[rows.row[at + lane]]
                                                          : T(1);
            const Vec<T> J = cost(plan.output, h + at, y + at, K, size);
            total += sum<T>(weight == T(0) ? Vec<T>{} : weight * J);
            if (!plan.backward) continue;
            T* delta = output.delta + (first_group + g) * K * size + at;
            for (i64 k = 0; k < K * size; k += size)
                store(delta + k, weight * (load(h + at + k) - load(y + at + k)));
        }
        plan.group_costs[first_group + g] = total;
    }
    if (!plan.backward) return;
    // Back through the layers: where a⁽ˡ⁾ lies is found again from the end.
    T* a = room;
    for (int l = 0; l < L; ++l) a += groups * padded_units(plan.layers[l].in, size) * size;
    for (int l = L - 1; l > 0; --l) {
        const Layer<T>& layer = plan.layers[l];
        const Layer<T>& below = plan.layers[l - 1];
        const i64 stride = padded_units(layer.in, size) * size;
        a -= groups * stride;
        const bool stored = slope_from_z(below.activation);
        const T* delta = layer.delta + first_group * layer.out * size;
        T* result = below.delta + first_group * layer.in * size;
        // Slopes lie where the result belongs; a⁽ˡ⁾ is no longer needed, and its place is free.
        if (stored) {
            for (int g = 0; g < groups; ++g) {
                T* units = a + g * stride + size;
                T* slope = result + g * layer.in * size;
                reverse(layer, units, 0, delta + g * layer.out * size, units, 1, false);
                for (i64 i = 0; i < layer.in * size; i += lanes<T>)
                    store(slope + i, load(slope + i) * load(units + i));
            }
            continue;
        }
        reverse(layer, a + size, stride, delta, result, groups,
                below.activation == Activation::relu);
        for (int g = 0; g < groups; ++g)
            times_slope(below.activation, a + g * stride + size, result + g * layer.in * size,
                        layer.in * size);
    }
}

template <class T>
void predict(const Plan<T>& plan, T* room, i64 first_group, int groups) {
    constexpr int size = group_size<T>;
    const i64 K = plan.layers[plan.n_layers - 1].out, stride = padded_units(K, size) * size;
    T* h = forward(plan, room, first_group, groups, false) + size;
    for (int g = 0; g < groups; ++g, h += stride) {
        for (int n = 0; n < wide; ++n) say(plan.output, h + n * lanes<T>, K, size);
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
    int vectors;  // of the panel
    Tiles tiles;

    Item(const Plan<T>& plan, i64 item) : layer(plan.layers), tiles(1) {
        while (layer + 1 < plan.layers + plan.n_layers && layer[1].first_item <= item) ++layer;
        const i64 at = item - layer->first_item;
        panel = at / layer->row_blocks;
        const i64 block = at % layer->row_blocks;
        tiles = Tiles(layer->out);
        first_tile = block * tiles.count / layer->row_blocks;
        last_tile = (block + 1) * tiles.count / layer->row_blocks;
        const i64 left = layer->in + 1 - panel * group_size<T>;
        vectors = static_cast<int>(left < group_size<T> ? (left + lanes<T> - 1) / lanes<T> : wide);
    }
};

template <class T>
void update(const Plan<T>& plan, i64 number) {
    constexpr int size = group_size<T>;
    const Item<T> item(plan, number);
    const Layer<T>& layer = *item.layer;
    const i64 groups = (plan.count + size - 1) / size;
    const T* columns = layer.columns + item.panel * plan.capacity * size;
    alignas(vector_bytes) T sums[tile_rows * size];
    Vec<T> squares = {};
    for (i64 tile = item.first_tile; tile < item.last_tile; ++tile) {
        const i64 row = item.tiles.first(tile);
        const int height = item.tiles.height(tile);
        prefetch_tile(plan, layer, row, height, item.panel * size);
        with_vectors<wide>(item.vectors, [&](auto vectors) {
            with_height(height, [&](auto rows) {
                gradient_tile<T, rows.value, vectors.value>(layer.delta + row * size, columns, sums,
                                                            groups, layer.out * size);
            });
        });
        finish_tile(plan, layer, sums, row, height, item.panel * size, squares);
    }
    if (plan.penalized && plan.last_chunk && !plan.store) plan.penalties[number] = sum<T>(squares);
}

template <class T>
void penalize(const Plan<T>& plan, i64 number) {
    const Item<T> item(plan, number);
    const Layer<T>& layer = *item.layer;
    Vec<T> squares = {};
    for (i64 tile = item.first_tile; tile < item.last_tile; ++tile)
        for_vectors<T>(layer.in + 1, item.panel * group_size<T>, [&](i64 column, int n) {
            for (i64 row = item.tiles.first(tile); row < item.tiles.first(tile + 1); ++row) {
                const T* theta = layer.theta + row * (layer.in + 1) + column;
                const Vec<T> kept = weights_only<T>(column) * get(theta, n);
                squares += kept * kept;
            }
        });
    plan.penalties[number] = sum<T>(squares);
}

}  // namespace
}  // namespace multilayer::MULTILAYER_ISA
