// The stored values of a chunk of a sparse X, sorted by input and then by example.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "workspace.hpp"

namespace multilayer {

template <class T>
class ValuesByInput {
  public:
    // Takes memory for the chunk of `capacity` rows that stores the most values.
    ValuesByInput(const Matrix<T>& X, std::int64_t capacity)
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
    std::vector<std::int64_t> ends_;
    Buffer<std::int32_t> examples_;
    Buffer<T> values_;
};

}  // namespace multilayer
