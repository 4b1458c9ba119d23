// A small pool of threads. It is created at first use, and again after a fork; a call takes as many
// idle threads from it as it may, and works with what it gets: results never depend on the number.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <vector>

namespace multilayer {

// How many threads the process may use: MULTILAYER_NUM_THREADS, or else what affinity and cgroup
// allow. Throws std::invalid_argument if the variable is not a number from 1 to 1024.
int default_threads();

struct Pool;
struct Worker;

// The calling thread and its helpers, which go back to the pool when the team is destroyed.
class Team {
  public:
    // wanted > 0: at most as many threads, including the caller; 0: as many as are free.
    explicit Team(int wanted, bool single_thread = false);
    ~Team();
    Team(const Team&) = delete;
    Team& operator=(const Team&) = delete;

    int size() const { return static_cast<int>(helpers_.size()) + 1; }

    // Calls work(thread) in every thread, where thread 0 is the caller; returns when all are done.
    // Work must not throw.
    void run(const std::function<void(int)>& work);

    // Inside `run`: returns a number that no other thread gets: 0, 1, 2, … since the last barrier.
    std::int64_t next() { return next_.fetch_add(1, std::memory_order_relaxed); }

    // Inside `run`: waits for all threads. The last to arrive calls `last` before any continues.
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
    // On cache lines of their own, so that taking numbers does not disturb waiting threads.
    alignas(64) std::atomic<std::int64_t> next_{0};
    alignas(64) std::atomic<int> arrived_{0};
    alignas(64) std::atomic<std::uint32_t> round_{0};
};

}  // namespace multilayer
