// Helpers of the native tests. These tests need no Python, so that they can also run without it:
// under ThreadSanitizer, and cross-compiled under an emulator.
#pragma once

#include <cmath>
#include <cstdint>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "../engine.hpp"

namespace tests {

namespace ml = multilayer;
using i64 = std::int64_t;

template <class... Words>
void check(bool good, const Words&... words) {
    if (good) return;
    std::string message;
    const auto add = [&](const auto& word) {
        if constexpr (std::is_arithmetic_v<std::decay_t<decltype(word)>>)
            message += std::to_string(word);
        else
            message += word;
        message += ' ';
    };
    (add(words), ...);
    throw std::runtime_error(message);
}

// A random network with random examples. Every array is exactly as long as it must be, so that
// AddressSanitizer notices access to one number too many.
template <class T>
struct Case {
    std::vector<i64> sizes;
    i64 m;
    std::vector<ml::Activation> hidden;
    ml::Output output;
    std::vector<std::vector<T>> thetas;
    std::vector<T> X, Y, weights;
    std::vector<std::int32_t> labels;

    Case(std::vector<i64> sizes_, i64 m_, ml::Activation activation, ml::Output output_)
        : sizes(std::move(sizes_)), m(m_), hidden(sizes.size() - 2, activation), output(output_) {
        std::mt19937_64 random(static_cast<std::uint64_t>(m));
        std::normal_distribution<double> normal;
        std::uniform_real_distribution<double> uniform(0.1, 1);
        for (std::size_t l = 0; l + 1 < sizes.size(); ++l) {
            const double scale = 1 / std::sqrt(static_cast<double>(sizes[l] + 1));
            auto& theta = thetas.emplace_back((sizes[l] + 1) * sizes[l + 1]);
            for (T& number : theta) number = static_cast<T>(scale * normal(random));
        }
        const i64 K = sizes.back();
        X.resize(m * sizes[0]);
        for (T& x : X) x = static_cast<T>(normal(random));
        Y.resize(m * K);
        for (T& y : Y) y = static_cast<T>(uniform(random) / static_cast<double>(K));
        for (i64 row = 0; row < m; ++row) {
            weights.push_back(static_cast<T>(uniform(random)));
            labels.push_back(static_cast<std::int32_t>(random() % std::max<i64>(K, 2)));
        }
    }

    ml::Network<T> network(double lambda = 0) {
        ml::Network<T> result;
        result.objective.lambda = lambda;
        result.sizes = sizes;
        result.objective.hidden = hidden;
        result.objective.output = output;
        for (auto& theta : thetas) result.thetas.push_back(theta.data());
        return result;
    }

    ml::Data<T> data(bool labelled, bool weighted) const {
        ml::Data<T> result;
        result.X = {X.data(), m, sizes[0], sizes[0], 1};
        if (labelled)
            result.labels = labels.data();
        else
            result.Y = {Y.data(), m, sizes.back(), sizes.back(), 1};
        if (weighted) result.weights = weights.data();
        return result;
    }
};

// X of a case as sparse rows; most of its numbers are set to 0, in the case as well.
template <class T>
struct SparseRows {
    i64 rows, columns;
    std::vector<i64> starts{0};
    std::vector<std::int32_t> indices;
    std::vector<T> values;

    explicit SparseRows(Case<T>& example) : rows(example.m), columns(example.sizes[0]) {
        for (i64 row = 0; row < rows; ++row) {
            for (i64 column = 0; column < columns; ++column) {
                T& x = example.X[row * columns + column];
                if (row % 5 == 0 || (row * 7 + column * 3) % 4 != 0) {
                    x = 0;
                    continue;
                }
                indices.push_back(static_cast<std::int32_t>(column));
                values.push_back(x);
            }
            starts.push_back(static_cast<i64>(values.size()));
        }
    }

    ml::Matrix<T> matrix() const {
        return {values.data(), rows, columns, 0, 0, starts.data(), indices.data()};
    }
};

// Slots shaped like Θ, all zero; `pointers` returns them in the form that the engine takes.
template <class T>
struct Slots {
    std::vector<std::vector<std::vector<T>>> numbers;
    Slots(const Case<T>& example, int count) {
        for (int s = 0; s < count; ++s) {
            auto& slot = numbers.emplace_back();
            for (const auto& theta : example.thetas) slot.emplace_back(theta.size());
        }
    }
    std::vector<std::vector<T*>> pointers() {
        std::vector<std::vector<T*>> result;
        for (auto& slot : numbers) {
            auto& layers = result.emplace_back();
            for (auto& layer : slot) layers.push_back(layer.data());
        }
        return result;
    }
};

inline const ml::Poll never = [] { return false; };

void test_kernels();  // calls the next two as well
void test_math();
void test_training();
void test_losses();
void test_sparse();
void test_digests();
void write_digests();  // those of digests.inc
void test_memory();
void test_threads();
void test_forks();

}  // namespace tests
