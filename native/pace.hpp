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
        if (turns_ < 2)
            team_ = turns_ == 0;
        else if (turns_ == look_)
            team_ = !team_;
        else
            team_ = rates_[1] >= rates_[0];
        return team_;
    }

    bool over() const { return Clock::now() - began_ > (turns_ < 2 && !alone_ ? turn / 5 : turn); }

    // Ends a turn in which so many chunks were done.
    void end(double chunks) {
        const std::chrono::duration<double> taken = Clock::now() - began_;
        rates_[team_] = chunks / taken.count();
        if (turns_++ != look_) return;
        // Looks become rarer: what they cost stays below a fiftieth.
        wait_ = std::min(2 * wait_, 50);
        look_ = turns_ + wait_;
    }

  private:
    bool alone_, team_ = true;
    double rates_[2] = {};  // chunks a second: alone, with helpers
    int turns_ = 0, wait_ = 5, look_ = 1 + 5;
    Clock::time_point began_;
};

}  // namespace multilayer
