// What every file of isa/ includes after saying which instruction set it is.
#pragma once

#include "step.hpp"

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
constexpr Kernels<T> kernels = {group_size<T>, rows_of_item, propagate<T>, predict<T>,
                                update<T>,     penalize<T>,  measure<T>,   settle<T>,
                                weigh<T>,      apply<T>,     turn<T>};

}  // namespace

#define MULTILAYER_NAME_(name) #name
#define MULTILAYER_NAME(name) MULTILAYER_NAME_(name)
extern const InstructionSet instruction_set;
const InstructionSet instruction_set = {MULTILAYER_NAME(MULTILAYER_ISA), kernels<float>,
                                        kernels<double>};

}  // namespace multilayer::MULTILAYER_ISA
