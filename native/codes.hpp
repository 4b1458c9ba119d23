// The names used in Python and the codes used in the kernels: one table for each, and no other.
#pragma once

namespace multilayer {

enum class Activation : int {
    identity,
    logistic,
    tanh,
    relu,
    leaky_relu,
    elu,
    selu,
    softplus,
    gelu,
    silu,
    mish
};
inline constexpr const char* activation_names[] = {"identity",   "logistic", "tanh", "relu",
                                                   "leaky_relu", "elu",      "selu", "softplus",
                                                   "gelu",       "silu",     "mish"};

enum class Output : int { logistic, softmax, identity, exp };
inline constexpr const char* output_names[] = {"logistic", "softmax", "identity", "exp"};

// A loss: the name of its Python dataclass, and the attribute that is its number, if it has one.
// Each output unit has a loss of its own, whose δ is h − y.
enum class Loss : int { own, absolute_error, huber, quantile, gamma, focal };
struct LossName {
    const char* name;
    Loss loss;
    const char* number = nullptr;
};
inline constexpr LossName loss_names[] = {
    {"LogLoss", Loss::own},          {"SquaredError", Loss::own},
    {"Poisson", Loss::own},          {"AbsoluteError", Loss::absolute_error},
    {"Huber", Loss::huber, "delta"}, {"Quantile", Loss::quantile, "quantile"},
    {"Gamma", Loss::gamma},          {"Focal", Loss::focal, "gamma"},
};

// An optimizer: its name, the number of slots it keeps for each θ, and the order of its numbers.
enum class Rule : int { gradient_descent, sgd, adam, adamw, nadam, rmsprop, rprop, lion };
inline constexpr int most_numbers = 5;
struct RuleName {
    const char* name;
    int slots;
    const char* numbers[most_numbers];  // attributes of the Python dataclass; unused ones are null
};
inline constexpr RuleName rule_names[] = {
    {"GradientDescent", 0, {"learning_rate"}},
    {"SGD", 1, {"learning_rate", "momentum", "nesterov"}},
    {"Adam", 2, {"learning_rate", "beta_1", "beta_2", "epsilon"}},
    {"AdamW", 2, {"learning_rate", "beta_1", "beta_2", "epsilon", "weight_decay"}},
    {"NAdam", 2, {"learning_rate", "beta_1", "beta_2", "epsilon"}},
    {"RMSprop", 1, {"learning_rate", "rho", "epsilon"}},
    {"Rprop", 2, {"learning_rate", "eta_minus", "eta_plus", "step_min", "step_max"}},
    {"Lion", 1, {"learning_rate", "beta_1", "beta_2", "weight_decay"}},
};

inline constexpr double leak = 0.01;  // slope of leaky_relu below zero
// Klambauer et al. (2017), arXiv 1706.02515, eq. 14.
inline constexpr double selu_alpha = 1.6732632423543772;
inline constexpr double selu_scale = 1.0507009873554805;

}  // namespace multilayer
