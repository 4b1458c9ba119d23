// The memory of a call: how many examples are processed at a time, and where everything is stored.
// Its size depends on the network, never on the number of rows.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <vector>

#include "engine.hpp"
#include "kernel_table.hpp"

namespace multilayer {

// Uninitialised numbers that start on the boundary of a cache line.
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

constexpr std::int64_t second_cache = 256 << 10;  // bytes that every processor has

inline std::int64_t divide_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

template <class T>
class Workspace {
  public:
    // most_rows: of a batch; learning: also take memory for δ and for a in columns;
    // own_gradients: also for gradients of the extra parameters.
    Workspace(const Network<T>& network,
              const Kernels<T>& kernels,
              const Matrix<T>& X,
              std::int64_t most_rows,
              bool learning,
              bool own_gradients)
        : kernels_(kernels), layers(network.thetas.size()) {
        const int group = kernels.group;
        // The largest group of all instruction sets: chunks are the same for each of them, since
        // sums run chunk by chunk.
        constexpr std::int64_t most = 2 * numbers_of_strip<T>;
        std::int64_t numbers_per_row = 0;
        const int L = network.layers();
        for (int l = 0; l < L; ++l) {
            Layer<T>& layer = layers[l];
            layer.in = network.sizes[l];
            layer.out = network.sizes[l + 1];
            layer.theta = as_stored(network.thetas[l], layer.in);
            if (l + 1 < L) layer.activation = network.objective.hidden[l];
            if (l + 1 < L && !network.mixes.empty()) layer.mix = network.mixes[l];
            if (!network.rates.empty()) {
                layer.rate = static_cast<T>(network.rates[l].weights);
                layer.bias_rate = static_cast<T>(network.rates[l].biases);
            }
            layer.panels = divide_up(layer.in, group);
            layer.delta_stride = spread_units(layer.out) * group;
            layer.row_blocks = divide_up(layer.out, rows_of_item);
            layer.strips = divide_up(layer.in, numbers_of_strip<T>);
            layer.scratch = layer.panels * group * group;
            if (!network.mixes.empty() && l > 0) layer.scratch *= 2;  // for a and for g(z) − z
            if (l == 0 && X.sparse()) {
                // Items are runs of inputs; scratch memory holds z and δ as (example, unit).
                inputs_of_item = std::max<std::int64_t>((16 << 10) / layer.out, 1);
                layer.panels = divide_up(layer.in, inputs_of_item);
                layer.row_blocks = 1;
                layer.strips = layer.panels;
                layer.scratch = padded_units(layer.out, group) * group;
            }
            layer.first_item = items;
            items += layer.panels * layer.row_blocks;
            layer.first_penalty = penalties;
            penalties += layer.strips * layer.row_blocks;
            layer.first_unit_item = unit_items;
            unit_items += divide_up(layer.out, units_per_item);
            const std::int64_t padded =
                divide_up(X.sparse() && l == 0 ? layer.out : layer.in, most) * most;
            numbers_per_row +=
                padded * (layer.mix.values && l > 0 ? 2 : 1) + spread_units(layer.out);
            scratch_per_group += layer.scratch;
        }
        first_extra_item = items;
        if (network.embedding.columns > 0) {
            embedding.emplace();
            static_cast<Embedding<T>&>(*embedding) = network.embedding;
            embedding->first_row = network.first_rows.data();
            embedding->stride = spread_units(layers[0].in) * group;
            numbers_per_row += 2 * spread_units(layers[0].in);
            items += embedding->items();
        }
        items += static_cast<std::int64_t>(network.mixes.size());
        inputs = static_cast<double>(layers[0].in);
        if (X.sparse())
            inputs = static_cast<double>(X.starts[X.rows]) / static_cast<double>(X.rows);
        std::int64_t weights = 0;  // that are read tile by tile
        for (int l = X.sparse() ? 1 : 0; l < L; ++l) weights += (layers[l].in + 1) * layers[l].out;
        if (weights * static_cast<std::int64_t>(sizeof(T)) > 8 * second_cache) groups_at_a_time = 8;

        // h of the last layer, and its targets.
        scratch_per_group += 2 * padded_units(network.sizes[L], group) * group;

        // A chunk should be long enough to make its gradients worth their two barriers, and short
        // enough to keep the workspace small.
        const std::int64_t bytes = numbers_per_row * static_cast<std::int64_t>(sizeof(T));
        std::int64_t rows = std::clamp<std::int64_t>((2 << 20) / bytes, 512, 4096);
        // If X is sparse, the gradients of a chunk also take a pass over all of Θ⁽¹⁾.
        if (X.sparse()) rows = 4096;
        rows = std::max<std::int64_t>(std::min(rows, (32 << 20) / bytes), 4 * most);
        rows = std::min(rows, most_rows);
        capacity = divide_up(rows, most) * most;
        if (!learning) return;

        for (Layer<T>& layer : layers) {
            if (!layer.mix.values) continue;
            layer.mix_sums = take(layer.out * divide_up(capacity, numbers_of_strip<T>));
            if (own_gradients) layer.mix.gradient = take(layer.out);
        }
        if (embedding) {
            for (T** place : {&embedding->inputs, &embedding->delta})
                *place = take(embedding->stride * (capacity / group));
            for (Parameters<T>* part :
                 {&embedding->periodic, &embedding->tables, &embedding->scale})
                if (own_gradients) part->gradient = take(part->size);
        }
        const Layer<T>* transposed = X.sparse() ? &layers[0] : nullptr;  // see working_copies.hpp
        if (transposed) examples_delta = take(padded_units(transposed->out, group) * capacity);
        for (Layer<T>& layer : layers) {
            if (&layer != transposed) layer.columns = take(layer.panels * group * capacity);
            layer.delta = take(spread_units(layer.out) * capacity);
            // All of δ is read for each panel if the second cache can hold it; otherwise all
            // panels are read for each block of rows of δ.
            layer.by_panels =
                spread_units(layer.out) * capacity * static_cast<std::int64_t>(sizeof(T)) <=
                second_cache;
        }
    }

    // Each thread has scratch memory of its own in phase 1.
    void make_scratch(int threads) {
        const std::int64_t groups = std::min(groups_at_a_time, divide_up(capacity, kernels_.group));
        while (static_cast<int>(scratch_.size()) < threads)
            scratch_.emplace_back(static_cast<std::size_t>(scratch_per_group * groups));
    }
    T* scratch(int thread) const { return scratch_[static_cast<std::size_t>(thread)].get(); }

    const Kernels<T>& kernels() const { return kernels_; }

  private:
    T* take(std::int64_t n) {
        buffers_.emplace_back(static_cast<std::size_t>(n));
        return buffers_.back().get();
    }

    const Kernels<T>& kernels_;
    std::vector<Buffer<T>> buffers_, scratch_;

  public:
    std::vector<Layer<T>> layers;
    std::optional<EmbeddingLayer<T>> embedding;
    std::int64_t items = 0;              // of phase 2
    std::int64_t penalties = 0;          // see BatchTask
    std::int64_t first_extra_item = 0;   // among them
    std::int64_t unit_items = 0;         // of phase 3
    std::int64_t scratch_per_group = 0;  // numbers
    // Groups that a thread takes at once in phase 1: they share each tile of Θ. There are more of
    // them if Θ does not fit into the caches.
    std::int64_t groups_at_a_time = 4;
    std::int64_t capacity = 0;  // examples of a chunk
    // Of layer 1: the numbers that an example has, on average; if X is sparse, the inputs of an
    // item, and δ⁽²⁾ as (example, padded unit).
    double inputs = 0;
    std::int64_t inputs_of_item = 0;
    T* examples_delta = nullptr;
};

}  // namespace multilayer
