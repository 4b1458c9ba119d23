// What the kernels of every instruction set are told: plain records, shared by all of them.
//
// Words used throughout. A *group* is as many examples as fill the registers of one tile of a
// kernel. A *chunk* is as many examples as the workspace holds; a batch has one or more. A *panel*
// is as many columns of Θ, its biases left out, as fill the registers of one tile of the gradient.
#pragma once

#include <cstdint>

#include "codes.hpp"
#include "embedding.hpp"
#include "types.hpp"

namespace multilayer {

// Θ⁽ˡ⁾, what belongs to it, and the place of what phase 1 leaves behind for phase 2.
template <class T>
struct Layer {
    std::int64_t in = 0, out = 0;                  // s_l and s_{l+1}
    Activation activation = Activation::identity;  // of its units; the last layer has the output's
    double dropout = 0;                            // share of a⁽ˡ⁾ that learning leaves out
    T* theta = nullptr;                            // (out, in + 1)
    T* slots[2] = {};                              // shaped like theta
    T* gradient = nullptr;      // shaped like theta: the sum of the chunks before, or the result
    T rate = 1, bias_rate = 1;  // by what the learning rate is multiplied
    Parameters<T> mix;          // α of its units; no values: none
    T* mix_sums = nullptr;      // Σ δ (g(z) − z) as (group, unit)
    // a⁽ˡ⁾ of the chunk as (panel, example, column of the panel); null where only forward.
    T* columns = nullptr;
    T* delta = nullptr;             // δ⁽ˡ⁺¹⁾ of the chunk as (group, unit, example of the group)
    std::int64_t delta_stride = 0;  // from one group of δ to the next
    std::int64_t first_item = 0;    // of phase 2, counted over all layers
    std::int64_t panels = 0, row_blocks = 0;  // items: panels × row_blocks
    std::int64_t first_rows = 0;              // item of phase 3, counted over all layers
    bool by_panels = true;  // items of one panel follow each other; or those of one block of rows
    std::int64_t room = 0;  // numbers that a group of its inputs takes in phase 1
};

// Layer 1 where X is sparse: what belongs to one input lies side by side for the length of a call,
// so that a stored value meets a run of weights instead of one in each row.
template <class T>
struct Sparse {
    // Θ⁽¹⁾ᵀ (in + 1, out), its slots and its gradient, biases first, all taken for rows as wide as
    // a group. No theta where Θ⁽¹⁾ is read as it lies, for a few values only.
    Layer<T> turned;
    T* delta = nullptr;  // δ⁽²⁾ of the chunk as (example, padded unit)
    // The stored values of the chunk, those of an input in the order of their examples: they end
    // at ends[input], where those of the next input begin.
    const std::int64_t* ends = nullptr;
    const std::int32_t* examples = nullptr;
    const T* values = nullptr;
    std::int64_t items = 0, inputs_of_item = 0;  // of phase 2, before those of the other layers
};

constexpr std::int64_t inputs_of_block = 16;  // of a⁽¹⁾, in an item of phase 2

// The embedding, and what phase 1 leaves behind for its part of phase 2.
template <class T>
struct Front : Embedding<T> {
    T* inputs = nullptr;      // u of the chunk as (group, unit, example of the group)
    T* delta = nullptr;       // δ⁽¹⁾ as inputs
    std::int64_t stride = 0;  // from one group to the next

    // Items of phase 2 are: numbers, categories, blocks of the other inputs.
    std::int64_t blocks() const {
        return (this->plain - this->numbers + inputs_of_block - 1) / inputs_of_block;
    }
    std::int64_t items() const { return this->numbers + this->categories() + blocks(); }
};

template <class T>
struct Plan {
    const Layer<T>* layers = nullptr;
    int n_layers = 0;
    const Front<T>* front = nullptr;  // or none
    std::int64_t first_beside = 0;    // item of phase 2: of the front, then each layer's mix
    Output output = Output::logistic;
    const std::int64_t* groups = nullptr;  // units of each softmax
    int n_groups = 0;                      // 0: one softmax of all units
    Loss loss = Loss::own;
    T loss_number = 0;
    double smoothing = 0;

    Matrix<T> X;
    Sparse<T> sparse;                      // where X is
    Matrix<T> Y;                           // or no data
    const std::int32_t* labels = nullptr;  // or null
    const T* weights = nullptr;            // or null
    const std::int64_t* order = nullptr;   // null: rows as they lie
    std::int64_t first = 0, count = 0;     // of the chunk, as places in `order`
    std::int64_t place = 0;                // of the chunk's first example in its batch
    std::int64_t capacity = 0;             // examples that the workspace holds

    // Of phase 1.
    bool backward = true;
    std::uint64_t dropout_seed = 0, step = 0;
    double* group_costs = nullptr;  // one for each group of the chunk
    T* H = nullptr;                 // (rows, s_L), where only forward

    // Of phase 2.
    bool first_chunk = true, last_chunk = true;
    bool store = false;  // leave D in `gradient` and make no step
    bool penalized = false;
    T scale = 1, decay = 0, l1 = 0;  // D = scale · Δ + decay · Θ + l1 · sign Θ
    Rule rule = Rule::gradient_descent;
    T numbers[5] = {};            // of the rule, ready for use in this step
    T shrink = 0;                 // θ ← (1 − shrink) θ before the step, biases left out
    double* penalties = nullptr;  // Σθ² of each item of phase 2, biases left out

    // Of phase 3, where there is one: a step that needs the whole gradient or whole rows of Θ.
    bool settling = false;
    T clip = 1, max_norm = 0;      // D ← clip · D; the largest length of a row, or 0
    double* norms = nullptr;       // ΣD² of each item of phase 3
    double* magnitudes = nullptr;  // Σ|θ| of each item of phase 3, biases left out
};

// The work one instruction set does; pieces of a phase may run at the same time in many threads.
template <class T>
struct Kernels {
    int group;         // examples of a group = columns of a panel
    int rows_of_item;  // of Θ, at most
    // Phase 1 for some groups of the chunk: forward, δ at the output, backward. `room` holds, for
    // every layer in turn, a⁽ˡ⁾ of each of these groups (room_size(...) numbers).
    void (*propagate)(const Plan<T>&, T* room, std::int64_t first_group, int groups);
    // Forward alone, for `forward`.
    void (*predict)(const Plan<T>&, T* room, std::int64_t first_group, int groups);
    // Phase 2 for one item, some rows of one panel of one Θ⁽ˡ⁾.
    void (*update)(const Plan<T>&, std::int64_t item);
    // Σθ² of one item, to the same bits as `update` leaves it.
    void (*penalize)(const Plan<T>&, std::int64_t item);
    // Phase 3 for one item, some rows of one Θ⁽ˡ⁾: measures D; makes the step; or only adds up what
    // the penalty is made of.
    void (*measure)(const Plan<T>&, std::int64_t item);
    void (*settle)(const Plan<T>&, std::int64_t item);
    void (*weigh)(const Plan<T>&, std::int64_t item);
    // One of math.hpp's functions on n numbers, for tests; false where there is no such function.
    bool (*apply)(const char* function, const T* x, T* y, std::int64_t n);
    // to (columns, rows) = fromᵀ, from (rows, columns); each with its stride from row to row.
    void (*turn)(const T* from,
                 std::int64_t from_stride,
                 T* to,
                 std::int64_t to_stride,
                 std::int64_t rows,
                 std::int64_t columns);
};

constexpr std::int64_t rows_to_settle = 8;  // of Θ, in an item of phase 3

struct InstructionSet {
    const char* name;
    Kernels<float> single;
    Kernels<double> twofold;
};

// Units that a layer takes in `room`: a multiple of the vector's lanes, so that a can be transposed
// whole.
inline std::int64_t padded_units(std::int64_t units, int group) {
    return (units + group - 1) / group * group;
}

// Units from one group of δ to the next. Phase 2 reads a few units of all groups: were they a power
// of two apart, they would fight for the same few places of the caches.
inline std::int64_t spread_units(std::int64_t units) { return (units + 7) / 16 * 16 + 8; }

}  // namespace multilayer
