// Every kernel against plain loops in double, and the functions of math.hpp against long double.
#include <algorithm>
#include <array>
#include <cstring>

#include "../dispatch.hpp"
#include "check.hpp"

namespace tests {
namespace {

double sigmoid(double z) { return 1 / (1 + std::exp(-z)); }
double softplus(double z) { return std::max(z, 0.0) + std::log1p(std::exp(-std::abs(z))); }

// g(z) and g′(z).
std::array<double, 2> activation(ml::Activation code, double z) {
    using A = ml::Activation;
    const double s = sigmoid(z), t = std::tanh(z), u = std::tanh(softplus(z));
    const double cdf = std::erfc(-z * std::sqrt(0.5)) / 2;
    const double density = std::exp(-z * z / 2) / std::sqrt(2 * 3.14159265358979323846);
    switch (code) {
        case A::identity:
            return {z, 1};
        case A::logistic:
            return {s, s * (1 - s)};
        case A::tanh:
            return {t, 1 - t * t};
        case A::relu:
            return {std::max(z, 0.0), z > 0 ? 1.0 : 0.0};
        case A::leaky_relu:
            return {z > 0 ? z : ml::leak * z, z > 0 ? 1 : ml::leak};
        case A::elu:
            return {z > 0 ? z : std::expm1(z), z > 0 ? 1 : std::exp(z)};
        case A::selu:
            return {ml::selu_scale * (z > 0 ? z : ml::selu_alpha * std::expm1(z)),
                    ml::selu_scale * (z > 0 ? 1 : ml::selu_alpha * std::exp(z))};
        case A::softplus:
            return {softplus(z), s};
        case A::gelu:
            return {z * cdf, cdf + z * density};
        case A::silu:
            return {z * s, s * (1 + z * (1 - s))};
        case A::mish:
            return {z * u, u + z * s * (1 - u * u)};
    }
    throw std::logic_error("no such activation");
}

// h of one example from z, and its cost.
double output(ml::Output code, std::vector<double>& z, const std::vector<double>& y) {
    double cost = 0;
    if (code == ml::Output::softmax) {
        const double top = *std::max_element(z.begin(), z.end());
        double total = 0;
        for (const double x : z) total += std::exp(x - top);
        for (std::size_t k = 0; k < z.size(); ++k) {
            cost += y[k] * (std::log(total) - (z[k] - top));
            z[k] = std::exp(z[k] - top) / total;
        }
        return cost;
    }
    for (std::size_t k = 0; k < z.size(); ++k) {
        const double x = z[k];
        if (code == ml::Output::logistic) {
            cost += softplus(x) - y[k] * x;
            z[k] = sigmoid(x);
        } else if (code == ml::Output::exp) {
            cost += std::exp(x) - y[k] * x - y[k] + (y[k] > 0 ? y[k] * std::log(y[k]) : 0);
            z[k] = std::exp(x);
        } else {
            cost += (x - y[k]) * (x - y[k]) / 2;
        }
    }
    return cost;
}

// The same network in double, step by step.
struct Twin {
    std::vector<i64> sizes;
    std::vector<std::vector<double>> thetas, D;
    std::vector<std::vector<double>> H;  // h of each row
    double J = 0;

    template <class T>
    explicit Twin(const Case<T>& example) : sizes(example.sizes) {
        for (const auto& theta : example.thetas) thetas.emplace_back(theta.begin(), theta.end());
    }

    // H, J and D of some rows.
    template <class T>
    void propagate(const Case<T>& example,
                   const std::vector<i64>& rows,
                   bool labelled,
                   bool weighted,
                   double lambda) {
        const std::size_t L = thetas.size();
        H.clear();
        D.clear();
        for (const auto& theta : thetas) D.emplace_back(theta.size());
        double total = 0;
        J = 0;
        for (const i64 row : rows) {
            const double weight = weighted ? static_cast<double>(example.weights[row]) : 1;
            total += weight;
            const T* x = example.X.data() + row * sizes[0];
            std::vector<std::vector<double>> a{{x, x + sizes[0]}}, slopes;
            for (std::size_t l = 0; l < L; ++l) {
                std::vector<double> z(sizes[l + 1]), slope(sizes[l + 1], 1);
                for (i64 i = 0; i < sizes[l + 1]; ++i) {
                    const double* theta = &thetas[l][i * (sizes[l] + 1)];
                    z[i] = theta[0];
                    for (i64 k = 0; k < sizes[l]; ++k) z[i] += theta[k + 1] * a[l][k];
                    if (l + 1 == L) continue;
                    const auto [g, derivative] = activation(example.hidden[l], z[i]);
                    z[i] = g;
                    slope[i] = derivative;
                }
                a.push_back(z);
                slopes.push_back(slope);
            }
            const i64 K = sizes[L];
            std::vector<double> y(K);
            for (i64 k = 0; k < K; ++k)
                y[k] = !labelled ? static_cast<double>(example.Y[row * K + k])
                       : K == 1  ? example.labels[row]
                                 : example.labels[row] == k;
            J += weight * output(example.output, a[L], y);
            H.push_back(a[L]);
            std::vector<double> delta(K);
            for (i64 k = 0; k < K; ++k) delta[k] = weight * (a[L][k] - y[k]);
            for (std::size_t l = L; l-- > 0;) {
                std::vector<double> below(sizes[l]);
                for (i64 i = 0; i < sizes[l + 1]; ++i) {
                    D[l][i * (sizes[l] + 1)] += delta[i];
                    for (i64 k = 0; k < sizes[l]; ++k) {
                        D[l][i * (sizes[l] + 1) + k + 1] += delta[i] * a[l][k];
                        below[k] += delta[i] * thetas[l][i * (sizes[l] + 1) + k + 1];
                    }
                }
                for (i64 k = 0; k < sizes[l] && l > 0; ++k) below[k] *= slopes[l - 1][k];
                delta = below;
            }
        }
        for (std::size_t l = 0; l < L; ++l)
            for (std::size_t at = 0; at < D[l].size(); ++at) {
                const bool bias = at % static_cast<std::size_t>(sizes[l] + 1) == 0;
                const double penalised = bias ? 0 : thetas[l][at];
                J += lambda / 2 * penalised * penalised;
                D[l][at] = (D[l][at] + lambda * penalised) / total;
            }
        J /= total;
    }
};

template <class T, class U>
void close(const std::vector<T>& got, const std::vector<U>& wanted, const std::string& what) {
    check(got.size() == wanted.size(), what, "has another size");
    double scale = 1;
    for (const auto number : wanted) scale = std::max(scale, std::abs(static_cast<double>(number)));
    const double tolerance = scale * (sizeof(T) == 4 ? 3e-5 : 1e-12);
    for (std::size_t i = 0; i < got.size(); ++i) {
        const double error = std::abs(static_cast<double>(got[i]) - static_cast<double>(wanted[i]));
        check(error <= tolerance, what, "at", i, "is off by", error, "of", scale);
    }
}

template <class T>
std::string name_of(const Case<T>& example) {
    std::string name = sizeof(T) == 4 ? "float32" : "float64";
    for (const i64 size : example.sizes) name.append("-").append(std::to_string(size));
    return name.append(" m=").append(std::to_string(example.m));
}

// H, J and D in one go.
template <class T>
void test_case(Case<T> example, bool labelled, bool weighted, int threads) {
    const std::string name = name_of(example);
    const auto network = example.network();
    const auto data = example.data(labelled, weighted);
    std::vector<i64> rows(static_cast<std::size_t>(example.m));
    for (i64 row = 0; row < example.m; ++row) rows[row] = row;
    Twin twin(example);
    twin.propagate(example, rows, labelled, weighted, 0.7);

    std::vector<T> H(example.m * example.sizes.back()), wanted;
    ml::forward(network, data.X, H.data(), threads, never);
    for (const auto& h : twin.H) wanted.insert(wanted.end(), h.begin(), h.end());
    close(H, wanted, name + ": H");

    std::vector<std::vector<T>> gradients;
    std::vector<T*> pointers;
    for (const auto& theta : example.thetas) gradients.emplace_back(theta.size());
    for (auto& gradient : gradients) pointers.push_back(gradient.data());
    double J = 0, alone = 0;
    ml::cost(network, data, ml::Penalty{0.7}, pointers, J, threads, never);
    ml::cost(network, data, ml::Penalty{0.7}, {}, alone, threads, never);
    close(std::vector<T>{static_cast<T>(J)}, std::vector<double>{twin.J}, name + ": J");
    check(J == alone, name, ": J with and without gradient:", J, alone);
    for (std::size_t l = 0; l < gradients.size(); ++l)
        close(gradients[l], twin.D[l], name + ": D" + std::to_string(l + 1));
}

template <class T>
void test_widths() {
    using A = ml::Activation;
    std::vector<i64> widths{63, 64, 65, 127, 129};
    for (i64 width = 1; width <= 40; ++width) widths.push_back(width);
    for (const i64 n : widths) {
        const auto code = static_cast<A>(n % 11);
        const auto output = static_cast<ml::Output>(n % 4);
        const bool labelled = n % 3 == 0, weighted = n % 2 == 0;
        const int threads = static_cast<int>(n % 3) + 1;
        test_case<T>({{n, 7, 3}, 9, code, output}, labelled, weighted, threads);
        test_case<T>({{5, n, 3}, 9, code, output}, labelled, weighted, threads);
        test_case<T>({{3, 4, n}, 9, code, output}, labelled, weighted, threads);
        test_case<T>({{3, 4, 2}, n, code, output}, labelled, weighted, threads);
    }
    for (int code = 0; code <= static_cast<int>(A::mish); ++code)
        for (int output = 0; output <= static_cast<int>(ml::Output::exp); ++output)
            test_case<T>({{6, 9, 11, 5}, 37, A(code), ml::Output(output)}, false, true, 2);
    test_case<T>({{4, 3}, 50, A::relu, ml::Output::softmax}, true, false, 2);
    test_case<T>({{1, 1}, 1, A::relu, ml::Output::identity}, false, false, 2);
    // More rows than the workspace holds, and work enough for a team.
    test_case<T>({{3, 70, 2}, 5003, A::relu, ml::Output::softmax}, false, true, 3);
}

// X in any layout, without a copy.
template <class T>
void test_layouts() {
    Case<T> example({11, 9, 4}, 70, ml::Activation::relu, ml::Output::softmax);
    const auto network = example.network();
    const auto plain = example.data(false, false).X;
    std::vector<T> wanted(70 * 4), got(70 * 4);
    ml::forward(network, plain, wanted.data(), 1, never);
    const auto same = [&](const ml::Matrix<T>& X, const char* what) {
        ml::forward(network, X, got.data(), 2, never);
        check(got == wanted, what, "layout differs");
    };
    std::vector<T> turned(70 * 11), sparse(70 * 11 * 6),
        backwards(example.X.rbegin(), example.X.rend());
    for (i64 row = 0; row < 70; ++row)
        for (i64 column = 0; column < 11; ++column) {
            turned[column * 70 + row] = plain(row, column);
            sparse[row * 66 + column * 3] = plain(row, column);
        }
    same({turned.data(), 70, 11, 1, 70}, "Fortran");
    same({sparse.data(), 70, 11, 66, 3}, "strided");
    same({backwards.data() + 70 * 11 - 1, 70, 11, -11, -1}, "backwards");
}

// Two epochs in an order, by each rule, on several threads: the twin's steps, and the same bits.
template <class T>
void test_training() {
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
        Twin twin(fresh);
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
                twin.propagate(fresh, {rows + at, rows + end}, true, true, 0.5);
                sum += twin.J * static_cast<double>(end - at);
                ++step;
                for (std::size_t l = 0; l < twin.thetas.size(); ++l)
                    for (std::size_t i = 0; i < twin.thetas[l].size(); ++i) {
                        double &theta = twin.thetas[l][i], &v = first[l][i], &w = second[l][i];
                        const double d = twin.D[l][i];
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
                            // AdamW's decay leaves out the biases, column 0 of Θ.
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
            ml::Optimizer<T> optimizer;
            optimizer.rule = rule;
            std::copy(numbers.begin(), numbers.end(), optimizer.numbers);
            optimizer.slots = slots.pointers();
            ml::Course course;
            course.lambda = 0.5;
            course.batch_size = batch;
            course.epochs = 2;
            course.order = order.data();
            course.rows_of_epoch = static_cast<std::int64_t>(order.size()) / 2;  // two epochs
            const auto report = ml::train(example.network(), example.data(true, true), optimizer,
                                          course, threads, never);
            check(report.steps == 6 && report.status == ml::Status::finished, "report of training");
            for (std::size_t e = 0; e < 2; ++e)
                check(std::abs(report.costs[e] - costs[e]) < (sizeof(T) == 4 ? 1e-4 : 1e-11),
                      "cost of an epoch:", report.costs[e], costs[e]);
            if (bits.empty()) {
                for (std::size_t l = 0; l < example.thetas.size(); ++l)
                    for (std::size_t i = 0; i < example.thetas[l].size(); ++i)
                        check(std::abs(static_cast<double>(example.thetas[l][i]) -
                                       twin.thetas[l][i]) < (sizeof(T) == 4 ? 3e-3 : 1e-9),
                              "theta after training by rule", static_cast<int>(rule));
                bits = example.thetas;
            }
            check(bits == example.thetas, "other bits with", threads, "threads");
        }
    }
}

template <class T>
void test_functions() {
    using Wide = long double;
    const struct {
        const char* name;
        Wide (*exact)(Wide);
        double least, most;
    } functions[] = {
        {"exp", [](Wide x) { return std::exp(x); }, -800, 800},
        {"expm1", [](Wide x) { return std::expm1(x); }, -800, 60},
        {"log", [](Wide x) { return std::log(x); }, 0, 1e308},
        {"log1p", [](Wide x) { return std::log1p(x); }, 0, 1},
        {"tanh", [](Wide x) { return std::tanh(x); }, -1e308, 1e308},
        {"logistic", [](Wide x) { return 1 / (1 + std::exp(-x)); }, -800, 800},
        {"erf", [](Wide x) { return std::erf(x); }, -1e308, 1e308},
        {"softplus",
         [](Wide x) { return std::max<Wide>(x, 0) + std::log1p(std::exp(-std::abs(x))); }, -800,
         1e308},
    };
    std::mt19937_64 random(0);
    std::vector<T> x, y;
    const int bits = 8 * sizeof(T);
    for (int i = 0; i < 6001; ++i) {
        T number;
        const std::uint64_t pattern = random() >> (64 - bits);
        std::memcpy(&number, &pattern, sizeof number);
        if (i % 3 == 1) number = static_cast<T>(static_cast<double>(random()) / 9e18 - 1);
        if (i % 3 == 2) number = static_cast<T>(static_cast<double>(random()) / 1e17 - 92);
        x.push_back(number);
    }
    y.resize(x.size());
    for (const auto& [name, exact, least, most] : functions) {
        check(ml::kernels_in_use<T>().apply(name, x.data(), y.data(), static_cast<i64>(x.size())),
              "no function", name);
        for (std::size_t i = 0; i < x.size(); ++i) {
            if (std::isnan(x[i])) check(std::isnan(y[i]), name, "of NaN is", y[i]);
            if (!(x[i] >= static_cast<T>(least) && x[i] <= static_cast<T>(most))) continue;
            const Wide wanted = exact(x[i]);
            const T rounded = static_cast<T>(wanted);
            if (std::isinf(rounded)) {
                check(y[i] == rounded, name, "of", x[i], "is", y[i]);
                continue;
            }
            const T size = std::abs(rounded);
            const Wide unit = std::nextafter(size, std::numeric_limits<T>::infinity()) - size;
            const Wide error = std::abs(y[i] - wanted) / unit;
            check(error <= (sizeof(T) == 4 ? 4 : 2), name, "of", x[i], "is", y[i], "off by", error,
                  "units");
        }
    }
}

template <class T>
void test_all() {
    test_functions<T>();
    test_layouts<T>();
    test_training<T>();
    test_widths<T>();
}

}  // namespace

void test_kernels() {
    test_all<float>();
    test_all<double>();
}

}  // namespace tests
