// A small pool of threads. It is made at first use and made anew after a fork; a call takes as many
// idle threads from it as it may, and works with what it gets: results never depend on how many.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <vector>

namespace multilayer {

// How many threads the process may use: MULTILAYER_NUM_THREADS, or else what affinity and cgroup
// allow. Throws std::invalid_argument where the variable is not a number from 1 to 1024.
int default_threads();

struct Pool;
struct Worker;

// The calling thread and the helpers it got, until the end of its life.
class Team {
  public:
    // wanted > 0: as many threads, the caller among them; 0: as many as are free.
    explicit Team(int wanted, bool alone = false);
    ~Team();
    Team(const Team&) = delete;
    Team& operator=(const Team&) = delete;

    int size() const { return static_cast<int>(helpers_.size()) + 1; }

    // work(thread) in every thread, thread = 0 being the caller; returns when all are done. Work
    // must not throw.
    void run(const std::function<void(int)>& work);

    // Inside `run`: a number that no other thread gets, 0, 1, 2, … since the last barrier.
    std::int64_t next() { return next_.fetch_add(1, std::memory_order_relaxed); }

    // Inside `run`: waits for all threads. The last to arrive calls `last` before any goes on.
    template <class F>
    void barrier(F last) {
        const std::uint32_t round = round_.load(std::memory_order_relaxed);
        if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 < size()) return wait(round);
        arrived_.store(0, std::memory_order_relaxed);
        next_.store(0, std::memory_order_relaxed);
        last();
        round_.store(round + 1, std::memory_order_release);
        if (size() > 1) round_.notify_all();
    }

  private:
    void wait(std::uint32_t round);

    Pool* pool_;
    std::vector<Worker*> helpers_;
    // Apart from each other, so that taking numbers does not disturb those who wait.
    alignas(64) std::atomic<std::int64_t> next_{0};
    alignas(64) std::atomic<int> arrived_{0};
    alignas(64) std::atomic<std::uint32_t> round_{0};
};

}  // namespace multilayer
