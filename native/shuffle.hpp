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

    // Uniform in 0 … most: draws as many bits as `most` has, until they do not exceed it.
    std::uint64_t up_to(std::uint64_t most) {
        std::uint64_t mask = most;
        for (int shift = 1; shift < 64; shift *= 2) mask |= mask >> shift;
        for (;;) {
            std::uint64_t value = next();
            if (most > 0xffffffffu) value = value << 32 | next();
            value &= mask;
            if (value <= most) return value;
        }
    }

  private:
    static constexpr int size = 624, middle = 397;

    void renew() {
        std::uint32_t* key = state_.key;
        for (int i = 0; i < size; ++i) {
            const std::uint32_t y = (key[i] & 0x80000000u) | (key[(i + 1) % size] & 0x7fffffffu);
            key[i] = key[(i + middle) % size] ^ (y >> 1) ^ (y & 1 ? 0x9908b0dfu : 0u);
        }
        state_.position = 0;
    }

    Shuffle& state_;
};

inline void shuffle(Shuffle& state, std::int64_t m) {
    Twister twister(state);
    for (std::int64_t i = m - 1; i > 0; --i)
        std::swap(state.rows[i], state.rows[twister.up_to(static_cast<std::uint64_t>(i))]);
}

}  // namespace multilayer
