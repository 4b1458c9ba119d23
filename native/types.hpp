// Plain records that both the engine's callers and its kernels use; nothing here owns memory.
#pragma once

#include <cstdint>

namespace multilayer {

// An array with any strides, counted in elements. Or, if `starts` is given, sparse rows: row i has
// the values data[starts[i]] … data[starts[i + 1] − 1], each in the column that `indices` names;
// all other values of the row are zero.
template <class T>
struct Matrix {
    const T* data = nullptr;
    std::int64_t rows = 0, columns = 0, row_stride = 0, column_stride = 0;
    const std::int64_t* starts = nullptr;
    const std::int32_t* indices = nullptr;

    const T& operator()(std::int64_t row, std::int64_t column) const {
        return data[row * row_stride + column * column_stride];
    }
    bool sparse() const { return starts != nullptr; }
};

}  // namespace multilayer
