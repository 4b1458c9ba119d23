// Phase 1 of a training step, and prediction: groups of examples go through the layers, and δ back.
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
#include "gather.hpp"
#include "losses.hpp"
#include "single_row.hpp"
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
    const ThetaArray<T> theta = layer.theta;
    const i64 parts = (layer.in + dense_depth - 1) / dense_depth;
    for (i64 part = 0; part < parts; ++part) {
        const i64 from = part * layer.in / parts, to = (part + 1) * layer.in / parts;
        for (i64 tile = 0; tile < tiles.count; ++tile) {
            const i64 first = tiles.first(tile);
            with_height(tiles.height(tile), part > 0, [&](auto height, auto accumulate) {
                for (int g = 0; g < groups; ++g)
                    dense_tile<T, height.value, vectors, accumulate.value>(
                        theta.biases + first * theta.bias_step, theta.bias_step,
                        theta.weights + first * theta.row_step + from, theta.row_step,
                        a + g * a_stride + from * group_size<T>,
                        z + g * z_stride + first * group_size<T>, to - from,
                        relu && part + 1 == parts);
            });
        }
    }
}

// δ⁽ˡ⁾ = Θ⁽ˡ⁾ᵀ δ⁽ˡ⁺¹⁾ for the first `vectors` of each of some groups, times the slope of relu if
// asked for.
template <class T, int vectors>
void reverse(const Layer<T>& layer,
             const T* a,
             i64 a_stride,
             const T* delta,
             T* result,
             i64 result_stride,
             int groups,
             bool relu) {
    const Tiles tiles(layer.in);
    const ThetaArray<T> theta = layer.theta;
    const i64 parts = (layer.out + reverse_depth - 1) / reverse_depth;
    for (i64 part = 0; part < parts; ++part) {
        const i64 from = part * layer.out / parts, to = (part + 1) * layer.out / parts;
        const bool slope = relu && part + 1 == parts;
        for (i64 tile = 0; tile < tiles.count; ++tile) {
            const i64 first = tiles.first(tile), at = first * group_size<T>;
            with_height(tiles.height(tile), part > 0, [&](auto height, auto accumulate) {
                alignas(64) T packed[reverse_depth * height.value];
                pack<T, height.value>(theta.weights + from * theta.row_step + first, packed,
                                      to - from, theta.row_step);
                for (int g = 0; g < groups; ++g)
                    reverse_tile<T, height.value, vectors, accumulate.value>(
                        packed, delta + g * layer.delta_stride + from * group_size<T>,
                        slope ? a + g * a_stride + at : nullptr, result + g * result_stride + at,
                        to - from);
            });
        }
    }
}

// Calls f with `vectors` of some groups as a constant.
template <class T, class F>
inline void with_vectors(const Groups<T>& groups, F f) {
    if (groups.vectors == tile_vectors)
        f(std::integral_constant<int, tile_vectors>{});
    else
        f(std::integral_constant<int, 1>{});
}

// a⁽¹⁾ of some groups, a stride apart.
template <class T>
void first_inputs(const BatchTask<T>& task, const Groups<T>& groups, bool learning, T* a) {
    constexpr int size = group_size<T>;
    const Layer<T>& layer = task.layers[0];
    const i64 panel_stride = task.capacity * size;
    for (int g = 0; g < groups.count; ++g, a += layer.scratch) {
        const i64 first = groups.example(g);
        if (task.X.sparse()) {
            multiply_rows(task, first, groups.vectors, learning, a);
            continue;
        }
        const Rows<T> rows(task, first, groups.vectors);
        T* const columns = layer.columns ? layer.columns + first * size : nullptr;
        const bool drops = learning && layer.dropout > 0;
        if (!task.embedding && !drops) {
            gather(task.X, rows, a, columns, panel_stride);
            continue;
        }
        gather<T>(task.X, rows, a, nullptr, panel_stride);
        if (task.embedding)
            embed(task, rows, first, learning, a);
        else
            drop<T>(task, 0, first, groups.vectors, a, nullptr);
        if (columns) to_columns(a, layer.in, groups.vectors, columns, panel_stride);
    }
}

// Forward propagation up to z of the last layer. Returns where that lies in `scratch`.
template <class T>
T* forward(const BatchTask<T>& task, T* scratch, const Groups<T>& groups, bool learning) {
    constexpr int size = group_size<T>;
    const i64 panel_stride = task.capacity * size, step = groups.step();
    T* a = scratch;
    i64 stride = task.layers[0].scratch;
    first_inputs(task, groups, learning, a);
    for (int l = 0; l < task.n_layers; ++l) {
        const Layer<T>& layer = task.layers[l];
        const bool last = l + 1 == task.n_layers;
        const i64 next_stride =
            last ? padded_units(layer.out, size) * size : task.layers[l + 1].scratch;
        T* next = a + groups.count * stride;
        const bool mixes = layer.mix.values;
        const bool relu = !last && !mixes && layer.activation == Activation::relu;
        if (l == 0 && task.X.sparse())
            to_units(layer, a, stride, next, next_stride, groups, relu);
        else
            with_vectors<T>(groups, [&](auto vectors) {
                dense<T, vectors.value>(layer, a, stride, next, next_stride, groups.count, relu);
            });
        for (int g = 0; g < groups.count && !last; ++g) {
            const Layer<T>& above = task.layers[l + 1];
            const i64 n = layer.out * size, first = groups.example(g);
            T* z = next + g * next_stride;
            const bool drops = learning && above.dropout > 0;
            // A slope that a does not determine is stored where δ will be.
            T* slope = learning && (slope_from_z(layer.activation) || drops || mixes)
                           ? layer.delta + delta_place(layer, first)
                           : nullptr;
            T* difference = z + above.scratch / 2;
            if (mixes)
                mix(layer.activation, layer.mix.values, layer.out, step, z, slope, difference);
            else
                activate(layer.activation, z, slope, n, step);
            if (drops) {
                if (!mixes && !slope_from_z(layer.activation))
                    slopes(layer.activation, z, slope, n, step);
                drop<T>(task, l + 1, first, groups.vectors, z, slope, mixes ? difference : nullptr);
            }
            if (above.columns)
                to_columns(z, layer.out, groups.vectors, above.columns + first * size,
                           panel_stride);
        }
        a = next;
        stride = next_stride;
    }
    return a;
}

// The weights of the examples of a group; padding has none.
template <class T>
void weights_of(const BatchTask<T>& task, const Rows<T>& rows, Group<T>& weight) {
    for (int n = 0; n < rows.vectors; ++n) weight[n] = splat(T(1));
    if (!task.weights && rows.real == rows.vectors * lanes<T>) return;
    for (int b = 0; b < rows.vectors * lanes<T>; ++b)
        weight[b / lanes<T>][b % lanes<T>] = b >= rows.real ? T(0)
                                             : task.weights ? task.weights[rows.row[b]]
                                                            : T(1);
}

// h (K, group) of the examples from `first` on, as rows of H.
template <class T>
void store_outputs(const BatchTask<T>& task, const T* h, i64 first, int vectors) {
    const i64 K = task.layers[task.n_layers - 1].out, left = task.count - first;
    const i64 all = vectors * lanes<T>, count = left < all ? left : all;
    T* H = task.H + (task.first + first) * K;
    for (i64 b = 0; b < count; ++b)
        for (i64 k = 0; k < K; ++k) H[b * K + k] = h[k * group_size<T> + b];
}

// The costs of one group, and δ at the output if it will be needed. z (K, group) is overwritten,
// and so are the targets y, which are not used if they are classes.
template <class T>
void costs_and_delta(const BatchTask<T>& task, const Groups<T>& groups, int g, T* z, T* y) {
    constexpr int size = group_size<T>;
    const Layer<T>& output = task.layers[task.n_layers - 1];
    const i64 K = output.out, first = groups.example(g);
    const int vectors = groups.vectors;
    const Rows<T> rows(task, first, vectors);
    T* const delta = task.backward ? output.delta + delta_place(output, first) : nullptr;
    Group<T> J = {}, weight;
    weights_of(task, rows, weight);
    if (task.classes) {
        i64 classes[size];
        for (int b = 0; b < vectors * lanes<T>; ++b) classes[b] = task.labels[rows.row[b]];
        cross_entropy_of_classes(z, classes, weight, K, vectors, delta, J);
    } else {
        const bool own = task.loss == Loss::own;
        if (own)
            cost_and_output(task, z, y, K, vectors, J);
        else
            cost_and_delta(task, z, y, K, vectors, J);
        if (task.H && own) store_outputs(task, z, first, vectors);
        if (delta)
            each_vector<T>(K, vectors, [&](int n, i64 at) {
                const Vec<T> x = load(z + at);
                store(delta + at, weight[n] * (own ? x - load(y + at) : x));
            });
    }
    for (int n = 0; n < vectors; n += strip_vectors) {
        Vec<T> total[strip_vectors] = {};
        for (int i = 0; i < strip_vectors && n + i < vectors; ++i)
            total[i] = weight[n + i] == T(0) ? Vec<T>{} : weight[n + i] * J[n + i];
        task.costs[first / strip<T> + n / strip_vectors] = sum<T>(total);
    }
}

template <class T>
void propagate_groups(const BatchTask<T>& task, T* scratch, const Groups<T>& groups) {
    constexpr int size = group_size<T>;
    const int L = task.n_layers;
    const i64 h_stride = padded_units(task.layers[L - 1].out, size) * size, step = groups.step();
    const i64 K = task.layers[L - 1].out;
    // Targets come first: they are written one by one, and reading them as whole vectors at once
    // would have to wait for that.
    T* y = scratch;
    for (int g = 0; g < groups.count && !task.classes; ++g) {
        const Rows<T> rows(task, groups.example(g), groups.vectors);
        gather_targets(task, rows, K, y + g * h_stride);
        if (task.smoothing > 0) smooth_targets(task, K, groups.vectors, y + g * h_stride);
    }
    T* const inputs = scratch + groups.count * h_stride;
    T* z = forward(task, inputs, groups, task.backward);
    for (int g = 0; g < groups.count; ++g)
        costs_and_delta(task, groups, g, z + g * h_stride, y + g * h_stride);
    if (!task.backward) return;
    // Back through the layers: the places of a⁽ˡ⁾ are found again from the end.
    T* a = inputs;
    for (int l = 0; l < L; ++l) a += groups.count * task.layers[l].scratch;
    for (int l = L - 1; l > 0; --l) {
        const Layer<T>& layer = task.layers[l];
        const Layer<T>& below = task.layers[l - 1];
        const i64 stride = layer.scratch;
        a -= groups.count * stride;
        const bool mixes = below.mix.values;
        const bool stored = slope_from_z(below.activation) || layer.dropout > 0 || mixes;
        const T* delta = layer.delta + delta_place(layer, groups.first);
        T* result = below.delta + delta_place(below, groups.first);
        // Stored slopes lie where the result belongs; a⁽ˡ⁾ is no longer needed, so its place is
        // free.
        with_vectors<T>(groups, [&](auto vectors) {
            reverse<T, vectors.value>(layer, a, stride, delta, stored ? a : result,
                                      stored ? stride : below.delta_stride, groups.count,
                                      !stored && below.activation == Activation::relu);
        });
        for (int g = 0; g < groups.count; ++g) {
            const T* units = a + g * stride;
            T* slope = result + g * below.delta_stride;
            if (!stored) {
                times_slope(below.activation, units, slope, layer.in * size, step);
                continue;
            }
            if (mixes)
                mix_sums(units, units + stride / 2, layer.in, groups.vectors,
                         below.mix_sums + groups.example(g) / strip<T> * layer.in);
            for (i64 i = 0; i < layer.in * size; i += step)
                store(slope + i, load(slope + i) * load(units + i));
        }
    }
    if (task.X.sparse()) to_examples(task, groups);
    if (!task.embedding) return;
    const Layer<T>& layer = task.layers[0];
    const i64 stride = task.embedding->stride;
    with_vectors<T>(groups, [&](auto vectors) {
        reverse<T, vectors.value>(layer, a, stride, layer.delta + delta_place(layer, groups.first),
                                  task.embedding->delta + groups.group() * stride + groups.lane(),
                                  stride, groups.count, false);
    });
}

// Calls f with some strips of a chunk as groups: whole ones, and single vectors where a group is
// split or has no more examples.
template <class T, class F>
void for_groups(const BatchTask<T>& task, i64 first_strip, int strips, F f) {
    i64 first = first_strip * strip<T>;
    if (first % group_size<T> > 0) {
        f(Groups<T>{first, 1, 1});
        first += strip<T>;
        --strips;
    }
    int whole = strips / strips_of_group;
    bool part = strips % strips_of_group > 0;
    if (strips_of_group == 1 && task.count - first - (whole - 1) * group_size<T> <= lanes<T>) {
        --whole;
        part = true;
    }
    if (whole > 0) f(Groups<T>{first, whole, tile_vectors});
    if (part) f(Groups<T>{first + whole * group_size<T>, 1, 1});
}

template <class T>
void propagate(const BatchTask<T>& task, T* scratch, i64 first_strip, int strips) {
    for_groups(task, first_strip, strips,
               [&](const Groups<T>& groups) { propagate_groups(task, scratch, groups); });
}

template <class T>
void predict(const BatchTask<T>& task, T* scratch, i64 first_strip, int strips) {
    constexpr int size = group_size<T>;
    const i64 K = task.layers[task.n_layers - 1].out, stride = padded_units(K, size) * size;
    if (row_by_row(task)) {
        for (i64 example = 0; example < task.count; ++example) predict_row(task, example, scratch);
        return;
    }
    for_groups(task, first_strip, strips, [&](const Groups<T>& groups) {
        T* h = forward(task, scratch, groups, false);
        for (int g = 0; g < groups.count; ++g, h += stride) {
            apply_output(task, h, K, groups.vectors);
            store_outputs(task, h, groups.example(g), groups.vectors);
        }
    });
}

}  // namespace
}  // namespace multilayer::MULTILAYER_ISA
