// The functions that each instruction set provides: the only way in which code that is compiled
// once calls the code in kernels/, which is compiled once for each instruction set.
#pragma once

#include <cstdint>

#include "batch_task.hpp"

namespace multilayer {

// Several threads may call these functions at the same time, for different groups or items.
template <class T>
struct Kernels {
    int group;  // examples of a group = columns of a panel
    // Phase 1 for some groups of the chunk, counted in strips of examples, or for one strip of a
    // group: forward, δ at the output, backward. `scratch` holds a⁽ˡ⁾ of these groups, one layer
    // after the other (Workspace::scratch_per_group numbers for each group).
    void (*propagate)(const BatchTask<T>&, T* scratch, std::int64_t first_strip, int strips);
    // Only forward propagation, for `forward`.
    void (*predict)(const BatchTask<T>&, T* scratch, std::int64_t first_strip, int strips);
    // Phase 2 for one item: some rows of one panel of one Θ⁽ˡ⁾.
    void (*update)(const BatchTask<T>&, std::int64_t item);
    // Σθ² of one item of phase 2, with the same bits that `update` computes.
    void (*sum_squares)(const BatchTask<T>&, std::int64_t item);
    // Phase 3 for one item, some rows of one Θ⁽ˡ⁾: ΣD²; the step; Σθ² and Σ|θ| alone.
    void (*measure_gradient)(const BatchTask<T>&, std::int64_t item);
    void (*full_gradient_step)(const BatchTask<T>&, std::int64_t item);
    void (*measure_penalty)(const BatchTask<T>&, std::int64_t item);
    // One of the functions of kernels/math.hpp on n numbers, for tests; false if there is no such
    // function.
    bool (*apply)(const char* function, const T* x, T* y, std::int64_t n);
    // to (columns, rows) = fromᵀ, from (rows, columns); strides count from row to row.
    void (*transpose_matrix)(const T* from,
                             std::int64_t from_stride,
                             T* to,
                             std::int64_t to_stride,
                             std::int64_t rows,
                             std::int64_t columns);
};

struct InstructionSet {
    const char* name;
    Kernels<float> single_precision;
    Kernels<double> double_precision;
};

}  // namespace multilayer
