// Arrays of NumPy as pointers: how long they are, how they lie, and whether they are aligned.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/variant.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <tuple>
#include <variant>
#include <vector>

#include "checks.hpp"

namespace nb = nanobind;
namespace ml = multilayer;

namespace {

template <class T>
using Array = nb::ndarray<T, nb::device::cpu>;
template <class T>
using Arrays = std::vector<Array<T>>;
template <class T>
using Optional = std::optional<Array<const T>>;

// An array; or sparse rows: where each starts, columns, values.
template <class T>
using Inputs =
    std::variant<Array<const T>,
                 std::tuple<Array<const std::int64_t>, Array<const std::int32_t>, Array<const T>>>;

template <class T>
std::int64_t size_of(const Array<T>& array) {
    return static_cast<std::int64_t>(array.size());
}

// NumPy lets elements begin anywhere, as in a field of packed records; the processor need not.
template <class T>
T* aligned(const Array<T>& array) {
    if (reinterpret_cast<std::uintptr_t>(array.data()) % alignof(T) != 0)
        throw std::invalid_argument("an array must be aligned as its elements are, and it is not");
    return array.data();
}

// Of an array whose elements lie one after another.
template <class T>
T* pointer(const Array<T>& array) {
    std::int64_t step = 1;
    for (std::size_t i = array.size() > 0 ? array.ndim() : 0; i-- > 0;
         step *= static_cast<std::int64_t>(array.shape(i)))
        if (array.shape(i) > 1 && array.stride(i) != step)
            ml::refuse("an array must be C-contiguous, and an axis has the stride",
                       array.stride(i));
    return aligned(array);
}

// The same, of so many elements.
template <class T>
T* pointer(const Array<T>& array, std::int64_t size) {
    ml::check_equal("the size of an array", size_of(array), size);
    return pointer(array);
}

// Pointers to arrays as large as the others, one for one; or none.
template <class T>
std::vector<T*> pointers(const Arrays<T>& arrays, const std::vector<std::int64_t>& sizes) {
    if (!arrays.empty())
        ml::check_equal("the number of arrays", static_cast<std::int64_t>(arrays.size()),
                        static_cast<std::int64_t>(sizes.size()));
    std::vector<T*> result;
    for (const auto& array : arrays) result.push_back(pointer(array, sizes[result.size()]));
    return result;
}

template <class T>
ml::Matrix<T> matrix(const Array<const T>& array) {
    ml::check_equal("dimensions", static_cast<std::int64_t>(array.ndim()), 2);
    return {aligned(array), static_cast<std::int64_t>(array.shape(0)),
            static_cast<std::int64_t>(array.shape(1)), array.stride(0), array.stride(1)};
}

// A sparse one does not say itself how many columns it has.
template <class T>
ml::Matrix<T> matrix(const Inputs<T>& X, std::int64_t columns) {
    if (X.index() == 0) return matrix(std::get<0>(X));
    const auto& [starts, indices, values] = std::get<1>(X);
    return {pointer(values), size_of(starts) - 1, columns, 0, 0, pointer(starts), pointer(indices)};
}

// How many columns and values of sparse rows there are; 0 for an array.
template <class T>
std::int64_t stored(const Inputs<T>& X) {
    if (X.index() == 0) return 0;
    const auto& [starts, indices, values] = std::get<1>(X);
    return std::min(size_of(indices), size_of(values));
}

}  // namespace
