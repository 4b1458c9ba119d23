// The Python module: turns arrays that engine/native.py has checked into pointers, nothing more.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/variant.h>
#include <nanobind/stl/vector.h>

#include <optional>
#include <tuple>
#include <variant>

#include "dispatch.hpp"
#include "engine.hpp"
#include "module_records.hpp"
#include "threads.hpp"

namespace {

template <class T>
ml::Matrix<T> matrix(const Array<const T>& array) {
    return {array.data(), static_cast<std::int64_t>(array.shape(0)),
            static_cast<std::int64_t>(array.shape(1)), array.stride(0), array.stride(1)};
}

// An array; or sparse rows: where each starts, columns, values.
template <class T>
using Inputs =
    std::variant<Array<const T>,
                 std::tuple<Array<const std::int64_t>, Array<const std::int32_t>, Array<const T>>>;

template <class T>
ml::Matrix<T> matrix(const Inputs<T>& X, std::int64_t columns) {
    if (X.index() == 0) return matrix(std::get<0>(X));
    const auto& [starts, indices, values] = std::get<1>(X);
    const auto rows = static_cast<std::int64_t>(starts.shape(0)) - 1;
    return {values.data(), rows, columns, 0, 0, starts.data(), indices.data()};
}

template <class T>
std::vector<T*> pointers(const Arrays<T>& arrays) {
    std::vector<T*> result;
    for (const auto& array : arrays) result.push_back(array.data());
    return result;
}

template <class T>
void add(ml::Network<T>& network, const Arrays<const T>& arrays, const ExtraParameters& extra) {
    const bool embeds = !extra.first_rows.empty();
    if (embeds) {
        ml::Embedding<T>& embedding = network.embedding;
        embedding.plain = extra.plain;
        embedding.numbers = extra.numbers;
        embedding.frequencies = extra.frequencies;
        embedding.dimensions = extra.dimensions;
        embedding.width = extra.width;
        network.first_rows = extra.first_rows;
        embedding.columns = extra.plain + static_cast<std::int64_t>(extra.first_rows.size()) - 1;
    }
    network.mixes.resize(arrays.size() - (embeds ? 3 : 0));
    const std::size_t L = network.thetas.size();
    for (std::size_t l = 0; l < L && !extra.rates.empty(); ++l)
        network.rates.push_back({extra.rates[2 * l], extra.rates[2 * l + 1]});
    std::size_t at = 0;
    for (ml::Parameters<T>* part : network.extra_parameters()) {
        part->values = const_cast<T*>(arrays[at].data());
        part->size = static_cast<std::int64_t>(arrays[at].size());
        if (!extra.rates.empty()) part->rate = static_cast<T>(extra.rates[2 * L + at]);
        if (!extra.decays.empty()) part->decay = static_cast<T>(extra.decays[at]);
        ++at;
    }
}

// Arrays come as const, since forward propagation and cost only read them. `train` writes to them:
// engine/native.py has checked before that it may.
template <class T>
ml::Network<T> network(const Arrays<const T>& thetas,
                       const Arrays<const T>& arrays,
                       const ml::Objective& objective,
                       const ExtraParameters& extra) {
    ml::Network<T> result;
    result.sizes.push_back(static_cast<std::int64_t>(thetas.at(0).shape(1)) - 1);
    for (const auto& theta : thetas)
        result.sizes.push_back(static_cast<std::int64_t>(theta.shape(0)));
    for (const auto& theta : thetas) result.thetas.push_back(const_cast<T*>(theta.data()));
    result.objective = objective;
    add(result, arrays, extra);
    return result;
}

// Columns that X must have.
template <class T>
std::int64_t columns(const ml::Network<T>& network) {
    return network.embedding.columns > 0 ? network.embedding.columns : network.sizes[0];
}

// Looks for Ctrl-C. What a signal handler raised stays set in this thread for `raise_if_set`.
bool signalled() {
    const nb::gil_scoped_acquire gil;
    return PyErr_CheckSignals() != 0;
}

// With the GIL: throws what `signalled` left behind.
void raise_if_set() {
    if (PyErr_Occurred()) throw nb::python_error();
}

// Forward propagation through Θ that were checked and unpacked once: for a single row that would
// take longer than the arithmetic.
template <class T>
class Forward {
  public:
    Forward(const Arrays<const T>& thetas,
            const Arrays<const T>& arrays,
            const ml::Objective& objective,
            const ExtraParameters& extra)
        : thetas_(thetas),
          arrays_(arrays),
          network_(network<T>(thetas, arrays, objective, extra)) {}

    void into(const Inputs<T>& X, const Array<T>& H, int threads) const {
        const auto rows = matrix(X, columns(network_));
        T* result = H.data();
        {
            const nb::gil_scoped_release release;
            ml::forward(network_, rows, result, threads, signalled);
        }
        raise_if_set();
    }

  private:
    Arrays<const T> thetas_, arrays_;  // kept alive
    ml::Network<T> network_;
};

// A network, the rows that it learns from and its objective, checked and unpacked once.
template <class T>
class Problem {
  public:
    Problem(const Arrays<const T>& thetas,
            const Arrays<const T>& arrays,
            const Inputs<T>& X,
            const Optional<T>& Y,
            const Optional<std::int32_t>& labels,
            const Optional<T>& weights,
            const ml::Objective& objective,
            const ExtraParameters& extra)
        : thetas_(thetas),
          arrays_(arrays),
          X_(X),
          Y_(Y),
          labels_(labels),
          weights_(weights),
          network_(network<T>(thetas, arrays, objective, extra)) {
        data_.X = matrix(X_, columns(network_));
        if (Y_) data_.Y = matrix(*Y_);
        if (labels_) data_.labels = labels_->data();
        if (weights_) data_.weights = weights_->data();
    }

    // J; where arrays for gradients are given, shaped like Θ and the other arrays, D into them.
    double cost(const Arrays<T>& gradients, int threads) const {
        ml::Network<T> network = network_;
        auto results = pointers(gradients);
        if (!results.empty()) {
            std::size_t last = network.thetas.size();
            for (ml::Parameters<T>* part : network.extra_parameters())
                part->gradient = results[last++];
            results.resize(network.thetas.size());
        }
        double J = 0;
        {
            const nb::gil_scoped_release release;
            ml::cost(network, data_, results, J, threads, signalled);
        }
        raise_if_set();
        return J;
    }

    nb::tuple train(const ml::Descent& descent,
                    const std::vector<Arrays<T>>& slots,
                    Epochs& epochs,
                    int threads,
                    const Problem* held_out,
                    ml::Scores* scores,
                    const Arrays<T>& best_thetas) const {
        ml::Network<T> network = network_;
        ml::Slots<T> slot_pointers;
        for (std::size_t s = 0; s < slots.size(); ++s) {
            slot_pointers.push_back(pointers(slots[s]));
            std::size_t last = network.thetas.size();
            for (ml::Parameters<T>* part : network.extra_parameters())
                part->slots[s] = slot_pointers[s][last++];
        }
        ml::Shuffle shuffle;
        if (epochs.indices && epochs.key)
            shuffle = {epochs.indices->data(), epochs.key->data(), epochs.position};
        if (epochs.order_array) {
            epochs.order = epochs.order_array->data();
            epochs.rows_of_epoch = static_cast<std::int64_t>(epochs.order_array->shape(1));
        }
        if (shuffle.rows) epochs.shuffle = &shuffle;
        if (epochs.rates_array) epochs.rates = epochs.rates_array->data();
        std::optional<ml::Validation<T>> validation;
        if (held_out && scores)
            validation.emplace(ml::Validation<T>{held_out->data_, *scores, pointers(best_thetas)});
        ml::Report report;
        {
            const nb::gil_scoped_release release;
            report = ml::train(network, data_, descent, slot_pointers, epochs, threads, signalled,
                               validation ? &*validation : nullptr);
        }
        epochs.shuffle = nullptr;
        epochs.best = report.best;
        epochs.stale = report.stale;
        epochs.position = shuffle.position;
        if (report.status == ml::Status::interrupted) {
            if (!PyErr_ExceptionMatches(PyExc_KeyboardInterrupt)) throw nb::python_error();
            PyErr_Clear();
        }
        return nb::make_tuple(report.costs, report.steps,
                              ml::status_names[static_cast<int>(report.status)]);
    }

  private:
    Arrays<const T> thetas_, arrays_;  // kept alive, as what follows
    Inputs<T> X_;
    Optional<T> Y_;
    Optional<std::int32_t> labels_;
    Optional<T> weights_;
    ml::Network<T> network_;
    ml::Data<T> data_;
};

template <class T>
void apply(const char* function, const Array<const T>& x, const Array<T>& y) {
    if (!ml::kernels_in_use<T>().apply(function, x.data(), y.data(),
                                       static_cast<std::int64_t>(x.size())))
        throw nb::key_error(function);
}

template <class T>
void define(nb::module_& m) {
    // Nothing may be converted: a copy of Θ would be trained in its stead, and then thrown away.
    const auto arg = [](const char* name) { return nb::arg(name).noconvert(); };
    const auto option = [](const char* name) { return nb::arg(name).noconvert().none(); };
    // No conversion: an array of the other dtype must choose the other overload, not be copied.
    m.def("apply", &apply<T>, arg("function"), arg("x"), arg("y"));
    const bool single = sizeof(T) == 4;
    nb::class_<Forward<T>>(m, single ? "Forward32" : "Forward64")
        .def(nb::init<const Arrays<const T>&, const Arrays<const T>&, const ml::Objective&,
                      const ExtraParameters&>(),
             arg("thetas"), arg("arrays"), arg("objective"), arg("extra"))
        .def("into", &Forward<T>::into, arg("X"), arg("H"), arg("threads"));
    nb::class_<Problem<T>>(m, single ? "Problem32" : "Problem64")
        .def(nb::init<const Arrays<const T>&, const Arrays<const T>&, const Inputs<T>&,
                      const Optional<T>&, const Optional<std::int32_t>&, const Optional<T>&,
                      const ml::Objective&, const ExtraParameters&>(),
             arg("thetas"), arg("arrays"), arg("X"), option("Y"), option("labels"),
             option("weights"), arg("objective"), arg("extra"))
        .def("cost", &Problem<T>::cost, arg("gradients"), arg("threads"))
        .def("train", &Problem<T>::train, arg("descent"), arg("slots"), arg("epochs"),
             arg("threads"), nb::arg("held_out").none(), nb::arg("scores").none(),
             arg("best_thetas"));
}

}  // namespace

NB_MODULE(_native, m) {
    m.doc() = "Forward propagation, cost, gradient and training, without the GIL.";
    // What is still alive when Python ends, as in any script's globals, is no leak.
    nb::set_leak_warnings(false);
    define_records(m);
    define<float>(m);
    define<double>(m);
    m.def("default_threads", &ml::default_threads);
    nb::list sets;
    for (const auto* set : ml::instruction_sets()) sets.append(set->name);
    m.attr("INSTRUCTION_SETS") = nb::tuple(sets);
    m.def("instruction_set", [] { return ml::instruction_set().name; });
    m.def("use_instruction_set", &ml::use_instruction_set, nb::arg("name"));
    ml::instruction_set();  // a wrong MULTILAYER_ISA is an error here, not in the middle of a fit
    m.attr("ACTIVATIONS") = codes_of(ml::activation_names);
    m.attr("OUTPUTS") = codes_of(ml::output_names);
    nb::dict losses;
    for (const auto& loss : ml::loss_names)
        losses[loss.name] = nb::make_tuple(static_cast<int>(loss.loss), loss.number);
    m.attr("LOSSES") = losses;
    nb::dict rules;
    int code = 0;
    for (const auto& rule : ml::rule_names) {
        nb::list numbers;
        for (const char* number : rule.numbers)
            if (number) numbers.append(number);
        rules[rule.name] = nb::make_tuple(code++, rule.slots, nb::tuple(numbers));
    }
    m.attr("RULES") = rules;
}
