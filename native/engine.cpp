// The engine in plain loops: correct first.
#include "engine.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace multilayer {
namespace {

constexpr std::int64_t block = 128;  // rows that go through the network together

template <class T>
T logistic(T z) {
    const T e = std::exp(-std::abs(z));
    return z < 0 ? e / (1 + e) : 1 / (1 + e);
}

template <class T>
T softplus(T z) {
    return (z > 0 ? z : (z <= 0 ? T(0) : z)) + std::log1p(std::exp(-std::abs(z)));
}

template <class T>
T normal_cdf(T z) {
    return T(0.5) * std::erfc(-z * T(0.70710678118654752));
}

template <class T>
T g(Activation activation, T z) {
    switch (activation) {
        case Activation::identity:
            return z;
        case Activation::logistic:
            return logistic(z);
        case Activation::tanh:
            return std::tanh(z);
        case Activation::relu:
            return z < 0 ? T(0) : z;
        case Activation::leaky_relu:
            return z < 0 ? T(leak) * z : z;
        case Activation::elu:
            return z < 0 ? std::expm1(z) : z;
        case Activation::selu:
            return T(selu_scale) * (z < 0 ? T(selu_alpha) * std::expm1(z) : z);
        case Activation::softplus:
            return softplus(z);
        case Activation::gelu:
            return z * normal_cdf(z);
        case Activation::silu:
            return z * logistic(z);
        case Activation::mish:
            return z * std::tanh(softplus(z));
    }
    return z;
}

template <class T>
T slope(Activation activation, T z) {
    switch (activation) {
        case Activation::identity:
            return 1;
        case Activation::logistic:
            return logistic(z) * logistic(-z);
        case Activation::tanh:
            return (1 - std::tanh(z)) * (1 + std::tanh(z));
        case Activation::relu:
            return z > 0 ? T(1) : T(0);
        case Activation::leaky_relu:
            return z > 0 ? T(1) : T(leak);
        case Activation::elu:
            return z > 0 ? T(1) : std::exp(z);
        case Activation::selu:
            return T(selu_scale) * (z > 0 ? T(1) : T(selu_alpha) * std::exp(z));
        case Activation::softplus:
            return logistic(z);
        case Activation::gelu:
            return normal_cdf(z) + z * std::exp(T(-0.5) * z * z) * T(0.39894228040143268);
        case Activation::silu:
            return logistic(z) * (1 + z * logistic(-z));
        case Activation::mish: {
            const T t = std::tanh(softplus(z));
            return t + z * logistic(z) * (1 - t) * (1 + t);
        }
    }
    return 1;
}

// z (K) becomes h in place; returns the cost of the example where y (K) is given.
template <class T>
double finish(Output output, T* z, const T* y, std::int64_t K) {
    double J = 0;
    if (output == Output::softmax) {
        const T top = *std::max_element(z, z + K);
        double total = 0;
        for (std::int64_t k = 0; k < K; ++k) total += std::exp(static_cast<double>(z[k] - top));
        const double log_total = std::log(total);
        for (std::int64_t k = 0; k < K; ++k) {
            const double log_h = static_cast<double>(z[k] - top) - log_total;
            if (y) J -= y[k] == 0 ? 0 : y[k] * log_h;
            z[k] = static_cast<T>(std::exp(log_h));
        }
        return J;
    }
    for (std::int64_t k = 0; k < K; ++k) {
        const T zk = z[k];
        if (output == Output::logistic) {
            if (y) J += static_cast<double>(softplus(zk)) - static_cast<double>(y[k]) * zk;
            z[k] = logistic(zk);
        } else if (output == Output::exp) {
            z[k] = std::exp(zk);
            if (y) J += static_cast<double>(z[k]) - static_cast<double>(y[k]) * zk;
        } else if (y) {
            J += 0.5 * static_cast<double>(zk - y[k]) * static_cast<double>(zk - y[k]);
        }
    }
    return J;
}

// Room for one block of rows: z and a of every layer, rows one after another.
template <class T>
struct Room {
    std::vector<std::vector<T>> a, z, delta;

    explicit Room(const Network<T>& network) {
        for (const auto size : network.sizes) {
            a.emplace_back(block * size);
            z.emplace_back(block * size);
            delta.emplace_back(block * size);
        }
    }
};

// Carries n rows, already in room.a[0], to the last layer's z.
template <class T>
void propagate(const Network<T>& network, Room<T>& room, std::int64_t n) {
    for (int l = 0; l < network.layers(); ++l) {
        const std::int64_t in = network.sizes[l], out = network.sizes[l + 1];
        for (std::int64_t b = 0; b < n; ++b) {
            const T* a = &room.a[l][b * in];
            for (std::int64_t j = 0; j < out; ++j) {
                const T* theta = network.thetas[l] + j * (in + 1);
                T sum = theta[0];
                for (std::int64_t i = 0; i < in; ++i) sum += theta[i + 1] * a[i];
                room.z[l + 1][b * out + j] = sum;
                room.a[l + 1][b * out + j] =
                    l + 1 < network.layers() ? g(network.hidden[l], sum) : sum;
            }
        }
    }
}

template <class T>
double penalty(const Network<T>& network) {
    double sum = 0;
    for (int l = 0; l < network.layers(); ++l) {
        const std::int64_t in = network.sizes[l], out = network.sizes[l + 1];
        for (std::int64_t j = 0; j < out; ++j)
            for (std::int64_t i = 1; i <= in; ++i) {
                const double theta = network.thetas[l][j * (in + 1) + i];
                sum += theta * theta;
            }
    }
    return sum;
}

// Rows order[0] … order[n − 1] (or first, first + 1, …): their summed cost, and where `sums` is
// given Δ⁽ˡ⁾ added to sums[l].
template <class T>
double block_cost(const Network<T>& network,
                  const Data<T>& data,
                  Room<T>& room,
                  const std::int64_t* order,
                  std::int64_t first,
                  std::int64_t n,
                  std::vector<std::vector<T>>* sums) {
    const int L = network.layers();
    const std::int64_t s1 = network.sizes[0], K = network.sizes[L];
    for (std::int64_t b = 0; b < n; ++b) {
        const std::int64_t row = order ? order[b] : first + b;
        for (std::int64_t i = 0; i < s1; ++i) room.a[0][b * s1 + i] = data.X(row, i);
    }
    propagate(network, room, n);
    double J = 0;
    std::vector<T> y(K);
    for (std::int64_t b = 0; b < n; ++b) {
        const std::int64_t row = order ? order[b] : first + b;
        if (data.labels) {
            for (std::int64_t k = 0; k < K; ++k)
                y[k] = K == 1 ? T(data.labels[row]) : T(data.labels[row] == k);
        } else {
            for (std::int64_t k = 0; k < K; ++k) y[k] = data.Y(row, k);
        }
        const T weight = data.weights ? data.weights[row] : T(1);
        T* h = &room.a[L][b * K];
        const double cost = finish(network.output, h, y.data(), K);
        J += weight == 0 ? 0 : weight * cost;
        for (std::int64_t k = 0; k < K; ++k) room.delta[L][b * K + k] = weight * (h[k] - y[k]);
    }
    if (!sums) return J;
    for (int l = L - 1; l >= 0; --l) {
        const std::int64_t in = network.sizes[l], out = network.sizes[l + 1];
        for (std::int64_t b = 0; b < n; ++b) {
            const T* a = &room.a[l][b * in];
            const T* delta = &room.delta[l + 1][b * out];
            for (std::int64_t j = 0; j < out; ++j) {
                T* sum = (*sums)[l].data() + j * (in + 1);
                sum[0] += delta[j];
                for (std::int64_t i = 0; i < in; ++i) sum[i + 1] += delta[j] * a[i];
            }
            if (l == 0) continue;
            T* back = &room.delta[l][b * in];
            std::fill(back, back + in, T(0));
            for (std::int64_t j = 0; j < out; ++j) {
                const T* theta = network.thetas[l] + j * (in + 1) + 1;
                for (std::int64_t i = 0; i < in; ++i) back[i] += theta[i] * delta[j];
            }
            for (std::int64_t i = 0; i < in; ++i)
                back[i] *= slope(network.hidden[l - 1], room.z[l][b * in + i]);
        }
    }
    return J;
}

// Rows of one batch: J with the penalty, and D where asked for. False where the poll stopped it.
template <class T>
class Batch {
  public:
    Batch(const Network<T>& network, const Data<T>& data, double lambda, const Poll& poll)
        : network_(network), data_(data), lambda_(lambda), poll_(poll), room_(network) {
        for (int l = 0; l < network.layers(); ++l)
            sums_.emplace_back(network.sizes[l + 1] * (network.sizes[l] + 1));
    }

    bool run(const std::int64_t* order, std::int64_t first, std::int64_t n, bool gradient) {
        for (auto& sum : sums_) std::fill(sum.begin(), sum.end(), T(0));
        double sum = 0, total = data_.weights ? 0 : static_cast<double>(n);
        if (data_.weights)
            for (std::int64_t b = 0; b < n; ++b)
                total += data_.weights[order ? order[b] : first + b];
        weightless = total == 0;
        if (weightless) {
            cost = 0;
            return true;
        }
        for (std::int64_t at = 0; at < n; at += block) {
            if (stopped()) return false;
            sum += block_cost(network_, data_, room_, order ? order + at : nullptr, first + at,
                              std::min(block, n - at), gradient ? &sums_ : nullptr);
        }
        cost = (sum + (lambda_ == 0 ? 0 : lambda_ / 2 * penalty(network_))) / total;
        if (!gradient) return true;
        for (int l = 0; l < network_.layers(); ++l) {
            const std::int64_t width = network_.sizes[l] + 1;
            for (std::int64_t q = 0; q < static_cast<std::int64_t>(sums_[l].size()); ++q) {
                const T decay = q % width == 0 ? T(0) : T(lambda_) * network_.thetas[l][q];
                sums_[l][q] = (sums_[l][q] + decay) / T(total);
            }
        }
        return true;
    }

    const std::vector<T>& D(int l) const { return sums_[l]; }
    double cost = 0;
    bool weightless = false;  // its rows count for nothing: no cost, no step

  private:
    bool stopped() {
        const auto now = std::chrono::steady_clock::now();
        if (now - polled_ < std::chrono::milliseconds(50)) return false;
        polled_ = now;
        return poll_();
    }

    const Network<T>& network_;
    const Data<T>& data_;
    double lambda_;
    const Poll& poll_;
    Room<T> room_;
    std::vector<std::vector<T>> sums_;
    std::chrono::steady_clock::time_point polled_ = std::chrono::steady_clock::now();
};

template <class T>
void update(const Network<T>& network,
            const Optimizer<T>& optimizer,
            const Batch<T>& batch,
            std::int64_t step) {
    const double* number = optimizer.numbers;
    const T rate = static_cast<T>(number[0]);
    for (int l = 0; l < network.layers(); ++l) {
        T* theta = network.thetas[l];
        const auto& D = batch.D(l);
        const std::size_t size = D.size();
        switch (optimizer.rule) {
            case Rule::gradient_descent:
                for (std::size_t q = 0; q < size; ++q) theta[q] -= rate * D[q];
                break;
            case Rule::sgd: {
                T* v = optimizer.slots[0][l];
                const T momentum = static_cast<T>(number[1]);
                for (std::size_t q = 0; q < size; ++q) {
                    v[q] = momentum * v[q] - rate * D[q];
                    theta[q] += number[2] != 0 ? momentum * v[q] - rate * D[q] : v[q];
                }
                break;
            }
            case Rule::adam: {
                T* m = optimizer.slots[0][l];
                T* v = optimizer.slots[1][l];
                const double t = static_cast<double>(step);
                const T rate_t = static_cast<T>(number[0] * std::sqrt(1 - std::pow(number[2], t)) /
                                                (1 - std::pow(number[1], t)));
                const T one_1 = static_cast<T>(1 - number[1]),
                        one_2 = static_cast<T>(1 - number[2]);
                const T epsilon = static_cast<T>(number[3]);
                for (std::size_t q = 0; q < size; ++q) {
                    m[q] += one_1 * (D[q] - m[q]);
                    v[q] += one_2 * (D[q] * D[q] - v[q]);
                    theta[q] -= rate_t * m[q] / (std::sqrt(v[q]) + epsilon);
                }
                break;
            }
        }
    }
}

}  // namespace

template <class T>
bool forward(const Network<T>& network, const Matrix<T>& X, T* H, int, const Poll& poll) {
    Room<T> room(network);
    const std::int64_t s1 = network.sizes[0], K = network.sizes.back();
    for (std::int64_t at = 0; at < X.rows; at += block) {
        if (at % (256 * block) == 256 * block - block && poll()) return false;
        const std::int64_t n = std::min(block, X.rows - at);
        for (std::int64_t b = 0; b < n; ++b)
            for (std::int64_t i = 0; i < s1; ++i) room.a[0][b * s1 + i] = X(at + b, i);
        propagate(network, room, n);
        std::copy_n(room.a.back().data(), n * K, H + at * K);
        for (std::int64_t b = 0; b < n; ++b)
            finish<T>(network.output, H + (at + b) * K, nullptr, K);
    }
    return true;
}

template <class T>
bool cost(const Network<T>& network,
          const Data<T>& data,
          double lambda,
          const std::vector<T*>& gradients,
          double& J,
          int,
          const Poll& poll) {
    Batch<T> batch(network, data, lambda, poll);
    if (!batch.run(nullptr, 0, data.X.rows, !gradients.empty())) return false;
    J = batch.cost;
    for (std::size_t l = 0; l < gradients.size(); ++l)
        std::copy(batch.D(l).begin(), batch.D(l).end(), gradients[l]);
    return true;
}

template <class T>
Report train(const Network<T>& network,
             const Data<T>& data,
             const Optimizer<T>& optimizer,
             const Course& course,
             int,
             const Poll& poll) {
    Batch<T> batch(network, data, course.lambda, poll);
    const std::int64_t m = data.X.rows;
    Report report;
    report.best = course.best;
    report.stale = course.stale;
    for (std::int64_t epoch = 0; epoch < course.epochs; ++epoch) {
        const std::int64_t* order = course.order ? course.order + epoch * m : nullptr;
        double sum = 0;
        for (std::int64_t first = 0; first < m; first += course.batch_size) {
            if (report.steps == course.max_steps) return report;
            const std::int64_t n = std::min(course.batch_size, m - first);
            if (!batch.run(order ? order + first : nullptr, first, n, true)) {
                report.status = Status::interrupted;
                return report;
            }
            if (!std::isfinite(batch.cost)) {
                report.status = Status::diverged;
                return report;
            }
            sum += batch.cost * static_cast<double>(n);
            ++report.steps;
            if (!batch.weightless)
                update(network, optimizer, batch, course.steps_before + report.steps);
        }
        const double cost = sum / static_cast<double>(m);
        report.costs.push_back(cost);
        report.stale = cost > report.best - course.tol ? report.stale + 1 : 0;
        report.best = std::min(report.best, cost);
        if (static_cast<double>(report.stale) > course.patience) {
            report.status = Status::converged;
            return report;
        }
    }
    return report;
}

#define MULTILAYER_INSTANTIATE(T)                                                                  \
    template bool forward(const Network<T>&, const Matrix<T>&, T*, int, const Poll&);              \
    template bool cost(const Network<T>&, const Data<T>&, double, const std::vector<T*>&, double&, \
                       int, const Poll&);                                                          \
    template Report train(const Network<T>&, const Data<T>&, const Optimizer<T>&, const Course&,   \
                          int, const Poll&);
MULTILAYER_INSTANTIATE(float)
MULTILAYER_INSTANTIATE(double)

}  // namespace multilayer
