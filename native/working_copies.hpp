// The engine's own copies of Θ, of the optimizer's slots and of gradients, for the length of a
// call. Their rows begin on cache lines and end with zeros, so that kernels read and write whole
// vectors; those of layer 1 are transposed if X is sparse (see SparseLayer). The caller's arrays
// are written to at the end, and between epochs if a call must be able to go back to the last whole
// epoch.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "threads.hpp"
#include "workspace.hpp"

namespace multilayer {

template <class T>
class WorkingCopies {
  public:
    // transposed: layer 1 is.
    WorkingCopies(const Kernels<T>& kernels, const std::vector<Layer<T>>& layers, bool transposed)
        : kernels_(kernels), layers_(layers), transposed_(transposed) {}

    // A copy of an array shaped like Θ⁽ˡ⁾, which has yet to be read; or, if it is null, memory of
    // that shape that nobody reads or writes back.
    ThetaArray<T> add(int l, T* array) {
        const Layer<T>& layer = layers_[static_cast<std::size_t>(l)];
        const bool transposed = transposed_ && l == 0;
        // Whole vectors of biases are read and written, from any unit on.
        const std::int64_t line = numbers_of_strip<T>;
        const std::int64_t biases = (divide_up(layer.out, line) + 1) * line;
        ThetaArray<T> copy;
        copy.row_step = transposed ? layer.out : aligned_row<T>(layer.in);
        // Whole vectors are read, the last of which may reach beyond the end.
        const std::int64_t weights =
            (transposed ? layer.in : layer.out) * copy.row_step + kernels_.group;
        buffers_.emplace_back(static_cast<std::size_t>(biases + weights));
        copy.biases = buffers_.back().get();
        copy.weights = copy.biases + biases;
        std::fill_n(copy.biases, biases + weights, T(0));
        if (!array) return copy;
        const std::int64_t rows = transposed ? layer.in : layer.out;
        const std::int64_t columns = transposed ? layer.out : layer.in;
        const std::int64_t each =
            transposed ? 128
                       : std::max<std::int64_t>(1, piece / std::max<std::int64_t>(columns, 1));
        for (std::int64_t first = 0; first < rows; first += each)
            pieces_.push_back({array, copy, l, first, std::min(first + each, rows)});
        numbers_ += rows * columns;
        return copy;
    }

    std::int64_t pieces() const { return static_cast<std::int64_t>(pieces_.size()); }

    // Copy one piece, from the caller's array or to it.
    void read(std::int64_t i) const { copy(pieces_[static_cast<std::size_t>(i)], false); }
    void write_back(std::int64_t i) const { copy(pieces_[static_cast<std::size_t>(i)], true); }

    // Copy all pieces.
    void read_all(int threads) const {
        each_piece(threads, [this](std::int64_t i) { read(i); });
    }
    void write_back_all(int threads) const {
        each_piece(threads, [this](std::int64_t i) { write_back(i); });
    }

  private:
    static constexpr std::int64_t worth_a_team = 100'000, piece = 32'768;  // numbers

    // Some rows of a copy.
    struct Piece {
        T* array;
        ThetaArray<T> copy;
        int l;
        std::int64_t first, last;
    };

    void copy(const Piece& p, bool back) const {
        const Layer<T>& layer = layers_[static_cast<std::size_t>(p.l)];
        const std::int64_t width = layer.in + 1;
        const bool transposed = transposed_ && p.l == 0;
        const std::int64_t first = transposed && p.first > 0 ? layer.out : p.first;
        const std::int64_t last = transposed ? layer.out : p.last;  // of the biases
        for (std::int64_t unit = first; unit < last; ++unit)
            if (back)
                p.array[unit * width] = p.copy.biases[unit];
            else
                p.copy.biases[unit] = p.array[unit * width];
        if (transposed) {
            T* const rows = p.copy.weights + p.first * p.copy.row_step;
            T* const columns = p.array + 1 + p.first;
            if (back)
                kernels_.transpose_matrix(rows, p.copy.row_step, columns, width, p.last - p.first,
                                          layer.out);
            else
                kernels_.transpose_matrix(columns, width, rows, p.copy.row_step, layer.out,
                                          p.last - p.first);
            return;
        }
        const auto bytes = static_cast<std::size_t>(layer.in) * sizeof(T);
        for (std::int64_t unit = p.first; unit < p.last; ++unit) {
            T* const own = p.copy.weights + unit * p.copy.row_step;
            T* const callers = p.array + unit * width + 1;
            back ? std::memcpy(callers, own, bytes) : std::memcpy(own, callers, bytes);
        }
    }

    template <class F>
    void each_piece(int threads, F f) const {
        Team team(threads, numbers_ < worth_a_team);
        team.run([&](int thread) { team.each(thread, pieces(), f); });
    }

    const Kernels<T>& kernels_;
    const std::vector<Layer<T>>& layers_;
    bool transposed_;
    std::vector<Buffer<T>> buffers_;
    std::vector<Piece> pieces_;
    std::int64_t numbers_ = 0;
};

}  // namespace multilayer
