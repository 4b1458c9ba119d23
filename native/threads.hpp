// A small pool of threads. It is created at first use, and again after a fork; a call takes as many
// idle threads from it as it may, and works with what it gets: results never depend on the number.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
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

    // Inside `run`, called by every thread, once before each barrier: calls f(0), …, f(n − 1), each
    // in one of the threads. A thread takes its own part of the numbers first, so that it finds in
    // its caches what it used the last time, and then what others have left.
    template <class F>
    void each(int thread, std::int64_t n, F f) {
        if (size() == 1) {
            for (std::int64_t i = 0; i < n; ++i) f(i);
            return;
        }
        for (int k = 0; k < size(); ++k) {
            const int owner = (thread + k) % size();
            const std::int64_t first = owner * n / size(), last = (owner + 1) * n / size();
            for (std::int64_t i; (i = first + parts_[owner].take(phase_, last - first)) < last;)
                f(i);
        }
    }

    // Inside `run`: waits for all threads. The last to arrive calls `last` before any continues.
    template <class F>
    void barrier(F last) {
        if (size() == 1) return last();
        const std::uint32_t round = round_.load(std::memory_order_relaxed);
        if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 < size()) return wait(round);
        arrived_.store(0, std::memory_order_relaxed);
        ++phase_;
        last();
        round_.store(round + 1, std::memory_order_release);
        round_.notify_all();
    }

  private:
    // How many numbers of a thread's part have been taken, on a cache line of its own. The upper
    // half is the phase in which they were: so nobody has to reset the parts of others, whose cache
    // lines take long to come and to go back.
    class alignas(64) Part {
      public:
        // The next number, or a larger one than the last if all n are taken.
        std::int64_t take(std::uint32_t phase, std::int64_t n) {
            std::uint64_t state = state_.load(std::memory_order_relaxed);
            while (state >> 32 != phase)
                if (state_.compare_exchange_weak(state, (std::uint64_t{phase} << 32) + 1,
                                                 std::memory_order_relaxed))
                    return 0;
            if (static_cast<std::int64_t>(state & mask) >= n) return n;
            return static_cast<std::int64_t>(state_.fetch_add(1, std::memory_order_relaxed) & mask);
        }

      private:
        static constexpr std::uint64_t mask = 0xffffffff;
        std::atomic<std::uint64_t> state_{0};
    };

    void wait(std::uint32_t round);

    Pool* pool_;
    std::vector<Worker*> helpers_;
    std::unique_ptr<Part[]> parts_;
    std::uint32_t phase_ = 1;  // since when parts are taken: from one barrier to the next
    alignas(64) std::atomic<int> arrived_{0};
    alignas(64) std::atomic<std::uint32_t> round_{0};
};

}  // namespace multilayer
