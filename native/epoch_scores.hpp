// The score of each epoch on rows that are not learned from.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "batch_loop.hpp"

namespace multilayer {

template <class T>
class EpochScores {
  public:
    // Reads Θ where `learning` has it: in the engine's own copies.
    EpochScores(Validation<T>& validation, const Network<T>& network, BatchLoop<T>& learning)
        : data_(validation.data),
          scores_(validation.scores),
          network_(without_penalty(network)),
          loop_(network_, data_, data_.X.rows, false, false) {
        for (int l = 0; l < network.layers(); ++l)
            loop_.arrays_of(l).theta = learning.arrays_of(l).theta;
        if (!scores_.accuracy) return;
        outputs_.resize(static_cast<std::size_t>(data_.X.rows * network.sizes.back()));
        loop_.give_outputs(outputs_.data());
    }

    // Notes the score of Θ as it stands. False if Θ is no longer finite: nothing is noted.
    bool note(int threads, const Poll& never) {
        loop_.start_batch(nullptr, 0, data_.X.rows);
        run_batches(
            loop_, 1, threads, never, [&] { return loop_.add_costs(), true; },
            [&] { return loop_.next_chunk(); });
        if (!std::isfinite(loop_.cost) && !finite()) return false;
        const double cost = scores_.cost_share * loop_.cost;
        const double score = scores_.accuracy ? share_of_hits() : -cost;
        scores_.costs.push_back(cost);
        scores_.scores.push_back(score);
        scores_.stale = score < scores_.best + scores_.tol ? scores_.stale + 1 : 0;
        better_ = score > scores_.best;
        if (better_) scores_.best = score;
        return true;
    }

    // Whether the last score was the best so far; and whether there was none for too long.
    bool better() const { return better_; }
    bool end() const { return static_cast<double>(scores_.stale) > scores_.patience; }

  private:
    static Network<T> without_penalty(Network<T> network) {
        Objective& objective = network.objective;
        objective.lambda = objective.l1 = objective.label_smoothing = 0;
        return network;
    }

    bool finite() {
        for (int l = 0; l < network_.layers(); ++l) {
            const Layer<T>& layer = loop_.work.layers[static_cast<std::size_t>(l)];
            const ThetaArray<T> theta = loop_.arrays_of(l).theta;
            const bool transposed = data_.X.sparse() && l == 0;
            const std::int64_t rows = transposed ? layer.in : layer.out;
            const std::int64_t columns = transposed ? layer.out : layer.in;
            for (std::int64_t unit = 0; unit < layer.out; ++unit)
                if (!std::isfinite(theta.biases[unit])) return false;
            for (std::int64_t row = 0; row < rows; ++row)
                for (std::int64_t column = 0; column < columns; ++column)
                    if (!std::isfinite(theta.weights[row * theta.row_step + column])) return false;
        }
        return true;
    }

    double share_of_hits() const {
        const std::int64_t rows = data_.X.rows, K = network_.sizes.back();
        std::int64_t hits = 0;
        const T* h = outputs_.data();
        for (std::int64_t row = 0; row < rows; ++row, h += K) {
            std::int64_t label = K == 1 && h[0] > T(0.5);
            for (std::int64_t k = 1; k < K; ++k)
                if (h[k] > h[label]) label = k;
            hits += label == data_.labels[row];
        }
        return static_cast<double>(hits) / static_cast<double>(rows);
    }

    const Data<T>& data_;
    Scores& scores_;
    const Network<T> network_;
    BatchLoop<T> loop_;
    std::vector<T> outputs_;
    bool better_ = false;
};

}  // namespace multilayer
