// Losses and groups of softmax against central differences; dropout against the hash of each unit.
#include "check.hpp"

namespace tests {
namespace {

// D of every loss against differences of J.
void test_gradients() {
    using L = ml::Loss;
    using O = ml::Output;
    const struct {
        L loss;
        double number;
        O output;
        std::vector<i64> groups;
    } kinds[] = {{L::absolute_error, 0, O::identity, {}}, {L::huber, 0.4, O::identity, {}},
                 {L::quantile, 0.2, O::identity, {}},     {L::gamma, 0, O::exp, {}},
                 {L::focal, 0.5, O::logistic, {}},        {L::focal, 2, O::softmax, {}},
                 {L::focal, 2, O::softmax, {2, 1, 4}},    {L::own, 0, O::softmax, {2, 1, 4}}};
    for (const auto& [loss, number, output, groups] : kinds) {
        Case<double> example({5, 9, 7}, 37, ml::Activation::tanh, output);
        auto network = example.network(0.3);
        const auto data = example.data(false, true);
        network.objective.loss = loss;
        network.objective.loss_number = number;
        network.objective.groups = groups;
        if (output == O::softmax || output == O::logistic) network.objective.label_smoothing = 0.1;
        // δ of the log loss assumes that y of a group adds up to 1.
        for (std::size_t row = 0; row < 37 && output == O::softmax; ++row)
            for (std::size_t k = 0; k < 7; ++k)
                example.Y[row * 7 + k] = groups.empty() ? k == row % 7 : k == 1 || k == 2 || k == 6;
        std::vector<std::vector<double>> D{std::vector<double>(9 * 6), std::vector<double>(7 * 10)};
        double J = 0, up = 0, down = 0;
        ml::cost(network, data, {D[0].data(), D[1].data()}, J, 2, never);
        for (std::size_t l = 0; l < 2; ++l)
            for (std::size_t i = 0; i < D[l].size(); i += 3) {
                double& theta = example.thetas[l][i];
                const double at = theta, step = 1e-6;
                theta = at + step;
                ml::cost(network, data, {}, up, 2, never);
                theta = at - step;
                ml::cost(network, data, {}, down, 2, never);
                theta = at;
                const double slope = (up - down) / (2 * step);
                check(std::abs(slope - D[l][i]) < 1e-6, "loss", static_cast<int>(loss), "D", l, i,
                      "is", D[l][i], "and not", slope);
            }
    }
}

std::uint64_t split_mix(std::uint64_t seed, std::uint64_t n) {
    std::uint64_t x = seed + (n + 1) * 0x9e3779b97f4a7c15;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
}

bool kept(std::uint64_t seed, std::uint64_t step, i64 layer, i64 place, i64 unit, double rate) {
    const auto key = split_mix(split_mix(seed, step), static_cast<std::uint64_t>(layer));
    const auto example = split_mix(key, static_cast<std::uint64_t>(place));
    auto x = static_cast<std::uint32_t>(example) + static_cast<std::uint32_t>(unit) * 0x9e3779b9u;
    x = ((x ^ (x >> 16)) * 0x85ebca6bu) ^ static_cast<std::uint32_t>(example >> 32);
    x = (x ^ (x >> 13)) * 0xc2b2ae35u;
    return x >= static_cast<std::uint32_t>(rate * 4294967296.0);
}

// One step of Θ = 0 towards one of many targets: Δ is the mask of that example's inputs.
template <class T>
void test_masks() {
    constexpr double rate = 0.3;
    for (const i64 row : {0, 1, 63, 64, 200}) {
        Case<T> example({45, 1}, 201, ml::Activation::identity, ml::Output::identity);
        for (T& x : example.X) x = 1;
        for (T& y : example.Y) y = 0;
        for (T& theta : example.thetas[0]) theta = 0;
        example.Y[static_cast<std::size_t>(row)] = 201;
        ml::Descent descent;
        descent.numbers[0] = 1;
        descent.batch_size = 201;
        descent.dropout = {rate};
        descent.dropout_seed = 11;
        ml::Epochs epochs;
        epochs.steps_before = 6;
        ml::train(example.network(), example.data(false, false), descent, {}, epochs, 3, never);
        for (i64 k = 0; k < 45; ++k) {
            const double wanted = kept(11, 7, 0, row, k, rate) ? 1 / (1 - rate) : 0;
            const double got = example.thetas[0][static_cast<std::size_t>(k) + 1];
            check(std::abs(got - wanted) < 1e-5, "mask of row", row, "unit", k, "is", got);
        }
    }
}

// Hidden layers with dropout, for each kind of slope: the same bits for any number of threads.
template <class T>
void test_bits() {
    for (const auto activation :
         {ml::Activation::relu, ml::Activation::gelu, ml::Activation::elu}) {
        std::vector<std::vector<T>> bits;
        for (const int threads : {1, 2, 3}) {
            Case<T> example({7, 30, 33, 3}, 153, activation, ml::Output::softmax);
            ml::Descent descent;
            descent.numbers[0] = 0.1;
            descent.batch_size = 70;
            descent.dropout = {0.2, 0.5, 0.1};
            ml::Epochs epochs;
            epochs.count = 3;
            ml::train(example.network(), example.data(true, false), descent, {}, epochs, threads,
                      never);
            if (bits.empty()) bits = example.thetas;
            check(bits == example.thetas, "dropout: other bits with", threads, "threads");
        }
    }
}

}  // namespace

void test_losses() {
    test_gradients();
    test_masks<float>();
    test_masks<double>();
    test_bits<float>();
    test_bits<double>();
}

}  // namespace tests
