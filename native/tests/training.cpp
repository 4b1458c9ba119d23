// The steps of optimizers against the same steps in plain loops and double precision.
#include "reference.hpp"

namespace tests {
namespace {

// Two epochs in a given order, with each rule, on several threads: the same steps as the reference,
// and the same bits.
template <class T>
void test_rules() {
    const std::vector<i64> order = [] {
        std::vector<i64> rows(2 * 53);
        for (i64 at = 0; at < 2 * 53; ++at) rows[at] = at * 31 % 53;
        return rows;
    }();
    const i64 batch = 20;
    const struct {
        ml::Rule rule;
        std::array<double, ml::most_numbers> numbers;
        int slots;
    } optimizers[] = {{ml::Rule::gradient_descent, {0.3}, 0},
                      {ml::Rule::sgd, {0.1, 0.9, 0}, 1},
                      {ml::Rule::sgd, {0.1, 0.9, 1}, 1},
                      {ml::Rule::adam, {0.01, 0.9, 0.999, 1e-8}, 2},
                      {ml::Rule::adamw, {0.01, 0.9, 0.999, 1e-8, 0.1}, 2}};
    for (const auto& [rule, numbers, count] : optimizers) {
        const Case<T> fresh({7, 30, 66, 3}, 53, ml::Activation::tanh, ml::Output::softmax);
        Reference reference(fresh);
        std::vector<std::vector<double>> first, second;
        for (const auto& theta : fresh.thetas) {
            first.emplace_back(theta.size());
            second.emplace_back(theta.size());
        }
        int step = 0;
        std::vector<double> costs;
        for (i64 epoch = 0; epoch < 2; ++epoch) {
            double sum = 0;
            for (i64 at = 0; at < 53; at += batch) {
                const i64 end = std::min<i64>(at + batch, 53);
                const auto* rows = order.data() + epoch * 53;
                reference.propagate(fresh, {rows + at, rows + end}, true, true, 0.5);
                sum += reference.J * static_cast<double>(end - at);
                ++step;
                for (std::size_t l = 0; l < reference.thetas.size(); ++l)
                    for (std::size_t i = 0; i < reference.thetas[l].size(); ++i) {
                        double &theta = reference.thetas[l][i], &v = first[l][i], &w = second[l][i];
                        const double d = reference.D[l][i];
                        if (rule == ml::Rule::gradient_descent) {
                            theta -= numbers[0] * d;
                        } else if (rule == ml::Rule::sgd) {
                            v = numbers[1] * v - numbers[0] * d;
                            theta += numbers[2] != 0 ? numbers[1] * v - numbers[0] * d : v;
                        } else {
                            v += (1 - numbers[1]) * (d - v);
                            w += (1 - numbers[2]) * (d * d - w);
                            const double rate = numbers[0] *
                                                std::sqrt(1 - std::pow(numbers[2], step)) /
                                                (1 - std::pow(numbers[1], step));
                            // The decay of AdamW leaves out the biases, column 0 of Θ.
                            const bool bias = i % static_cast<std::size_t>(fresh.sizes[l] + 1) == 0;
                            if (!bias) theta *= 1 - numbers[0] * numbers[4];
                            theta -= rate * v / (std::sqrt(w) + numbers[3]);
                        }
                    }
            }
            costs.push_back(sum / 53);
        }
        std::vector<std::vector<T>> bits;
        for (const int threads : {1, 2, 3, 7}) {
            Case<T> example = fresh;
            Slots<T> slots(example, count);
            ml::Descent descent;
            descent.rule = rule;
            descent.numbers = {numbers.begin(), numbers.end()};
            descent.batch_size = batch;
            ml::Epochs epochs;
            epochs.count = 2;
            epochs.order = order.data();
            epochs.rows_of_epoch = static_cast<std::int64_t>(order.size()) / 2;  // two epochs
            const auto report = ml::train(example.network(0.5), example.data(true, true), descent,
                                          slots.pointers(), epochs, threads, never);
            check(report.steps == 6 && report.status == ml::Status::finished, "report of training");
            for (std::size_t e = 0; e < 2; ++e)
                check(std::abs(report.costs[e] - costs[e]) < (sizeof(T) == 4 ? 1e-4 : 1e-11),
                      "cost of an epoch:", report.costs[e], costs[e]);
            if (bits.empty()) {
                for (std::size_t l = 0; l < example.thetas.size(); ++l)
                    for (std::size_t i = 0; i < example.thetas[l].size(); ++i)
                        check(std::abs(static_cast<double>(example.thetas[l][i]) -
                                       reference.thetas[l][i]) < (sizeof(T) == 4 ? 3e-3 : 1e-9),
                              "theta after training by rule", static_cast<int>(rule), l, i,
                              example.thetas[l][i], reference.thetas[l][i]);
                bits = example.thetas;
            }
            check(bits == example.thetas, "other bits with", threads, "threads");
        }
    }
}

}  // namespace

void test_training() {
    test_rules<float>();
    test_rules<double>();
}

}  // namespace tests
