// Sparse rows against the same rows as a dense array, which test_kernels() tests against plain
// loops.
#include <algorithm>

#include "check.hpp"

namespace tests {
namespace {

template <class T>
void close(const std::vector<T>& got, const std::vector<T>& wanted, const char* what) {
    for (std::size_t i = 0; i < got.size(); ++i) {
        const double error = std::abs(static_cast<double>(got[i]) - static_cast<double>(wanted[i]));
        const double scale = std::max(1.0, std::abs(static_cast<double>(wanted[i])));
        check(error <= scale * (sizeof(T) == 4 ? 1e-4 : 1e-12), what, "at", i, "is off by", error);
    }
}

template <class T>
void test_case(std::vector<i64> sizes, i64 m, i64 batch) {
    Case<T> dense(sizes, m, ml::Activation::relu, ml::Output::softmax);
    const SparseRows<T> rows(dense);
    const auto network = dense.network(0.7);
    ml::Data<T> full = dense.data(false, true), stored = full;
    stored.X = rows.matrix();

    std::vector<T> H(m * sizes.back()), wanted(H.size());
    ml::forward(network, full.X, wanted.data(), 1, never);
    ml::forward(network, stored.X, H.data(), 2, never);
    close(H, wanted, "H of sparse rows");

    const auto gradient = [&](const ml::Data<T>& data, double& J) {
        std::vector<std::vector<T>> D;
        std::vector<T*> pointers;
        for (const auto& theta : dense.thetas) D.emplace_back(theta.size());
        for (auto& array : D) pointers.push_back(array.data());
        ml::cost(network, data, pointers, J, 2, never);
        return D;
    };
    double J = 0, wanted_J = 0;
    const auto D = gradient(stored, J), wanted_D = gradient(full, wanted_J);
    check(std::abs(J - wanted_J) < 1e-5 * wanted_J, "J of sparse rows:", J, wanted_J);
    for (std::size_t l = 0; l < D.size(); ++l) close(D[l], wanted_D[l], "D of sparse rows");

    const auto train = [&](const ml::Data<T>& data, int threads) {
        Case<T> example = dense;
        Slots<T> slots(example, 1);
        ml::Descent descent;
        descent.rule = ml::Rule::sgd;
        descent.numbers = {0.1, 0.9, 1, 0, 0};
        descent.batch_size = batch;
        ml::Epochs epochs;
        epochs.count = 2;
        ml::train(example.network(0.5), data, descent, slots.pointers(), epochs, threads, never);
        return example.thetas;
    };
    const auto thetas = train(full, 1), alone = train(stored, 1);
    for (std::size_t l = 0; l < thetas.size(); ++l)
        close(alone[l], thetas[l], "theta after training on sparse rows");
    check(alone == train(stored, 3), "other bits on sparse rows with three threads");
}

template <class T>
void test_all() {
    for (const i64 units : {1, 2, 7, 16, 65, 130, 1030}) {
        test_case<T>({33, units, 3}, 53, 20);
        test_case<T>({5, units}, 9, 9);
    }
    test_case<T>({1, 3, 2}, 20, 7);
    test_case<T>({3000, 20, 2}, 40, 17);
    test_case<T>({20, 70, 2}, 5003, 5003);  // more rows than the workspace holds
}

}  // namespace

void test_sparse() {
    test_all<float>();
    test_all<double>();
}

}  // namespace tests
