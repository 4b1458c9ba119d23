// The records that Python fills in and the module reads: plain numbers and arrays.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/vector.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "module_arrays.hpp"

namespace {

// What is trained beside Θ, without its arrays (those of an embedding come first, then α of each
// hidden layer): the columns of an embedding, where there is one,
// and learning rates and decays.
struct ExtraParameters {
    std::int64_t plain = 0, numbers = 0, frequencies = 0, dimensions = 0, width = 0;
    std::vector<std::int64_t> first_rows;  // of each category in the tables, and the end; or empty:
                                           // no embedding
    std::vector<double> rates;             // of weights and biases of each Θ, then of each array
    std::vector<double> decays;            // of each array
};

// The epochs of one call, with the arrays that they read and change.
struct Epochs : ml::Epochs {
    Optional<std::int64_t> order_array;
    Optional<double> rates_array;
    std::optional<Array<std::int64_t>> indices;  // shuffled in place before each epoch
    std::optional<Array<std::uint32_t>> key;     // of the Mersenne Twister, with its position
    std::int64_t position = 0;
};

// Codes come as whole numbers.
template <class Code>
std::vector<Code> codes(const std::vector<int>& numbers) {
    std::vector<Code> result;
    for (const int number : numbers) result.push_back(static_cast<Code>(number));
    return result;
}

void define_records(nb::module_& m) {
    using nb::arg;
    nb::class_<ml::Objective>(m, "Objective")
        .def(
            "__init__",
            [](ml::Objective* self, const std::vector<int>& hidden, int output,
               std::vector<std::int64_t> groups, int loss, double loss_number,
               double label_smoothing, double lambda, double l1, double penalty_rows,
               double cost_share) {
                new (self) ml::Objective{codes<ml::Activation>(hidden),
                                         static_cast<ml::Output>(output),
                                         std::move(groups),
                                         static_cast<ml::Loss>(loss),
                                         loss_number,
                                         label_smoothing,
                                         lambda,
                                         l1,
                                         penalty_rows,
                                         cost_share};
            },
            nb::kw_only(), arg("hidden"), arg("output"), arg("groups"), arg("loss") = 0,
            arg("loss_number") = 0.0, arg("label_smoothing") = 0.0, arg("lambda_") = 0.0,
            arg("l1") = 0.0, arg("penalty_rows") = 0.0, arg("cost_share") = 1.0);
    nb::class_<ml::Descent>(m, "Descent")
        .def(
            "__init__",
            [](ml::Descent* self, int rule, std::vector<double> numbers, std::int64_t batch_size,
               double clip_norm, double max_norm, std::vector<double> dropout,
               std::uint64_t dropout_seed) {
                numbers.resize(ml::most_numbers);
                new (self) ml::Descent{static_cast<ml::Rule>(rule),
                                       std::move(numbers),
                                       batch_size,
                                       clip_norm,
                                       max_norm,
                                       std::move(dropout),
                                       dropout_seed};
            },
            nb::kw_only(), arg("rule"), arg("numbers"), arg("batch_size"), arg("clip_norm"),
            arg("max_norm"), arg("dropout"), arg("dropout_seed"));
    nb::class_<ExtraParameters>(m, "ExtraParameters")
        .def(nb::init<>())
        .def_rw("plain", &ExtraParameters::plain)
        .def_rw("numbers", &ExtraParameters::numbers)
        .def_rw("frequencies", &ExtraParameters::frequencies)
        .def_rw("dimensions", &ExtraParameters::dimensions)
        .def_rw("width", &ExtraParameters::width)
        .def_rw("first_rows", &ExtraParameters::first_rows)
        .def_rw("rates", &ExtraParameters::rates)
        .def_rw("decays", &ExtraParameters::decays);
    nb::class_<ml::Scores>(m, "Scores")
        .def(nb::init<>())
        .def_rw("accuracy", &ml::Scores::accuracy)
        .def_rw("cost_share", &ml::Scores::cost_share)
        .def_rw("tol", &ml::Scores::tol)
        .def_rw("patience", &ml::Scores::patience)
        .def_rw("best", &ml::Scores::best)
        .def_rw("stale", &ml::Scores::stale)
        .def_ro("scores", &ml::Scores::scores)
        .def_ro("costs", &ml::Scores::costs);
    nb::class_<Epochs>(m, "Epochs")
        .def(nb::init<>())
        .def_rw("count", &Epochs::count)
        .def_rw("steps_before", &Epochs::steps_before)
        .def_rw("max_steps", &Epochs::max_steps)
        .def_rw("rates", &Epochs::rates_array, nb::arg("rates").none())
        .def_rw("order", &Epochs::order_array, nb::arg("order").none())
        .def_rw("indices", &Epochs::indices, nb::arg("indices").none())
        .def_rw("key", &Epochs::key, nb::arg("key").none())
        .def_rw("position", &Epochs::position)
        .def_rw("tol", &Epochs::tol)
        .def_rw("patience", &Epochs::patience)
        .def_rw("best", &Epochs::best)
        .def_rw("stale", &Epochs::stale);
}

template <std::size_t N>
nb::dict codes_of(const char* const (&names)[N]) {
    nb::dict result;
    for (std::size_t code = 0; code < N; ++code) result[names[code]] = code;
    return result;
}

}  // namespace
