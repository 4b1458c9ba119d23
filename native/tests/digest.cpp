// The same bits on every instruction set with fused multiply-adds, and on every processor: digests
// of Θ, slots and costs after training, of cost and gradient, and of predictions, for many shapes,
// rules, options, both types of numbers, dense and sparse rows. They are compared with those that
// are written down in digests.inc, which `engine_tests digest write` prints.
#include <cstdio>
#include <cstring>
#include <iterator>
#include <map>

#include "../dispatch.hpp"
#include "check.hpp"
#include "digests.inc"

namespace tests {
namespace {

class Digest {  // FNV-1a
  public:
    template <class T>
    void add(const T* numbers, std::size_t n) {
        for (std::size_t i = 0; i < n; ++i) {
            std::uint64_t bits = 0;
            // −0 and 0 are equal; which of them a sum of products below the least number is depends
            // on how many zeros follow.
            const T number = numbers[i] == 0 ? T(0) : numbers[i];
            std::memcpy(&bits, &number, sizeof number);
            value_ = (value_ ^ bits) * 0x100000001b3;
            value_ ^= value_ >> 29;
        }
    }
    template <class T>
    void add(const std::vector<T>& numbers) {
        add(numbers.data(), numbers.size());
    }
    std::uint64_t value() const { return value_; }

  private:
    std::uint64_t value_ = 0xcbf29ce484222325;
};

// Exact numbers from −1 to 1 that need no library: hashes of their places.
double number(std::uint64_t place) {
    std::uint64_t x = place * 0x9e3779b97f4a7c15;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return static_cast<double>(static_cast<std::int64_t>(x >> 43)) / (1 << 20) - 1;
}

struct Shape {
    const char* name;
    std::vector<i64> sizes;
    i64 rows, batch;
    ml::Activation hidden = ml::Activation::relu;
    bool labelled = true;
    ml::Output output = ml::Output::softmax;
};

const Shape shapes[] = {
    {"moons", {2, 5, 5, 2}, 300, 300, ml::Activation::logistic, true, ml::Output::logistic},
    {"digits", {64, 100, 10}, 230, 200},
    {"784-256-128-10", {784, 256, 128, 10}, 70, 64},
    {"784-100-10", {784, 100, 10}, 70, 32},
    {"20-64-64-2", {20, 64, 64, 2}, 300, 256},
    {"1024-1024-1024-10", {1024, 1024, 1024, 10}, 33, 33},
    {"20-8x32-2 tanh", {20, 32, 32, 32, 32, 32, 32, 32, 32, 2}, 210, 200, ml::Activation::tanh},
    {"13-50-3", {13, 50, 3}, 40, 16},
    {"100-128-500", {100, 128, 500}, 70, 64},
    {"60-3x256-4", {60, 256, 256, 256, 4}, 100, 70},
    {"37-53-29-7", {37, 53, 29, 7}, 130, 61},
    {"1-1", {1, 1}, 37, 9, ml::Activation::identity, true, ml::Output::logistic},
    {"17-33-3 gelu", {17, 33, 3}, 50, 1, ml::Activation::gelu, false, ml::Output::identity},
    {"9-47-31-2 mish", {9, 47, 31, 2}, 75, 24, ml::Activation::mish, false, ml::Output::exp},
    {"5-130-4 elu", {5, 130, 4}, 6000, 6000, ml::Activation::elu, false, ml::Output::identity},
};

struct Rule {
    const char* name;
    ml::Rule rule;
    std::vector<double> numbers;
    int slots;
};
const Rule rules[] = {
    {"gd", ml::Rule::gradient_descent, {0.1, 0, 0, 0, 0}, 0},
    {"sgd", ml::Rule::sgd, {0.01, 0.9, 0, 0, 0}, 1},
    {"nesterov", ml::Rule::sgd, {0.01, 0.9, 1, 0, 0}, 1},
    {"adam", ml::Rule::adam, {0.01, 0.9, 0.999, 1e-8, 0}, 2},
    {"adamw", ml::Rule::adamw, {0.01, 0.9, 0.999, 1e-8, 0.1}, 2},
    {"nadam", ml::Rule::nadam, {0.01, 0.9, 0.999, 1e-8, 0}, 2},
    {"rmsprop", ml::Rule::rmsprop, {0.01, 0.9, 1e-8, 0, 0}, 1},
    {"rprop", ml::Rule::rprop, {0.01, 0.5, 1.2, 1e-6, 50}, 2},
    {"lion", ml::Rule::lion, {0.001, 0.9, 0.99, 0.1, 0}, 1},
};

enum class Option { none, regularised, dropout, smoothing, focal, weights };

// What a network computes: three epochs (two for wide ones), cost, gradient and predictions.
template <class T>
std::uint64_t digest(const Shape& shape, const Rule& rule, Option option, bool sparse) {
    Case<T> example(shape.sizes, shape.rows, shape.hidden, shape.output);
    std::uint64_t place = 0;
    const auto fill = [&](std::vector<T>& numbers, double scale) {
        for (T& x : numbers) x = static_cast<T>(scale * number(++place));
    };
    for (std::size_t l = 0; l < example.thetas.size(); ++l)
        fill(example.thetas[l], 1 / std::sqrt(static_cast<double>(shape.sizes[l])));
    fill(example.X, 2);
    fill(example.Y, 1);
    for (T& y : example.Y) y = std::abs(y);
    for (i64 row = 0; row < shape.rows; ++row) {
        example.labels[row] =
            static_cast<std::int32_t>(row * 7 % std::max<i64>(shape.sizes.back(), 2));
        example.weights[row] = static_cast<T>(row % 5 == 3 ? 0 : 0.5 + (row % 3));
    }
    const SparseRows<T> rows(example);
    auto network = example.network(option == Option::regularised ? 0.3 : 0.01);
    if (option == Option::regularised) network.objective.l1 = 0.01;
    if (option == Option::smoothing) network.objective.label_smoothing = 0.1;
    if (option == Option::focal) {
        network.objective.loss = ml::Loss::focal;
        network.objective.loss_number = 2;
    }
    auto data = example.data(shape.labelled, option == Option::weights);
    if (sparse) data.X = rows.matrix();
    Slots<T> slots(example, rule.slots);
    ml::Descent descent;
    descent.rule = rule.rule;
    descent.numbers = rule.numbers;
    descent.batch_size = shape.batch;
    if (option == Option::regularised) descent.clip_norm = 0.5, descent.max_norm = 2;
    if (option == Option::dropout) descent.dropout.assign(shape.sizes.size() - 1, 0.2);
    std::vector<i64> indices(static_cast<std::size_t>(shape.rows));
    for (i64 row = 0; row < shape.rows; ++row) indices[row] = row;
    std::vector<std::uint32_t> key(624);
    for (std::uint32_t& word : key) word = static_cast<std::uint32_t>(++place * 2654435761u);
    ml::Shuffle shuffle{indices.data(), key.data(), 624};
    ml::Epochs epochs;
    epochs.count = shape.sizes[0] * shape.sizes[1] > 50'000 ? 1 : 3;
    epochs.shuffle = &shuffle;
    const auto report = ml::train(network, data, descent, slots.pointers(), epochs, 2, never);

    for (const double cost : report.costs)  // the bits of NaN are the processor's own
        check(std::isfinite(cost), shape.name, rule.name, "diverges");
    Digest result;
    for (const auto& theta : example.thetas) result.add(theta);
    for (const auto& slot : slots.numbers)
        for (const auto& layer : slot) result.add(layer);
    result.add(report.costs);
    std::vector<std::vector<T>> D;
    std::vector<T*> pointers;
    for (const auto& theta : example.thetas) D.emplace_back(theta.size());
    for (auto& array : D) pointers.push_back(array.data());
    double J = 0;
    ml::cost(network, data, pointers, J, 1, never);
    result.add(&J, 1);
    for (const auto& array : D) result.add(array);
    std::vector<T> H(static_cast<std::size_t>(shape.rows * shape.sizes.back()));
    ml::forward(network, data.X, H.data(), 1, never);
    result.add(H);
    return result.value();
}

// Calls f(name, digest of it).
template <class F>
void each_digest(F f) {
    const auto both = [&](const Shape& shape, const Rule& rule, Option option, const char* more) {
        for (const bool sparse : {false, true}) {
            const std::string name =
                std::string(shape.name) + ' ' + rule.name + more + (sparse ? " sparse" : " dense");
            f(name + " float32", digest<float>(shape, rule, option, sparse));
            f(name + " float64", digest<double>(shape, rule, option, sparse));
        }
    };
    for (const Shape& shape : shapes) {
        // The widest ones take long under an emulator.
        const bool wide = shape.sizes[0] * shape.sizes[1] > 50'000;
        for (const Rule& rule : rules)
            if (!wide || rule.rule == ml::Rule::adam) both(shape, rule, Option::none, "");
        if (wide || shape.output == ml::Output::exp || shape.output == ml::Output::identity)
            continue;
        both(shape, rules[3], Option::regularised, " regularised");
        both(shape, rules[3], Option::dropout, " dropout");
        both(shape, rules[3], Option::smoothing, " smoothing");
        both(shape, rules[3], Option::focal, " focal");
        both(shape, rules[3], Option::weights, " weights");
    }
}

}  // namespace

void write_digests() {
    std::printf(
        "// Written by `engine_tests digest write`, see digest.cpp.\n#pragma once\n\n"
        "#include <cstdint>\n\nnamespace tests {\n\nstruct Written {\n    const char* name;\n"
        "    std::uint64_t digest;\n};\n\n// clang-format off\ninline constexpr Written digests[] "
        "= "
        "{\n");
    each_digest([](const std::string& name, std::uint64_t digest) {
        std::printf("    {\"%s\", 0x%016llx},\n", name.c_str(),
                    static_cast<unsigned long long>(digest));
    });
    std::printf("};\n// clang-format on\n\n}  // namespace tests\n");
}

void test_digests() {
    // Without fused multiply-adds, SSE2 computes other bits.
    if (std::strcmp(ml::instruction_set().name, "sse2") == 0) return;
    std::map<std::string, std::uint64_t> wanted;
    for (const Written& line : digests) wanted[line.name] = line.digest;
    std::size_t found = 0;
    each_digest([&](const std::string& name, std::uint64_t digest) {
        ++found;
        check(wanted.count(name) == 1, "no digest is written down for", name);
        check(wanted[name] == digest, name, ": other bits than those written down");
    });
    check(found == std::size(digests), "digests of what is not computed");
}

}  // namespace tests
