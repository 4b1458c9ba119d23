// What the kernels are told about one batch: plain records, shared by all instruction sets.
//
// Words used throughout. A *strip* is a cache line of numbers, or as many examples. A *group* is as
// many examples as fill the registers of one tile of a kernel. A *chunk* is as many examples as the
// workspace holds; a batch has one or more chunks. A *panel* is as many columns of Θ, without its
// biases, as fill the registers of one tile of the gradient. An *item* is the part of phase 2 or 3
// that one thread does at a time.
#pragma once

#include <cstdint>

#include "codes.hpp"
#include "embedding.hpp"
#include "types.hpp"

namespace multilayer {

// An array shaped like Θ⁽ˡ⁾: for each of its units a bias, and a row of weights.
template <class T>
struct ThetaArray {
    T* biases = nullptr;
    T* weights = nullptr;
    std::int64_t bias_step = 1, row_step = 0;  // from one unit to the next
};

// As callers store it: each bias before its row.
template <class T>
ThetaArray<T> as_stored(T* theta, std::int64_t in) {
    return {theta, theta + 1, in + 1, in + 1};
}

// Θ⁽ˡ⁾, what belongs to it, and where phase 1 stores its results for phase 2.
template <class T>
struct Layer {
    std::int64_t in = 0, out = 0;                  // s_l and s_{l+1}
    Activation activation = Activation::identity;  // of its units; unused in the last layer
    double dropout = 0;                            // rate at which training drops a⁽ˡ⁾
    ThetaArray<T> theta;
    ThetaArray<T> slots[2];
    ThetaArray<T> gradient;     // the sum of the previous chunks, or D
    T rate = 1, bias_rate = 1;  // factors of the learning rate
    Parameters<T> mix;          // α of its units; without values if there is none
    T* mix_sums = nullptr;      // Σ δ (g(z) − z) as (strip of examples, unit)
    // a⁽ˡ⁾ of the chunk as (panel, example, column of the panel); null for prediction.
    T* columns = nullptr;
    T* delta = nullptr;             // δ⁽ˡ⁺¹⁾ of the chunk as (group, unit, example of the group)
    std::int64_t delta_stride = 0;  // from one group of δ to the next
    std::int64_t first_item = 0;    // the first of its items in phase 2
    std::int64_t panels = 0, row_blocks = 0;     // it has panels × row_blocks items
    std::int64_t first_penalty = 0, strips = 0;  // it has a penalty for each strip of each block
    std::int64_t first_unit_item = 0;            // the first of its items in phase 3
    bool by_panels = true;  // order of the items: panel by panel, or one block of rows by another
    std::int64_t scratch = 0;  // numbers that a group of its inputs takes in phase 1
};

// Layer 1 if X is sparse: during a call, the weights of one input lie side by side, so that a
// stored value is multiplied by a contiguous run of weights instead of one weight in each row.
template <class T>
struct SparseLayer {
    // Θ⁽¹⁾ᵀ, its slots and its gradient: weights (in, out). theta is null if Θ⁽¹⁾ is read
    // untransposed, which is done for a few values only.
    Layer<T> transposed;
    T* delta = nullptr;  // δ⁽²⁾ of the chunk as (example, padded unit)
    // The stored values of the chunk, sorted by input and then by example: those of an input end
    // at ends[input], where those of the next input begin.
    const std::int64_t* ends = nullptr;
    const std::int32_t* examples = nullptr;
    const T* values = nullptr;
    std::int64_t items = 0, inputs_of_item = 0;  // of phase 2, before those of the other layers
};

constexpr std::int64_t inputs_of_block = 16;  // of a⁽¹⁾, in an item of phase 2

// The embedding, and where phase 1 stores its results for phase 2.
template <class T>
struct EmbeddingLayer : Embedding<T> {
    T* inputs = nullptr;      // u of the chunk as (group, unit, example of the group)
    T* delta = nullptr;       // δ⁽¹⁾, laid out as `inputs`
    std::int64_t stride = 0;  // from one group to the next

    // The items of phase 2 are the numbers, the categories, and blocks of the other inputs.
    std::int64_t blocks() const {
        return (this->plain - this->numbers + inputs_of_block - 1) / inputs_of_block;
    }
    std::int64_t items() const { return this->numbers + this->categories() + blocks(); }
};

// Everything that the kernels need to know about the chunk at hand.
template <class T>
struct BatchTask {
    const Layer<T>* layers = nullptr;
    int n_layers = 0;
    const EmbeddingLayer<T>* embedding = nullptr;  // or null
    // The first item of phase 2 for the extra parameters: those of the embedding, then the mix of
    // each layer.
    std::int64_t first_extra_item = 0;
    Output output = Output::logistic;
    const std::int64_t* groups = nullptr;  // units of each softmax
    int n_groups = 0;                      // 0: one softmax of all units
    Loss loss = Loss::own;
    T loss_number = 0;
    double smoothing = 0;

    Matrix<T> X;
    SparseLayer<T> sparse;                 // used if X is sparse
    Matrix<T> Y;                           // without data if labels are given
    const std::int32_t* labels = nullptr;  // or null
    bool classes = false;        // the labels are all that is needed of a softmax with its own loss
    const T* weights = nullptr;  // or null
    const std::int64_t* order = nullptr;  // of the rows; null: as they are stored
    std::int64_t first = 0, count = 0;    // of the chunk, as places in `order`
    std::int64_t place = 0;               // of the chunk's first example in its batch
    std::int64_t capacity = 0;            // examples that the workspace holds

    // Phase 1.
    bool backward = true;
    std::uint64_t dropout_seed = 0, step = 0;
    double* costs = nullptr;  // one for each strip of examples of the chunk
    T* H = nullptr;           // (rows, s_L), only for prediction

    // Phase 2.
    bool first_chunk = true, last_chunk = true;
    bool store = false;  // store D in `gradient` and make no step
    bool penalized = false;
    T scale = 1, decay = 0, l1 = 0;  // D = scale · Δ + decay · Θ + l1 · sign Θ
    Rule rule = Rule::gradient_descent;
    T numbers[most_numbers] = {};  // of the rule, prepared for this step
    T shrink = 0;                  // θ ← (1 − shrink) θ before the step, without biases
    double* penalties = nullptr;   // Σθ² of each part of Θ, without biases

    // Phase 3, only for a step that needs the whole gradient or whole rows of Θ.
    bool full_gradient = false;
    T clip = 1, max_norm = 0;      // D ← clip · D; the largest norm of a row, or 0 for no limit
    double* norms = nullptr;       // ΣD² of each item
    double* magnitudes = nullptr;  // Σ|θ| of each item, without biases
};

// Examples of a strip, numbers of a cache line: `strip` in kernels/simd.hpp.
template <class T>
constexpr std::int64_t numbers_of_strip = 64 / sizeof(T);

constexpr std::int64_t rows_of_item = 48;   // of Θ, at most, in an item of phase 2
constexpr std::int64_t units_per_item = 8;  // of a layer, in an item of phase 3

// Units that a layer takes in scratch memory: a multiple of the group, so that whole squares of
// vectors can be transposed.
inline std::int64_t padded_units(std::int64_t units, int group) {
    return (units + group - 1) / group * group;
}

// Numbers from one row of a ThetaArray that belongs to the engine to the next: whole cache lines,
// an odd number of them, since rows a power of two apart would compete for the same places in a
// cache.
template <class T>
std::int64_t aligned_row(std::int64_t columns) {
    constexpr std::int64_t line = numbers_of_strip<T>;
    return ((columns + line - 1) / line | 1) * line;
}

// Units from one group of δ to the next. Phase 2 reads a few units of all groups: if they were a
// power of two apart, they would compete for the same few places in the caches.
inline std::int64_t spread_units(std::int64_t units) { return (units + 7) / 16 * 16 + 8; }

}  // namespace multilayer
