// Memory of layer 1 where X is sparse, and what is done to it outside the kernels: Θ⁽¹⁾ and all
// that is shaped like it is turned for the length of a call, the stored values of each chunk are
// sorted by input. Its size depends on Θ⁽¹⁾ and on how many values a chunk stores.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "threads.hpp"
#include "workspace.hpp"

namespace multilayer {

template <class T>
class Turned {
  public:
    Turned(const Kernels<T>& kernels, const Layer<T>& layer) : kernels_(kernels), layer_(layer) {}

    // A place for the turned form of an array shaped like Θ⁽¹⁾, or of none at all.
    T* add(T* array) {
        // Kernels read whole vectors, the last one beyond its end.
        const std::int64_t n = (layer_.in + 1) * layer_.out, slack = kernels_.group;
        pairs_.push_back({array, Buffer<T>(static_cast<std::size_t>(n + slack))});
        T* turned = pairs_.back().second.get();
        std::fill_n(turned + n, slack, T(0));
        return turned;
    }

    // From the arrays to their turned forms.
    void turn(int threads) {
        each_piece(threads, [this](T* array, T* turned, std::int64_t inputs) {
            kernels_.turn(array, layer_.in + 1, turned, layer_.out, layer_.out, inputs);
        });
    }

    // And back again.
    void give_back(int threads) {
        each_piece(threads, [this](T* array, T* turned, std::int64_t inputs) {
            kernels_.turn(turned, layer_.out, array, layer_.in + 1, inputs, layer_.out);
        });
    }

  private:
    static constexpr std::int64_t worth_a_team = 100'000, piece = 128;  // numbers; inputs

    // f(array, turned, how many inputs) for some inputs of each pair at a time.
    template <class F>
    void each_piece(int threads, F f) {
        const std::int64_t inputs = layer_.in + 1, pieces = divide_up(inputs, piece);
        Team team(threads, inputs * layer_.out < worth_a_team);
        team.run([&](int) {
            for (std::int64_t i; (i = team.next()) < pieces;)
                for (auto& [array, turned] : pairs_)
                    if (array)
                        f(array + i * piece, turned.get() + i * piece * layer_.out,
                          std::min(piece, inputs - i * piece));
        });
    }

    const Kernels<T>& kernels_;
    const Layer<T>& layer_;
    std::vector<std::pair<T*, Buffer<T>>> pairs_;
};

// The stored values of a chunk by input, and in each by example.
template <class T>
class ByInput {
  public:
    // capacity: rows of a chunk at most, whichever they are.
    ByInput(const Matrix<T>& X, std::int64_t capacity)
        : ends_(static_cast<std::size_t>(X.columns) + 1) {
        std::int64_t most = X.starts[X.rows];
        if (capacity < X.rows) {
            std::vector<std::int64_t> lengths(static_cast<std::size_t>(X.rows));
            for (std::int64_t row = 0; row < X.rows; ++row)
                lengths[static_cast<std::size_t>(row)] = X.starts[row + 1] - X.starts[row];
            const auto longest = lengths.begin() + capacity;
            std::nth_element(lengths.begin(), longest, lengths.end(), std::greater<>());
            most = 0;
            for (auto length = lengths.begin(); length < longest; ++length) most += *length;
        }
        examples_ = Buffer<std::int32_t>(static_cast<std::size_t>(most));
        values_ = Buffer<T>(static_cast<std::size_t>(most));
    }

    void show(Sparse<T>& sparse) const {
        sparse.ends = ends_.data();
        sparse.examples = examples_.get();
        sparse.values = values_.get();
    }

    // A counting sort: how many there are, where they begin, each to its place.
    void sort(const Plan<T>& plan) {
        const Matrix<T>& X = plan.X;
        const auto each = [&](auto f) {
            for (std::int64_t b = 0; b < plan.count; ++b) {
                const std::int64_t place = plan.first + b;
                const std::int64_t row = plan.order ? plan.order[place] : place;
                for (std::int64_t at = X.starts[row]; at < X.starts[row + 1]; ++at) f(b, at);
            }
        };
        std::fill(ends_.begin(), ends_.end(), 0);
        std::int64_t* const begins = ends_.data();
        each([&](std::int64_t, std::int64_t at) { ++begins[X.indices[at] + 1]; });
        for (std::int64_t k = 0; k < X.columns; ++k) begins[k + 1] += begins[k];
        std::int32_t* const examples = examples_.get();
        T* const values = values_.get();
        each([&](std::int64_t b, std::int64_t at) {
            const std::int64_t to = begins[X.indices[at]]++;  // at last, the end
            examples[to] = static_cast<std::int32_t>(b);
            values[to] = X.data[at];
        });
    }

  private:
    std::vector<std::int64_t> ends_;
    Buffer<std::int32_t> examples_;
    Buffer<T> values_;
};

}  // namespace multilayer
