// Transposed copies of Θ⁽¹⁾, its slots and its gradient, used during a call if X is sparse.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "threads.hpp"
#include "workspace.hpp"

namespace multilayer {

template <class T>
class Transposed {
  public:
    Transposed(const Kernels<T>& kernels, const Layer<T>& layer)
        : kernels_(kernels), layer_(layer) {}

    // Returns memory for the transposed copy of an array shaped like Θ⁽¹⁾; null: of no array, for
    // a transposed array that is never written back.
    T* add(T* array) {
        // Kernels read whole vectors, the last of which reaches beyond the end.
        const std::int64_t n = (layer_.in + 1) * layer_.out, slack = kernels_.group;
        pairs_.push_back({array, Buffer<T>(static_cast<std::size_t>(n + slack))});
        T* transposed = pairs_.back().second.get();
        std::fill_n(transposed + n, slack, T(0));
        return transposed;
    }

    // Fills the transposed copies from their arrays.
    void transpose(int threads) {
        each_piece(threads, [this](T* array, T* transposed, std::int64_t inputs) {
            kernels_.transpose_matrix(array, layer_.in + 1, transposed, layer_.out, layer_.out,
                                      inputs);
        });
    }

    // Copies the transposed copies back to their arrays.
    void write_back(int threads) {
        each_piece(threads, [this](T* array, T* transposed, std::int64_t inputs) {
            kernels_.transpose_matrix(transposed, layer_.out, array, layer_.in + 1, inputs,
                                      layer_.out);
        });
    }

  private:
    static constexpr std::int64_t worth_a_team = 100'000, piece = 128;  // numbers; inputs

    // Calls f(array, transposed, number of inputs) for each pair, some inputs at a time.
    template <class F>
    void each_piece(int threads, F f) {
        const std::int64_t inputs = layer_.in + 1, pieces = divide_up(inputs, piece);
        Team team(threads, inputs * layer_.out < worth_a_team);
        team.run([&](int) {
            for (std::int64_t i; (i = team.next()) < pieces;)
                for (auto& [array, transposed] : pairs_)
                    if (array)
                        f(array + i * piece, transposed.get() + i * piece * layer_.out,
                          std::min(piece, inputs - i * piece));
        });
    }

    const Kernels<T>& kernels_;
    const Layer<T>& layer_;
    std::vector<std::pair<T*, Buffer<T>>> pairs_;
};

}  // namespace multilayer
