// The end of phase 2 for the extra parameters, which do not belong to Θ: from their sums to a step.
#pragma once

#include "optimizers.hpp"

namespace multilayer::MULTILAYER_ISA {
namespace {

// Adds the sums of this chunk, for n adjacent parameters, to those of the previous chunks.
template <class T>
void add(
    const BatchTask<T>& task, const Parameters<T>& parameters, i64 first, const T* sums, i64 n) {
    T* const so_far = parameters.gradient + first;
    for (i64 i = 0; i < n; ++i) so_far[i] = task.first_chunk ? sums[i] : so_far[i] + sums[i];
}

// After the last chunk: goes from Δ to D, and makes the step.
template <class T>
void finish(const BatchTask<T>& task, const Parameters<T>& parameters, i64 first, i64 n) {
    if (!task.last_chunk) return;
    const auto each = [&](auto f) { for_vectors<T>(first, first + n, f); };
    each([&](i64 at, int some) {
        put(parameters.gradient + at, task.scale * get(parameters.gradient + at, some), some);
    });
    if (task.store) return;
    with_step(task, [&]<class Step>() {
        const Step step(Numbers<T>(task, parameters.rate).data);
        const T keep = T(1) - task.shrink * parameters.decay;
        each([&](i64 at, int some) {
            Vec<T> value = keep * get(parameters.values + at, some), slots[2] = {};
            for (int s = 0; s < Step::slots; ++s) slots[s] = get(parameters.slots[s] + at, some);
            step(value, get(parameters.gradient + at, some), slots[0], slots[1]);
            for (int s = 0; s < Step::slots; ++s) put(parameters.slots[s] + at, slots[s], some);
            put(parameters.values + at, value, some);
        });
    });
}

}  // namespace
}  // namespace multilayer::MULTILAYER_ISA
