// Dropout: which units of which examples are left out in a step. A hash of the place of each unit
// decides it, so that the masks are the same for any number of threads, any instruction set and any
// T. dropout.py computes the same masks.
#pragma once

#include "../batch_task.hpp"
#include "activations.hpp"
#include "tiles.hpp"

namespace multilayer::MULTILAYER_ISA {
namespace {

// Number n, from 0, of the SplitMix64 generator that starts at `seed` (Steele, Lea and Flood,
// OOPSLA 2014).
inline std::uint64_t split_mix(std::uint64_t seed, std::uint64_t n) {
    std::uint64_t x = seed + (n + 1) * 0x9e3779b97f4a7c15;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
}

// g′(z) of the activations for which forward propagation does not store it.
template <class T>
void slopes(Activation activation, const T* a, T* slope, i64 n, i64 step) {
    const T low = activation == Activation::relu ? T(0) : T(1);  // where a is not positive
    for (i64 i = 0; i < n; i += step)
        store(slope + i, load(a + i) > T(0) ? splat(T(1)) : splat(low));
    times_slope(activation, a, slope, n, step);
}

// The mask of a⁽ˡ⁾ is 0 where the hash lies below the rate, else 1/(1 − rate).
template <class T>
struct Mask {
    std::uint64_t key;
    std::uint32_t least;
    T scale;

    Mask(const BatchTask<T>& task, int l)
        : key(split_mix(split_mix(task.dropout_seed, task.step), static_cast<std::uint64_t>(l))),
          least(static_cast<std::uint32_t>(task.layers[l].dropout * 4294967296.0)),
          scale(static_cast<T>(1 / (1 - task.layers[l].dropout))) {}

    // place: of the example in its batch.
    std::uint64_t example(i64 place) const {
        return split_mix(key, static_cast<std::uint64_t>(place));
    }

    // The mask of one unit, as `drop` computes it for many.
    T operator()(std::uint64_t example, i64 unit) const {
        auto x =
            static_cast<std::uint32_t>(example) + static_cast<std::uint32_t>(unit) * 0x9e3779b9u;
        x = (x ^ (x >> 16)) * 0x85ebca6bu ^ static_cast<std::uint32_t>(example >> 32);
        x = (x ^ (x >> 13)) * 0xc2b2ae35u;
        return x >= least ? scale : T(0);
    }
};

// a⁽ˡ⁾ (units, group) becomes a ⊙ mask, and so do its slope and, for a mixed activation, the
// difference g(z) − z, if they are given.
template <class T>
void drop(const BatchTask<T>& task,
          int l,
          i64 first,  // example of the chunk
          int vectors,
          T* a,
          T* slope,
          T* difference = nullptr) {
    constexpr int size = group_size<T>;
    const Layer<T>& layer = task.layers[l];
    const Mask<T> of_unit(task, l);
    std::uint32_t low[size], high[size];
    for (int b = 0; b < vectors * lanes<T>; ++b) {
        const i64 place = task.place + first + b;
        const std::uint64_t example = of_unit.example(place);
        low[b] = static_cast<std::uint32_t>(example);
        high[b] = static_cast<std::uint32_t>(example >> 32);
    }
    const Vec<T> scale = splat(of_unit.scale);
    for (i64 unit = 0; unit < layer.in; ++unit)
        for (int n = 0; n < vectors; ++n) {
            Hash<T> x, y;
            __builtin_memcpy(&x, low + n * lanes<T>, sizeof x);
            __builtin_memcpy(&y, high + n * lanes<T>, sizeof y);
            // The two rounds of MurmurHash3's finalizer, with the rest of the key between them.
            x += static_cast<std::uint32_t>(unit) * 0x9e3779b9u;
            x = (x ^ (x >> 16)) * 0x85ebca6bu ^ y;
            x = (x ^ (x >> 13)) * 0xc2b2ae35u;
            const auto kept = __builtin_convertvector(x >= of_unit.least, Int<T>);
            const Vec<T> mask = kept ? scale : Vec<T>{};
            const i64 at = unit * size + n * lanes<T>;
            store(a + at, load(a + at) * mask);
            if (slope) store(slope + at, load(slope + at) * mask);
            if (difference) store(difference + at, load(difference + at) * mask);
        }
}

}  // namespace
}  // namespace multilayer::MULTILAYER_ISA
