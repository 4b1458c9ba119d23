// Memory of a call: how many examples are worked on at a time, and where everything lies. Its size
// depends on the network, never on how many rows there are.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <vector>

#include "engine.hpp"
#include "plan.hpp"

namespace multilayer {

// Numbers on a cache line's boundary, zero at first where asked for.
template <class T>
class Buffer {
  public:
    Buffer() = default;
    explicit Buffer(std::size_t n)
        : data_(static_cast<T*>(::operator new[](n * sizeof(T), std::align_val_t{64}))) {}
    T* get() const { return data_.get(); }

  private:
    struct Delete {
        void operator()(T* p) const { ::operator delete[](p, std::align_val_t{64}); }
    };
    std::unique_ptr<T[], Delete> data_;
};

constexpr std::int64_t second_cache = 256 << 10;  // bytes of it that may be counted on

inline std::int64_t divide_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

template <class T>
class Workspace {
  public:
    // most_rows: of a batch; learning: with room for δ and for a in columns.
    Workspace(const Network<T>& network,
              const Kernels<T>& kernels,
              const Matrix<T>& X,
              std::int64_t most_rows,
              bool learning,
              bool own_gradients,
              bool whole_gradients = false)
        : kernels_(kernels), layers(network.thetas.size()) {
        const int group = kernels.group;
        std::int64_t numbers_per_row = 0;
        const int L = network.layers();
        for (int l = 0; l < L; ++l) {
            Layer<T>& layer = layers[l];
            layer.in = network.sizes[l];
            layer.out = network.sizes[l + 1];
            layer.theta = network.thetas[l];
            if (l + 1 < L) layer.activation = network.objective.hidden[l];
            if (l + 1 < L && !network.mixes.empty()) layer.mix = network.mixes[l];
            if (!network.rates.empty()) {
                layer.rate = static_cast<T>(network.rates[l].weights);
                layer.bias_rate = static_cast<T>(network.rates[l].biases);
            }
            layer.panels = divide_up(layer.in, group);
            layer.delta_stride = spread_units(layer.out) * group;
            layer.row_blocks = divide_up(layer.out, kernels.rows_of_item);
            layer.room = layer.panels * group * group;
            if (!network.mixes.empty() && l > 0) layer.room *= 2;  // a, and g(z) − z
            if (l == 0 && X.sparse()) {
                // Items of inputs; room for z and δ as (example, unit).
                inputs_of_item = std::max<std::int64_t>((16 << 10) / layer.out, 1);
                layer.panels = divide_up(layer.in, inputs_of_item);
                layer.row_blocks = 1;
                layer.room = padded_units(layer.out, group) * group;
            }
            layer.first_item = items;
            items += layer.panels * layer.row_blocks;
            layer.first_rows = row_items;
            row_items += divide_up(layer.out, rows_to_settle);
            numbers_per_row += layer.room / group + spread_units(layer.out);
            room_per_group += layer.room;
        }
        first_beside = items;
        if (network.embedding.columns > 0) {
            front.emplace();
            static_cast<Embedding<T>&>(*front) = network.embedding;
            front->first_row = network.first_rows.data();
            front->stride = spread_units(layers[0].in) * group;
            numbers_per_row += 2 * spread_units(layers[0].in);
            items += front->items();
        }
        items += static_cast<std::int64_t>(network.mixes.size());
        inputs = static_cast<double>(layers[0].in);
        if (X.sparse())
            inputs = static_cast<double>(X.starts[X.rows]) / static_cast<double>(X.rows);
        std::int64_t weights = 0;  // that are read tile by tile
        for (int l = X.sparse() ? 1 : 0; l < L; ++l) weights += (layers[l].in + 1) * layers[l].out;
        if (weights * static_cast<std::int64_t>(sizeof(T)) > 8 * second_cache) groups_at_a_time = 8;

        // The last layer's h, and its targets.
        room_per_group += 2 * padded_units(network.sizes[L], group) * group;

        // A chunk long enough to make its gradients worth their two barriers, and short enough to
        // keep the workspace small.
        const std::int64_t bytes = numbers_per_row * static_cast<std::int64_t>(sizeof(T));
        std::int64_t rows = std::clamp<std::int64_t>((2 << 20) / bytes, 512, 4096);
        // Where X is sparse, a chunk's gradients take a walk through all of Θ⁽¹⁾ as well.
        if (X.sparse()) rows = 4096;
        rows = std::max<std::int64_t>(std::min(rows, (32 << 20) / bytes), 4 * group);
        rows = std::min(rows, most_rows);
        capacity = divide_up(rows, group) * group;
        if (!learning) return;

        for (Layer<T>& layer : layers) {
            if (!layer.mix.values) continue;
            layer.mix_sums = take(layer.out * (capacity / group));
            if (own_gradients) layer.mix.gradient = take(layer.out);
        }
        if (front) {
            for (T** place : {&front->inputs, &front->delta})
                *place = take(front->stride * (capacity / group));
            for (Parameters<T>* part : {&front->periodic, &front->tables, &front->scale})
                if (own_gradients) part->gradient = take(part->size);
        }
        const Layer<T>* turned = X.sparse() ? &layers[0] : nullptr;  // see turned.hpp
        if (own_gradients && (most_rows > capacity || whole_gradients))
            for (Layer<T>& layer : layers)
                if (&layer != turned) layer.gradient = take((layer.in + 1) * layer.out);
        if (turned) examples_delta = take(padded_units(turned->out, group) * capacity);
        for (Layer<T>& layer : layers) {
            if (&layer != turned) layer.columns = take(layer.panels * group * capacity);
            layer.delta = take(spread_units(layer.out) * capacity);
            // All of δ passes by each panel, from the second cache where it has room for that;
            // where not, all panels pass by one block of δ.
            layer.by_panels =
                spread_units(layer.out) * capacity * static_cast<std::int64_t>(sizeof(T)) <=
                second_cache;
        }
    }

    // For each thread its own room in phase 1.
    void make_rooms(int threads) {
        while (static_cast<int>(rooms_.size()) < threads)
            rooms_.emplace_back(static_cast<std::size_t>(room_per_group * groups_at_a_time));
    }
    T* room(int thread) const { return rooms_[static_cast<std::size_t>(thread)].get(); }

    const Kernels<T>& kernels() const { return kernels_; }

  private:
    T* take(std::int64_t n) {
        buffers_.emplace_back(static_cast<std::size_t>(n));
        return buffers_.back().get();
    }

    const Kernels<T>& kernels_;
    std::vector<Buffer<T>> buffers_, rooms_;

  public:
    std::vector<Layer<T>> layers;
    std::optional<Front<T>> front;
    std::int64_t items = 0;           // of phase 2
    std::int64_t first_beside = 0;    // among them
    std::int64_t row_items = 0;       // of phase 3
    std::int64_t room_per_group = 0;  // numbers
    // Groups of one piece of phase 1: they share each tile of Θ. More where Θ comes from afar.
    std::int64_t groups_at_a_time = 4;
    std::int64_t capacity = 0;  // examples of a chunk
    // Of layer 1: numbers that an example holds for it; where X is sparse, the inputs of an item,
    // and δ⁽²⁾ as (example, padded unit).
    double inputs = 0;
    std::int64_t inputs_of_item = 0;
    T* examples_delta = nullptr;
};

}  // namespace multilayer
