// A network in plain loops and double precision, against which the engine is tested.
#pragma once

#include <algorithm>
#include <array>

#include "check.hpp"

namespace tests {

inline double sigmoid(double z) { return 1 / (1 + std::exp(-z)); }
inline double softplus(double z) { return std::max(z, 0.0) + std::log1p(std::exp(-std::abs(z))); }

// g(z) and g′(z).
inline std::array<double, 2> activation(ml::Activation code, double z) {
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

// Replaces z of one example by h, and returns its cost.
inline double output(ml::Output code, std::vector<double>& z, const std::vector<double>& y) {
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

// The same network in double precision, with one loop for each step.
struct Reference {
    std::vector<i64> sizes;
    std::vector<std::vector<double>> thetas, D;
    std::vector<std::vector<double>> H;  // h of each row
    double J = 0;

    template <class T>
    explicit Reference(const Case<T>& example) : sizes(example.sizes) {
        for (const auto& theta : example.thetas) thetas.emplace_back(theta.begin(), theta.end());
    }

    // Computes H, J and D for some rows.
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

}  // namespace tests
