// Whether helpers pay is found out by trying, since it depends on the network, on the machine and
// on what else runs there: a turn with helpers and a turn alone are compared now and then, and the
// faster way is kept until the next look. Results do not depend on it.
#pragma once

#include <algorithm>
#include <chrono>

namespace multilayer {

class Pace {
  public:
    using Clock = std::chrono::steady_clock;

    // How long threads work before the caller looks for signals, and for helpers that became free.
    static constexpr std::chrono::milliseconds turn{20};

    // alone: there is too little to do for more than one thread.
    explicit Pace(bool alone) : alone_(alone) {}

    // Starts a turn; true: take helpers.
    bool start() {
        began_ = Clock::now();
        if (alone_) return team_ = false;
        if (turns_ < trials)
            team_ = turns_ % 2 == 0;
        else
            team_ = (rates_[1] >= rates_[0]) != (turns_ == look_);
        return team_;
    }

    bool over() const {
        return Clock::now() - began_ > (turns_ < trials && !alone_ ? turn / 5 : turn);
    }

    // Ends a turn in which so many chunks were done.
    void end(double chunks) {
        const std::chrono::duration<double> taken = Clock::now() - began_;
        rates_[team_] = chunks / taken.count();
        if (++turns_ == trials || turns_ == look_ + 1) {
            // The next look: soon where it was close, later where it was not.
            const double slower = std::min(rates_[0], rates_[1]);
            look_ = turns_ + (slower < 0.8 * std::max(rates_[0], rates_[1]) ? 100 : 20);
        }
    }

  private:
    // With helpers, alone, with helpers: the first turn finds the caches cold and does not count.
    static constexpr int trials = 3;

    bool alone_, team_ = true;
    double rates_[2] = {};  // chunks a second: alone, with helpers
    int turns_ = 0, look_ = -1;
    Clock::time_point began_;
};

}  // namespace multilayer
