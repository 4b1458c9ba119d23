// The stored values of a chunk of a sparse X, sorted by input and then by example.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <numeric>
#include <vector>

#include "workspace.hpp"

namespace multilayer {

template <class T>
class ValuesByInput {
  public:
    // Takes memory for any chunk of `capacity` rows: of X, or of what the epochs take of it, which
    // may have a row more than once.
    ValuesByInput(const Matrix<T>& X, std::int64_t capacity, const Epochs* epochs)
        : ends_(static_cast<std::size_t>(X.columns) + 1) {
        std::int64_t most = 0;
        const auto provide = [&](const std::int64_t* rows, std::int64_t m) {
            most = std::max(most, most_values(X, capacity, rows, m));
        };
        if (epochs && epochs->shuffle)
            provide(epochs->shuffle->rows, X.rows);
        else if (epochs && epochs->order)
            for (std::int64_t epoch = 0; epoch < epochs->count; ++epoch)
                provide(epochs->order + epoch * epochs->rows_of_epoch, epochs->rows_of_epoch);
        else
            provide(nullptr, X.rows);
        examples_ = Buffer<std::int32_t>(static_cast<std::size_t>(most));
        values_ = Buffer<T>(static_cast<std::size_t>(most));
    }

    void set_pointers(SparseLayer<T>& sparse) const {
        sparse.ends = ends_.data();
        sparse.examples = examples_.get();
        sparse.values = values_.get();
    }

    // A counting sort: count the values of each input, find where they begin, move each to its
    // place.
    void sort(const BatchTask<T>& task) {
        const Matrix<T>& X = task.X;
        const auto each = [&](auto f) {
            for (std::int64_t b = 0; b < task.count; ++b) {
                const std::int64_t place = task.first + b;
                const std::int64_t row = task.order ? task.order[place] : place;
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
            const std::int64_t to = begins[X.indices[at]]++;  // the end, once all are moved
            examples[to] = static_cast<std::int32_t>(b);
            values[to] = X.data[at];
        });
    }

  private:
    // The most values that `capacity` of m rows store; null: of all rows, each once.
    static std::int64_t most_values(const Matrix<T>& X,
                                    std::int64_t capacity,
                                    const std::int64_t* rows,
                                    std::int64_t m) {
        if (!rows && capacity >= m) return X.starts[m];
        std::vector<std::int64_t> lengths(static_cast<std::size_t>(m));
        for (std::int64_t i = 0; i < m; ++i) {
            const std::int64_t row = rows ? rows[i] : i;
            lengths[static_cast<std::size_t>(i)] = X.starts[row + 1] - X.starts[row];
        }
        const auto longest = lengths.begin() + std::min(capacity, m);
        std::nth_element(lengths.begin(), longest, lengths.end(), std::greater<>());
        return std::accumulate(lengths.begin(), longest, std::int64_t{0});
    }

    std::vector<std::int64_t> ends_;
    Buffer<std::int32_t> examples_;
    Buffer<T> values_;
};

}  // namespace multilayer
