// The extra parameters, which are trained in addition to Θ: plain records.
//
// A row of X may consist of numbers, the first of which have periodic features as well, followed by
// the code of each category, which is a row of its table. The inputs of Θ⁽¹⁾ are made from these:
//
//     u = [x, W₂ cos(2π w x + b) + b₂ of each such number, E[code] of each category],  a⁽¹⁾ = s ⊙ u
//
// And a hidden layer may mix its activation with z, with a trained share α for each unit:
//
//     a = z + α (g(z) − z)
#pragma once

#include <cstdint>

namespace multilayer {

// An array that is trained, and what belongs to it.
template <class T>
struct Parameters {
    T* values = nullptr;
    T* slots[2] = {};
    T* gradient = nullptr;  // the sum of the previous chunks, or the result
    std::int64_t size = 0;
    T rate = 1;   // factor of the learning rate
    T decay = 0;  // factor of the optimizer's own decay
};

// The factors of the learning rate for a Θ.
struct Rates {
    double weights = 1, biases = 1;
};

// The limits for one number; the sums for them are kept on the stack.
constexpr std::int64_t most_frequencies = 32, most_dimensions = 8;

template <class T>
struct Embedding {
    std::int64_t columns = 0;                      // of X: numbers, then codes; 0: no embedding
    std::int64_t plain = 0, numbers = 0;           // numbers; those with periodic features
    std::int64_t frequencies = 0, dimensions = 0;  // of a number: length of w, of its features
    std::int64_t width = 0;                        // of a row of a table
    const std::int64_t* first_row = nullptr;       // of each category in the tables, then the end
    Parameters<T> periodic;                        // (numbers, [w, b, W₂ row by row, b₂])
    Parameters<T> tables;                          // (rows, width)
    Parameters<T> scale;                           // (s₁,)

    std::int64_t categories() const { return columns - plain; }
    std::int64_t outputs() const { return plain + numbers * dimensions + categories() * width; }
    // The number of parameters for the features of one number.
    std::int64_t numbers_of_one() const { return (2 + dimensions) * frequencies + dimensions; }
};

}  // namespace multilayer
