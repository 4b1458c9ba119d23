// What is trained beside Θ: plain records, shared by all instruction sets.
//
// A row of X may be: numbers, the first of them with periodic features as well; then, for each
// category, the row of its table. Of these the inputs of Θ⁽¹⁾ are made:
//
//     u = [x, W₂ cos(2π w x + b) + b₂ of each such number, E[code] of each category],  a⁽¹⁾ = s ⊙ u
//
// And a hidden layer may mix its activation with z, each unit by a trained share α:
//
//     a = z + α (g(z) − z)
#pragma once

#include <cstdint>

namespace multilayer {

// An array that is trained, with what belongs to it.
template <class T>
struct Parameters {
    T* values = nullptr;
    T* slots[2] = {};
    T* gradient = nullptr;  // the sum of the chunks before, or the result
    std::int64_t size = 0;
    T rate = 1;   // by what the learning rate is multiplied
    T decay = 0;  // and by what the optimizer's own decay
};

// By what the learning rate is multiplied for a Θ.
struct Rates {
    double weights = 1, biases = 1;
};

// Of a number; sums for them are kept side by side on the stack.
constexpr std::int64_t most_frequencies = 32, most_dimensions = 8;

template <class T>
struct Embedding {
    std::int64_t columns = 0;                      // of X: plain ones, then codes; 0: no embedding
    std::int64_t plain = 0, numbers = 0;           // numbers ≤ plain
    std::int64_t frequencies = 0, dimensions = 0;  // of a number: of w, and of its features
    std::int64_t width = 0;                        // of a category's row
    const std::int64_t* first_row = nullptr;       // of each category in the tables, and the end
    Parameters<T> periodic;                        // (numbers, [w, b, W₂ row by row, b₂])
    Parameters<T> tables;                          // (rows, width)
    Parameters<T> scale;                           // (s₁,)

    std::int64_t categories() const { return columns - plain; }
    std::int64_t outputs() const { return plain + numbers * dimensions + categories() * width; }
    // How many parameters make the features of one number.
    std::int64_t numbers_of_one() const { return (2 + dimensions) * frequencies + dimensions; }
};

}  // namespace multilayer
