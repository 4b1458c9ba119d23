// Everything in this folder is compiled once for each instruction set: the files of isa/ define
// which one it is, and then include this header, which includes all others. Everything outside this
// folder is compiled once.
//
// - Nothing here has external linkage but `instruction_set` below, and nothing uses code of the
//   standard library: a shared inline function compiled for AVX-512 could be the copy that the
//   linker keeps for every processor. So all code stands in an unnamed namespace.
// - From outside the folder, only plain records are included: codes.hpp, types.hpp, embedding.hpp,
//   batch_task.hpp and kernel_table.hpp, the table of functions that the other code calls.
//
//   propagation.hpp          phase 1 of a training step, and prediction
//   weight_update.hpp        phase 2
//   full_gradient_step.hpp   phase 3, only for steps that need the whole gradient
//   tiles.hpp                the three kernels that do nearly all of the arithmetic
//   single_row.hpp           prediction of a single row
//   gather.hpp               from rows of a table to groups of examples
//   activations.hpp          activations and their slopes
//   mixed_activation.hpp     activations mixed with z
//   dropout.hpp              masks
//   outputs.hpp, losses.hpp  output units, losses
//   optimizers.hpp           from the gradient to a step of Θ
//   extra_parameters.hpp     the same for other parameters than Θ
//   embedding.hpp            the embedding of numbers and categories
//   sparse.hpp               layer 1 if X is sparse
//   math.hpp                 exp, log, tanh, … on vectors
//   simd.hpp                 vectors
#pragma once

#include "../kernel_table.hpp"
#include "full_gradient_step.hpp"
#include "propagation.hpp"
#include "weight_update.hpp"

namespace multilayer::MULTILAYER_ISA {
namespace {

bool same(const char* a, const char* b) {
    while (*a && *a == *b) ++a, ++b;
    return *a == *b;
}

template <class T>
bool apply(const char* function, const T* x, T* y, i64 n) {
    using V = Vec<T>;
    struct Named {
        const char* name;
        V (*function)(V);
    };
    const Named table[] = {
        {"exp", exp<T>},     {"expm1", expm1<T>},       {"log", log<T>},
        {"log1p", log1p<T>}, {"tanh", tanh<T>},         {"logistic", logistic<T>},
        {"erf", erf<T>},     {"softplus", softplus<T>}, {"normal_cdf", normal_cdf<T>}};
    for (const Named& entry : table)
        if (same(entry.name, function)) {
            for (i64 i = 0; i < n; i += lanes<T>) {
                const int some = n - i < lanes<T> ? static_cast<int>(n - i) : lanes<T>;
                put(y + i, entry.function(get(x + i, some)), some);
            }
            return true;
        }
    return false;
}

template <class T>
constexpr Kernels<T> kernels = {
    group_size<T>,       propagate<T>,          predict<T>,         update<T>, sum_squares<T>,
    measure_gradient<T>, full_gradient_step<T>, measure_penalty<T>, apply<T>,  transpose_matrix<T>};

}  // namespace

#define MULTILAYER_NAME_(name) #name
#define MULTILAYER_NAME(name) MULTILAYER_NAME_(name)
extern const InstructionSet instruction_set;
const InstructionSet instruction_set = {MULTILAYER_NAME(MULTILAYER_ISA), kernels<float>,
                                        kernels<double>};

}  // namespace multilayer::MULTILAYER_ISA
