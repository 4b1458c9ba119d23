// Whether helpers make training faster depends on the network, on the machine and on what else runs
// there, so it is measured: a slice of work with helpers and a slice without are compared now and
// then, and the faster way is kept until the next comparison. Results do not depend on it.
#pragma once

#include <algorithm>
#include <chrono>

namespace multilayer {

class TeamSize {
  public:
    using Clock = std::chrono::steady_clock;

    // How long threads work before the caller looks for signals, and for helpers that became free.
    static constexpr std::chrono::milliseconds slice{20};

    // single_thread: there is too little to do for more than one thread.
    explicit TeamSize(bool single_thread) : single_thread_(single_thread) {}

    // Starts a slice; true if it should be done with helpers.
    bool start_slice() {
        began_ = Clock::now();
        if (single_thread_) return helpers_ = false;
        if (slices_ < trials)
            helpers_ = slices_ % 2 == 0;
        else
            helpers_ = (rates_[1] >= rates_[0]) != (slices_ == next_comparison_);
        return helpers_;
    }

    bool slice_over() const {
        return Clock::now() - began_ > (slices_ < trials && !single_thread_ ? slice / 5 : slice);
    }

    // Ends a slice in which this many chunks were done.
    void end_slice(double chunks) {
        const std::chrono::duration<double> taken = Clock::now() - began_;
        rates_[helpers_] = chunks / taken.count();
        if (++slices_ == trials || slices_ == next_comparison_ + 1) {
            // The next comparison comes soon if this one was close, and later if it was not.
            const double slower = std::min(rates_[0], rates_[1]);
            const bool clear = slower < 0.8 * std::max(rates_[0], rates_[1]);
            next_comparison_ = slices_ + (clear ? 100 : 20);
        }
    }

  private:
    // With helpers, without, with helpers: the first slice finds the caches cold and does not
    // count.
    static constexpr int trials = 3;

    bool single_thread_, helpers_ = true;
    double rates_[2] = {};  // chunks a second: without helpers, with them
    int slices_ = 0, next_comparison_ = -1;
    Clock::time_point began_;
};

}  // namespace multilayer
