// The interface of the engine for the module. Shapes are those of the Python side; nothing here
// owns memory.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <vector>

#include "codes.hpp"
#include "embedding.hpp"
#include "shuffle.hpp"
#include "types.hpp"

namespace multilayer {

// The function that is minimised: the cost of the outputs, and penalties on the weights.
struct Objective {
    std::vector<Activation> hidden;  // one for each hidden layer
    Output output = Output::logistic;
    std::vector<std::int64_t> groups;  // units of each softmax; empty: one of all
    Loss loss = Loss::own;
    double loss_number = 0;
    double label_smoothing = 0;  // ε
    // (λ/2 Σθ² + l1 Σ|θ|) / penalty_rows, biases left out
    double lambda = 0, l1 = 0;
    double penalty_rows = 0;  // or 0: the rows of the batch
    double cost_share = 1;  // what the data's part of a cost that `train` reports is multiplied by
};

template <class T>
struct Network {
    std::vector<std::int64_t> sizes;  // s₁ … s_L
    std::vector<T*> thetas;           // Θ⁽ˡ⁾ (s_{l+1}, s_l + 1), rows one after another
    Objective objective;
    Embedding<T> embedding;
    std::vector<std::int64_t> first_rows;  // that the embedding's first_row will be
    std::vector<Parameters<T>> mixes;      // α of each hidden layer; empty: none mixes
    std::vector<Rates> rates;              // of each Θ; empty: all 1

    // That X must have.
    std::int64_t columns() const { return embedding.columns > 0 ? embedding.columns : sizes[0]; }
    int layers() const { return static_cast<int>(thetas.size()); }
    // The parameters that are trained beside Θ.
    std::vector<Parameters<T>*> extra_parameters() {
        std::vector<Parameters<T>*> result;
        if (embedding.columns > 0)
            result = {&embedding.periodic, &embedding.tables, &embedding.scale};
        for (Parameters<T>& mix : mixes) result.push_back(&mix);
        return result;
    }
};

template <class T>
struct Data {
    Matrix<T> X;                           // (m, s₁)
    Matrix<T> Y;                           // (m, s_L), or no data where labels are given
    const std::int32_t* labels = nullptr;  // (m,) class indices; for one unit, its 0 or 1
    const T* weights = nullptr;            // (m,), or null: all one
};

// The settings of a descent step.
struct Descent {
    Rule rule = Rule::gradient_descent;
    std::vector<double> numbers = std::vector<double>(most_numbers);  // in the order of rule_names
    std::int64_t batch_size = 1;
    double clip_norm = std::numeric_limits<double>::infinity();
    double max_norm = std::numeric_limits<double>::infinity();
    std::vector<double> dropout;  // the rate of each layer but the last; empty: none
    std::uint64_t dropout_seed = 0;
};

// The memory of the optimizer: [slot][layer], shaped like Θ.
template <class T>
using Slots = std::vector<std::vector<T*>>;

// The epochs of one call, and what ends it early.
struct Epochs {
    std::int64_t count = 1, steps_before = 0;
    std::int64_t max_steps = std::numeric_limits<std::int64_t>::max();
    const double* rates = nullptr;        // the learning rate of each step; null: the optimizer's
    const std::int64_t* order = nullptr;  // (count, rows_of_epoch), or null: rows as they lie
    std::int64_t rows_of_epoch = 0;       // where there is an order
    Shuffle* shuffle = nullptr;           // or null; goes before `order`
    // The plateau of the costs: training stops after more than `patience` stale epochs in a row.
    double tol = 0, patience = std::numeric_limits<double>::infinity();
    double best = std::numeric_limits<double>::infinity();
    std::int64_t stale = 0;
};

// How every epoch is scored on other rows, what ends training by the scores, and the scores.
struct Scores {
    bool accuracy = false;  // the score: the share of labels that are predicted; or else −cost
    double cost_share = 1;  // what the cost is multiplied by
    // Training stops after more than `patience` epochs in a row below the best score + tol.
    double tol = 0, patience = std::numeric_limits<double>::infinity();
    double best = -std::numeric_limits<double>::infinity();
    std::int64_t stale = 0;
    std::vector<double> scores, costs;  // of the epochs of this call
};

template <class T>
struct Validation {
    Data<T> data;
    Scores& scores;
    std::vector<T*> best_thetas;  // Θ of the best epoch; empty: not kept
};

enum class Status : int { finished, converged, diverged, interrupted };
inline constexpr const char* status_names[] = {"finished", "converged", "diverged", "interrupted"};

struct Report {
    std::vector<double> costs;
    std::int64_t steps = 0;
    Status status = Status::finished;
    double best = 0;
    std::int64_t stale = 0;
};

// Asked now and then by the calling thread; true means: stop as soon as you can.
using Poll = std::function<bool()>;

// H (m, s_L) = what the network says of each row of X. False where the poll stopped it.
template <class T>
bool forward(const Network<T>& network, const Matrix<T>& X, T* H, int threads, const Poll& poll);

// J, and where gradients are asked for, D⁽ˡ⁾ into gradients[l], shaped like Θ⁽ˡ⁾.
template <class T>
bool cost(const Network<T>& network,
          const Data<T>& data,
          const std::vector<T*>& gradients,
          double& J,
          int threads,
          const Poll& poll);

// Many epochs of mini-batches; Θ and the optimizer's slots are changed in place. Where the poll
// stopped it, they are left as they were at the end of the last whole epoch.
template <class T>
Report train(const Network<T>& network,
             const Data<T>& data,
             const Descent& descent,
             const Slots<T>& slots,
             const Epochs& epochs,
             int threads,
             const Poll& poll,
             Validation<T>* validation = nullptr);

}  // namespace multilayer
