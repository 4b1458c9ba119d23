// The order of the rows, drawn for each epoch as NumPy's RandomState.shuffle draws it: equal seeds
// give equal orders, whether Python or the engine shuffles.
#pragma once

#include <cstdint>
#include <utility>

namespace multilayer {

// The state of a generator MT19937, as RandomState.get_state returns it, and the rows it shuffles.
struct Shuffle {
    std::int64_t* rows = nullptr;  // (m,), or null: no shuffling
    std::uint32_t* key = nullptr;  // (624,)
    std::int64_t position = 624;   // how many numbers of `key` have been used
};

// The Mersenne twister (Matsumoto and Nishimura, ACM TOMACS 8, 1998).
class Twister {
  public:
    explicit Twister(Shuffle& state) : state_(state) {}

    std::uint32_t next() {
        if (state_.position == size) renew();
        std::uint32_t y = state_.key[state_.position++];
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c5680u;
        y ^= (y << 15) & 0xefc60000u;
        return y ^ (y >> 18);
    }

  private:
    static constexpr int size = 624, middle = 397;

    static std::uint32_t mixed(std::uint32_t high, std::uint32_t low, std::uint32_t other) {
        const std::uint32_t y = (high & 0x80000000u) | (low & 0x7fffffffu);
        return other ^ (y >> 1) ^ ((0u - (y & 1u)) & 0x9908b0dfu);
    }

    // In three loops without a remainder in their indices, which compilers turn into vectors.
    void renew() {
        std::uint32_t* const key = state_.key;
        int i = 0;
        for (; i < size - middle; ++i) key[i] = mixed(key[i], key[i + 1], key[i + middle]);
        for (; i < size - 1; ++i) key[i] = mixed(key[i], key[i + 1], key[i + middle - size]);
        key[i] = mixed(key[i], key[0], key[i + middle - size]);
        state_.position = 0;
    }

    Shuffle& state_;
};

// For i = m − 1, …, 1, row i changes places with a row uniform in 0 … i, found by drawing as many
// bits as i has until they do not exceed it. A draw that is too large changes row i with itself:
// the processor cannot foresee which ones are, and going on without a branch costs it nothing.
inline void shuffle(Shuffle& state, std::int64_t m) {
    Twister twister(state);
    for (std::int64_t i = m - 1; i > 0;) {
        std::uint64_t mask = static_cast<std::uint64_t>(i);
        for (int shift = 1; shift < 64; shift *= 2) mask |= mask >> shift;
        const auto least = static_cast<std::int64_t>(mask >> 1);  // of the i with as many bits
        while (i > least) {
            std::uint64_t value = twister.next();
            if (mask > 0xffffffffu) value = value << 32 | twister.next();
            const auto drawn = static_cast<std::int64_t>(value & mask);
            const bool good = drawn <= i;
            const std::int64_t other = good ? drawn : i;
            std::swap(state.rows[i], state.rows[other]);
            i -= good;
        }
    }
}

}  // namespace multilayer
