// The Python module: turns arrays that engine.py has checked into pointers, nothing more.
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
#include "threads.hpp"

namespace nb = nanobind;
namespace ml = multilayer;

namespace {

template <class T>
using Array = nb::ndarray<T, nb::device::cpu>;
template <class T>
using Arrays = std::vector<Array<T>>;
template <class T>
using Optional = std::optional<Array<const T>>;

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

// What is trained beside Θ: plain columns, numbers, frequencies, dimensions and width of an
// embedding, or nothing; where each category's rows begin, and the end; its arrays, then α of each
// hidden layer, or none; learning rates (weights and biases of each Θ, then each array); decays
// (each array).
template <class U>
using Beside = std::tuple<std::vector<std::int64_t>,
                          std::vector<std::int64_t>,
                          Arrays<U>,
                          std::vector<double>,
                          std::vector<double>>;

template <class T, class U>
void add(ml::Network<T>& network, const Beside<U>& beside) {
    const auto& [shape, first_rows, arrays, rates, decays] = beside;
    if (!shape.empty()) {
        ml::Embedding<T>& embedding = network.embedding;
        embedding.plain = shape[0];
        embedding.numbers = shape[1];
        embedding.frequencies = shape[2];
        embedding.dimensions = shape[3];
        embedding.width = shape[4];
        network.first_rows = first_rows;
        embedding.columns = shape[0] + static_cast<std::int64_t>(first_rows.size()) - 1;
    }
    network.mixes.resize(arrays.size() - (shape.empty() ? 0 : 3));
    const std::size_t L = network.thetas.size();
    for (std::size_t l = 0; l < L && !rates.empty(); ++l)
        network.rates.push_back({rates[2 * l], rates[2 * l + 1]});
    std::size_t at = 0;
    for (ml::Parameters<T>* part : network.beside()) {
        part->values = const_cast<T*>(arrays[at].data());
        part->size = static_cast<std::int64_t>(arrays[at].size());
        if (!rates.empty()) part->rate = static_cast<T>(rates[2 * L + at]);
        if (!decays.empty()) part->decay = static_cast<T>(decays[at]);
        ++at;
    }
}

// Θ stays const where it comes so: `forward` and `cost` only read what they are given.
template <class T, class U>
ml::Network<T> network(const Arrays<U>& thetas,
                       const std::vector<int>& hidden,
                       int output,
                       const std::vector<std::int64_t>& groups,
                       const Beside<U>& beside) {
    ml::Network<T> result;
    result.sizes.push_back(static_cast<std::int64_t>(thetas.at(0).shape(1)) - 1);
    for (const auto& theta : thetas)
        result.sizes.push_back(static_cast<std::int64_t>(theta.shape(0)));
    for (const auto& theta : thetas) result.thetas.push_back(const_cast<T*>(theta.data()));
    for (const int code : hidden) result.hidden.push_back(static_cast<ml::Activation>(code));
    result.output = static_cast<ml::Output>(output);
    result.groups = groups;
    add(result, beside);
    return result;
}

// Columns that X must have.
template <class T>
std::int64_t columns(const ml::Network<T>& network) {
    return network.embedding.columns > 0 ? network.embedding.columns : network.sizes[0];
}

template <class T>
ml::Data<T> data(const ml::Matrix<T>& X,
                 const Optional<T>& Y,
                 const Optional<std::int32_t>& labels,
                 const Optional<T>& weights) {
    ml::Data<T> result;
    result.X = X;
    if (Y) result.Y = matrix(*Y);
    if (labels) result.labels = labels->data();
    if (weights) result.weights = weights->data();
    return result;
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
            const std::vector<int>& hidden,
            int output,
            const std::vector<std::int64_t>& groups,
            const Beside<const T>& beside)
        : thetas_(thetas),
          beside_(std::get<2>(beside)),
          network_(network<T>(thetas, hidden, output, groups, beside)) {}

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
    Arrays<const T> thetas_, beside_;  // kept alive
    ml::Network<T> network_;
};

template <class T>
double cost(const Arrays<const T>& thetas,
            const Inputs<T>& X,
            const Optional<T>& Y,
            const Optional<std::int32_t>& labels,
            const Optional<T>& weights,
            const std::vector<int>& hidden,
            int output,
            const std::vector<std::int64_t>& groups,
            const Beside<const T>& beside,
            int loss,
            double loss_number,
            double smoothing,
            double lambda,
            double l1,
            const Arrays<T>& gradients,
            int threads) {
    auto net = network<T>(thetas, hidden, output, groups, beside);
    net.loss = static_cast<ml::Loss>(loss);
    net.loss_number = loss_number;
    auto examples = data(matrix(X, columns(net)), Y, labels, weights);
    examples.smoothing = smoothing;
    auto results = pointers(gradients);
    std::size_t last = net.thetas.size();
    for (ml::Parameters<T>* part : net.beside())
        if (!results.empty()) part->gradient = results[last++];
    if (!results.empty()) results.resize(net.thetas.size());
    double J = 0;
    {
        const nb::gil_scoped_release release;
        ml::cost(net, examples, {lambda, l1}, results, J, threads, signalled);
    }
    raise_if_set();
    return J;
}

template <class T>
nb::tuple train(const Arrays<T>& thetas,
                const Inputs<T>& X,
                const Optional<T>& Y,
                const Optional<std::int32_t>& labels,
                const Optional<T>& weights,
                const std::vector<int>& hidden,
                int output,
                const std::vector<std::int64_t>& groups,
                const Beside<T>& beside,
                int loss,
                double loss_number,
                double smoothing,
                int rule,
                const std::vector<double>& numbers,
                const std::vector<Arrays<T>>& slots,
                const Optional<std::int64_t>& order,
                const std::optional<Array<std::int64_t>>& rows,
                const std::optional<Array<std::uint32_t>>& key,
                std::int64_t position,
                const Optional<double>& rates,
                ml::Course course,
                int threads) {
    auto net = network<T>(thetas, hidden, output, groups, beside);
    net.loss = static_cast<ml::Loss>(loss);
    net.loss_number = loss_number;
    auto examples = data(matrix(X, columns(net)), Y, labels, weights);
    examples.smoothing = smoothing;
    ml::Optimizer<T> optimizer;
    optimizer.rule = static_cast<ml::Rule>(rule);
    for (std::size_t i = 0; i < numbers.size(); ++i) optimizer.numbers[i] = numbers[i];
    for (std::size_t s = 0; s < slots.size(); ++s) {
        optimizer.slots.push_back(pointers(slots[s]));
        std::size_t last = net.thetas.size();
        for (ml::Parameters<T>* part : net.beside()) part->slots[s] = optimizer.slots[s][last++];
    }
    ml::Shuffle shuffle;
    if (rows && key) shuffle = {rows->data(), key->data(), position};
    if (order) {
        course.order = order->data();
        course.rows_of_epoch = static_cast<std::int64_t>(order->shape(1));
    }
    if (shuffle.rows) course.shuffle = &shuffle;
    if (rates) course.rates = rates->data();
    ml::Report report;
    {
        const nb::gil_scoped_release release;
        report = ml::train(net, examples, optimizer, course, threads, signalled);
    }
    if (report.status == ml::Status::interrupted) {
        if (!PyErr_ExceptionMatches(PyExc_KeyboardInterrupt)) throw nb::python_error();
        PyErr_Clear();
    }
    return nb::make_tuple(report.costs, report.steps,
                          ml::status_names[static_cast<int>(report.status)], report.best,
                          report.stale, shuffle.position);
}

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
    nb::class_<Forward<T>>(m, sizeof(T) == 4 ? "Forward32" : "Forward64")
        .def(nb::init<const Arrays<const T>&, const std::vector<int>&, int,
                      const std::vector<std::int64_t>&, const Beside<const T>&>(),
             arg("thetas"), arg("hidden"), arg("output"), arg("groups"), arg("beside"))
        .def("into", &Forward<T>::into, arg("X"), arg("H"), arg("threads"));
    m.def("cost", &cost<T>, arg("thetas"), arg("X"), option("Y"), option("labels"),
          option("weights"), arg("hidden"), arg("output"), arg("groups"), arg("beside"),
          arg("loss"), arg("loss_number"), arg("smoothing"), arg("lambda_"), arg("l1"),
          arg("gradients"), arg("threads"));
    m.def("train", &train<T>, arg("thetas"), arg("X"), option("Y"), option("labels"),
          option("weights"), arg("hidden"), arg("output"), arg("groups"), arg("beside"),
          arg("loss"), arg("loss_number"), arg("smoothing"), arg("rule"), arg("numbers"),
          arg("slots"), option("order"), option("rows"), option("key"), arg("position"),
          option("rates"), arg("course"), arg("threads"));
}

void define_course(nb::module_& m) {
    using ml::Course;
    nb::class_<Course>(m, "Course")
        .def(nb::init<>())
        .def_rw("lambda_", &Course::lambda)
        .def_rw("l1", &Course::l1)
        .def_rw("penalty_rows", &Course::rows)
        .def_rw("share", &Course::share)
        .def_rw("clip_norm", &Course::clip_norm)
        .def_rw("max_norm", &Course::max_norm)
        .def_rw("batch_size", &Course::batch_size)
        .def_rw("epochs", &Course::epochs)
        .def_rw("steps_before", &Course::steps_before)
        .def_rw("max_steps", &Course::max_steps)
        .def_rw("tol", &Course::tol)
        .def_rw("patience", &Course::patience)
        .def_rw("best", &Course::best)
        .def_rw("stale", &Course::stale)
        .def_rw("dropout", &Course::dropout)
        .def_rw("dropout_seed", &Course::dropout_seed);
}

template <std::size_t N>
nb::dict codes(const char* const (&names)[N]) {
    nb::dict result;
    for (std::size_t code = 0; code < N; ++code) result[names[code]] = code;
    return result;
}

}  // namespace

NB_MODULE(_native, m) {
    m.doc() = "Forward propagation, cost, gradient and training, without the GIL.";
    // What is still alive when Python ends, as in any script's globals, is no leak.
    nb::set_leak_warnings(false);
    define_course(m);
    define<float>(m);
    define<double>(m);
    m.def("default_threads", &ml::default_threads);
    m.attr("ISA") = ml::instruction_set().name;
    nb::list sets;
    for (const auto* set : ml::instruction_sets()) sets.append(set->name);
    m.attr("ISAS") = nb::tuple(sets);
    m.attr("ACTIVATIONS") = codes(ml::activation_names);
    m.attr("OUTPUTS") = codes(ml::output_names);
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
