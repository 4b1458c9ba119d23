// The Python module: turns arrays into pointers, checks what they index, and runs the engine.
#include <nanobind/nanobind.h>

#include <optional>

#include "dispatch.hpp"
#include "engine.hpp"
#include "module_arrays.hpp"
#include "module_gil.hpp"
#include "module_records.hpp"
#include "threads.hpp"

namespace {

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
    const std::size_t L = network.thetas.size(), of_embedding = embeds ? 3 : 0;
    if (arrays.size() != of_embedding && arrays.size() != of_embedding + L - 1)
        ml::refuse(
            "there must be three arrays of an embedding and one of each hidden layer that mixes",
            static_cast<std::int64_t>(arrays.size()));
    network.mixes.resize(arrays.size() - of_embedding);
    if (!extra.rates.empty() && extra.rates.size() != 2 * L + arrays.size())
        ml::refuse("there must be two rates of each Θ, and one of each array",
                   static_cast<std::int64_t>(extra.rates.size()));
    if (!extra.decays.empty() && extra.decays.size() != arrays.size())
        ml::refuse("there must be a decay of each array",
                   static_cast<std::int64_t>(extra.decays.size()));
    for (std::size_t l = 0; l < L && !extra.rates.empty(); ++l)
        network.rates.push_back({extra.rates[2 * l], extra.rates[2 * l + 1]});
    std::size_t at = 0;
    for (ml::Parameters<T>* part : network.extra_parameters()) {
        part->values = const_cast<T*>(pointer(arrays[at]));
        part->size = size_of(arrays[at]);
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
    if (thetas.empty()) throw std::invalid_argument("there must be a Θ, and there is none");
    for (const auto& theta : thetas) {
        const ml::Matrix<T> shape = matrix(theta);
        if (result.sizes.empty()) result.sizes.push_back(shape.columns - 1);
        ml::check_equal("inputs of a layer", shape.columns - 1, result.sizes.back());
        result.sizes.push_back(shape.rows);
        result.thetas.push_back(const_cast<T*>(pointer(theta)));
    }
    result.objective = objective;
    add(result, arrays, extra);
    ml::check_network(result);
    return result;
}

// How many numbers each array has that is trained: of Θ, then of the others.
template <class T>
std::vector<std::int64_t> sizes(ml::Network<T> network) {
    std::vector<std::int64_t> result;
    for (std::size_t l = 0; l < network.thetas.size(); ++l)
        result.push_back((network.sizes[l] + 1) * network.sizes[l + 1]);
    for (const ml::Parameters<T>* part : network.extra_parameters()) result.push_back(part->size);
    return result;
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
        const auto rows = matrix(X, network_.columns());
        ml::check_equal("columns of X", rows.columns, network_.columns());
        if (rows.sparse()) ml::check_sparse(rows, stored(X));
        T* result = pointer(H, rows.rows * network_.sizes.back());
        {
            const WithoutGil without_gil;
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
        data_.X = matrix(X_, network_.columns());
        if (Y_) data_.Y = matrix(*Y_);
        if (labels_) data_.labels = pointer(*labels_, data_.X.rows);
        if (weights_) data_.weights = pointer(*weights_, data_.X.rows);
        ml::check_data(network_, data_, stored(X_));
    }

    // J; where arrays for gradients are given, shaped like Θ and the other arrays, D into them.
    double cost(const Arrays<T>& gradients, int threads) const {
        ml::Network<T> network = network_;
        auto results = pointers(gradients, sizes(network));
        if (!results.empty()) {
            std::size_t last = network.thetas.size();
            for (ml::Parameters<T>* part : network.extra_parameters())
                part->gradient = results[last++];
            results.resize(network.thetas.size());
        }
        double J = 0;
        {
            const WithoutGil without_gil;
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
            ml::check_range("slot", static_cast<std::int64_t>(s), 0, 1);
            slot_pointers.push_back(pointers(slots[s], sizes(network)));
            if (slots[s].empty()) throw std::invalid_argument("a slot must not be empty");
            std::size_t last = network.thetas.size();
            for (ml::Parameters<T>* part : network.extra_parameters())
                part->slots[s] = slot_pointers[s][last++];
        }
        ml::Shuffle shuffle;
        if (epochs.indices && epochs.key)
            shuffle = {pointer(*epochs.indices, data_.X.rows), pointer(*epochs.key, 624),
                       epochs.position};
        if (epochs.order_array) {
            const ml::Matrix<std::int64_t> order = matrix(*epochs.order_array);
            epochs.order = pointer(*epochs.order_array);
            epochs.rows_of_epoch = order.columns;
            epochs.count = std::min(epochs.count, order.rows);
        }
        if (shuffle.rows) epochs.shuffle = &shuffle;
        if (epochs.rates_array) epochs.rates = pointer(*epochs.rates_array);
        ml::check_training(network, data_, descent, slot_pointers, epochs,
                           epochs.rates ? size_of(*epochs.rates_array) : 0);
        std::optional<ml::Validation<T>> validation;
        if (held_out && scores) {
            ml::check_scoring(data_, held_out->data_, *scores);
            auto thetas_only = sizes(network);
            thetas_only.resize(network.thetas.size());
            validation.emplace(
                ml::Validation<T>{held_out->data_, *scores, pointers(best_thetas, thetas_only)});
        }
        ml::Report report;
        {
            const WithoutGil without_gil;
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
    if (!ml::kernels_in_use<T>().apply(function, pointer(x), pointer(y, size_of(x)), size_of(x)))
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
