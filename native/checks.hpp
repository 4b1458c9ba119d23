// The rules for the numbers that say where to read and write: they may come from a file, or have
// been changed since Python looked at them. An error states the rule and the number met.
#pragma once

#include <cstdint>
#include <iterator>
#include <stdexcept>
#include <string>

#include "engine.hpp"

namespace multilayer {

[[noreturn]] inline void refuse(const std::string& rule, std::int64_t met) {
    throw std::invalid_argument(rule + ": " + std::to_string(met));
}

// `name` must be from `low` to `high`.
inline void check_range(const char* name,
                        std::int64_t number,
                        std::int64_t low,
                        std::int64_t high) {
    if (number < low || number > high)
        refuse(std::string(name) + " must be from " + std::to_string(low) + " to " +
                   std::to_string(high),
               number);
}

inline void check_equal(const char* name, std::int64_t number, std::int64_t wanted) {
    if (number != wanted) refuse(std::string(name) + " must be " + std::to_string(wanted), number);
}

// Each of n numbers must be from 0 to `limit` − 1. The loop has no branch, for it to be vectors.
template <class Number>
void check_numbers(const char* name, const Number* numbers, std::int64_t n, std::int64_t limit) {
    bool outside = false;
    for (std::int64_t i = 0; i < n; ++i) outside |= numbers[i] < 0 || numbers[i] >= limit;
    for (std::int64_t i = 0; outside && i < n; ++i) check_range(name, numbers[i], 0, limit - 1);
}

// Sparse rows, of which `stored` columns and values are there.
template <class T>
void check_sparse(const Matrix<T>& X, std::int64_t stored) {
    const std::int64_t* starts = X.starts;
    if (X.rows < 0) refuse("indptr of X must have a number more than X has rows", X.rows + 1);
    bool falls = starts[0] != 0;
    for (std::int64_t i = 0; i < X.rows; ++i) falls |= starts[i + 1] < starts[i];
    if (falls) refuse("indptr of X must begin at 0 and never fall; it begins at", starts[0]);
    if (starts[X.rows] > stored)
        refuse("X stores " + std::to_string(stored) + " values, and its indptr ends beyond",
               starts[X.rows]);
    check_numbers("indices of X", X.indices, starts[X.rows], X.columns);
}

template <class T>
void check_network(const Network<T>& network) {
    for (const std::int64_t units : network.sizes)
        check_range("units of a layer", units, 1, std::int64_t{1} << 48);
    const Objective& objective = network.objective;
    const std::int64_t K = network.sizes.back();
    if (objective.hidden.size() + 1 != network.thetas.size())
        refuse("there must be an activation for each hidden layer",
               static_cast<std::int64_t>(objective.hidden.size()));
    const auto last = [](const auto& names) {
        return static_cast<std::int64_t>(std::size(names)) - 1;
    };
    for (const Activation code : objective.hidden)
        check_range("activation", static_cast<int>(code), 0, last(activation_names));
    check_range("output", static_cast<int>(objective.output), 0, last(output_names));
    check_range("loss", static_cast<int>(objective.loss), 0, static_cast<int>(Loss::focal));
    std::int64_t units = 0;
    for (const std::int64_t group : objective.groups) {
        check_range("a group of softmax", group, 1, K - units);
        units += group;
    }
    if (!objective.groups.empty() && units != K)
        refuse("the groups of softmax must have " + std::to_string(K) + " units", units);
    for (std::size_t l = 0; l < network.mixes.size(); ++l)
        check_equal("units of a mix", network.mixes[l].size, network.sizes[l + 1]);
    const Embedding<T>& embedding = network.embedding;
    if (embedding.columns == 0) return;
    constexpr std::int64_t most = 1 << 30;  // no product of two of these overflows
    check_range("plain columns", embedding.plain, 0, most);
    check_range("numbers", embedding.numbers, 0, embedding.plain);
    check_range("frequencies", embedding.frequencies, 1, most_frequencies);
    check_range("dimensions", embedding.dimensions, 1, most_dimensions);
    check_range("width", embedding.width, 0, most);
    std::int64_t rows = 0;
    check_equal("the first row of a table", network.first_rows[0], 0);
    for (std::size_t i = 1; i < network.first_rows.size(); ++i, rows = network.first_rows[i - 1])
        check_range("the end of a table", network.first_rows[i], rows + 1, most);
    check_equal("the size of periodic", embedding.periodic.size,
                embedding.numbers * embedding.numbers_of_one());
    check_equal("the size of tables", embedding.tables.size,
                network.first_rows.back() * embedding.width);
    check_equal("the size of scale", embedding.scale.size, embedding.outputs());
    check_equal("inputs", network.sizes[0], embedding.outputs());
}

// `stored`: columns and values of a sparse X.
template <class T>
void check_data(const Network<T>& network, const Data<T>& data, std::int64_t stored) {
    const std::int64_t K = network.sizes.back();
    check_equal("columns of X", data.X.columns, network.columns());
    if (data.X.sparse()) check_sparse(data.X, stored);
    if (data.labels)
        check_numbers("class indices", data.labels, data.X.rows, K > 1 ? K : std::int64_t{2});
    if (!data.labels == !data.Y.data)
        throw std::invalid_argument("there must be either targets or class indices");
    if (!data.Y.data) return;
    check_equal("rows of Y", data.Y.rows, data.X.rows);
    check_equal("columns of Y", data.Y.columns, K);
}

// `n_rates`: in epochs.rates.
template <class T>
void check_training(const Network<T>& network,
                    const Data<T>& data,
                    const Descent& descent,
                    const Slots<T>& slots,
                    const Epochs& epochs,
                    std::int64_t n_rates) {
    constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
    const std::int64_t m = data.X.rows;
    check_range("rule", static_cast<int>(descent.rule), 0,
                static_cast<std::int64_t>(std::size(rule_names)) - 1);
    const std::int64_t kept = rule_names[static_cast<int>(descent.rule)].slots;
    check_equal("slots", static_cast<std::int64_t>(slots.size()), kept);
    check_range("batch_size", descent.batch_size, 1, most);
    if (!descent.dropout.empty() && descent.dropout.size() != network.thetas.size())
        refuse("there must be a rate of dropout for each layer but the last",
               static_cast<std::int64_t>(descent.dropout.size()));
    for (const double rate : descent.dropout)
        if (!(rate >= 0 && rate < 1))
            throw std::invalid_argument("a rate of dropout must be at least 0 and less than 1: " +
                                        std::to_string(rate));
    check_range("epochs", epochs.count, 0, most);
    // Steps are counted from there on, and never reach the end.
    check_range("steps_before", epochs.steps_before, 0, most / 2);
    check_range("max_steps", epochs.max_steps, 0, epochs.rates ? n_rates : most);
    if (epochs.order) {
        check_range("rows of an epoch", epochs.rows_of_epoch, 1, most / (epochs.count + 1));
        check_numbers("row numbers of the order", epochs.order, epochs.count * epochs.rows_of_epoch,
                      m);
    }
    if (!epochs.shuffle) return;
    check_range("the position of the generator", epochs.shuffle->position, 0, 624);
    check_numbers("row numbers", epochs.shuffle->rows, m, m);
}

// The rows of `held_out` are scored in the place of those that `data` holds.
template <class T>
void check_scoring(const Data<T>& data, const Data<T>& held_out, const Scores& scores) {
    check_equal("columns of the rows to score", held_out.X.columns, data.X.columns);
    check_equal("sparse rows to score", held_out.X.sparse(), data.X.sparse());
    if (scores.accuracy && !held_out.labels)
        throw std::invalid_argument("accuracy must be of class indices, and there are none");
}

}  // namespace multilayer
