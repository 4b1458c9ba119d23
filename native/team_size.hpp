// Whether helpers make training faster depends on the network, on the machine and on what else runs
// there, so it is measured: a slice of work with helpers and a slice without are compared now and
// then, and the faster way is kept until the next comparison. What was measured is remembered for
// the next call that does the same work. Results do not depend on it.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <mutex>

namespace multilayer {

// What is known of some work: its chunks a second without helpers and with them.
struct TeamRates {
    double rates[2] = {};
    int slices = 0, next_comparison = -1;
    double chunks = 0, seconds = 0;  // of the slice that has not ended
};

class TeamSize {
  public:
    using Clock = std::chrono::steady_clock;

    // How long threads work before the caller looks for signals, and for helpers that became free.
    static constexpr std::chrono::milliseconds slice{20};

    // single_thread: there is too little to do for more than one thread. work: a number that tells
    // this work from other work.
    TeamSize(bool single_thread, std::uint64_t work) : single_thread_(single_thread), work_(work) {
        if (single_thread_) return;
        const std::lock_guard lock(mutex_);
        if (remembered().work == work) measured_ = remembered().measured;
    }
    ~TeamSize() {
        if (single_thread_) return;
        const std::lock_guard lock(mutex_);
        remembered() = {work_, measured_};
    }
    TeamSize(const TeamSize&) = delete;
    TeamSize& operator=(const TeamSize&) = delete;

    // Starts a slice; true if it should be done with helpers.
    bool start_slice() {
        began_ = Clock::now();
        if (single_thread_) return helpers_ = false;
        const TeamRates& m = measured_;
        if (m.slices < trials)
            helpers_ = m.slices != 1;
        else
            helpers_ = (m.rates[1] >= m.rates[0]) != (m.slices == m.next_comparison);
        return helpers_;
    }

    bool slice_over() const { return Clock::now() - began_ > (compares() ? short_slice : slice); }

    // Ends a slice in which this many chunks were done. Slices that end early, with the call, count
    // together.
    void end_slice(double chunks) {
        TeamRates& m = measured_;
        const std::chrono::duration<double> taken = Clock::now() - began_;
        m.chunks += chunks;
        m.seconds += taken.count();
        if (m.seconds < std::chrono::duration<double>(short_slice).count()) return;
        m.rates[helpers_] = m.chunks / m.seconds;
        m.chunks = m.seconds = 0;
        if (++m.slices == trials || m.slices == m.next_comparison + 1) {
            // The next comparison comes soon if this one was close, and later if it was not.
            const double slower = std::min(m.rates[0], m.rates[1]);
            const bool clear = slower < 0.8 * std::max(m.rates[0], m.rates[1]);
            m.next_comparison = m.slices + (clear ? 20 : 10);
        }
    }

  private:
    // With helpers, without, with helpers: the first slice finds the caches cold and does not
    // count. It is a whole one, so that a short fit tries nothing.
    static constexpr int trials = 3;
    static constexpr std::chrono::milliseconds short_slice{4};

    struct Remembered {
        std::uint64_t work = 0;
        TeamRates measured{};
    };

    bool compares() const {
        const TeamRates& m = measured_;
        return !single_thread_ && (m.slices == 1 || m.slices == 2 || m.slices == m.next_comparison);
    }

    Remembered& remembered() const {
        static std::array<Remembered, 64> memory;
        return memory[work_ % memory.size()];
    }

    inline static std::mutex mutex_;

    bool single_thread_, helpers_ = true;
    std::uint64_t work_;
    TeamRates measured_;
    Clock::time_point began_;
};

}  // namespace multilayer
