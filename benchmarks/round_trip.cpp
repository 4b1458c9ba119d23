// The time in which a cache line goes from one core to another and back, in nanoseconds: the
// fastest of several blocks, since other programs only make it slower. Prints "one core" where
// there is no other core.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <limits>
#include <thread>
#ifdef __linux__
#include <sched.h>
#endif
#if defined(__x86_64__)
#define PAUSE __builtin_ia32_pause()  // reading on without a pause doubles the time
#else
#define PAUSE
#endif

constexpr int blocks = 20, trips = 500;  // half a millisecond where cores are near, 5 where far

// Binds the calling thread to the first or the last core that the process may use, where the system
// allows that: two threads on one core would measure how often the system switches between them.
void bind(bool last, const auto& allowed) {
#ifdef __linux__
    int core = last ? CPU_SETSIZE - 1 : 0;
    while (!CPU_ISSET(core, &allowed)) core += last ? -1 : 1;
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET(core, &only);
    sched_setaffinity(0, sizeof only, &only);
#endif
}

int main() {
#ifdef __linux__
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    sched_getaffinity(0, sizeof allowed, &allowed);
    const int cores = CPU_COUNT(&allowed);
#else
    const int allowed = 0, cores = static_cast<int>(std::thread::hardware_concurrency());
#endif
    if (cores < 2) return std::puts("one core"), 0;

    alignas(128) static std::atomic<int> line{0};  // odd: on its way out, even: back again
    std::thread other([&] {
        bind(true, allowed);
        for (int trip = 0; trip < blocks * trips; ++trip) {
            while (line.load(std::memory_order_acquire) != 2 * trip + 1) PAUSE;
            line.store(2 * trip + 2, std::memory_order_release);
        }
    });
    bind(false, allowed);
    double best = std::numeric_limits<double>::infinity();
    for (int block = 0; block < blocks; ++block) {
        const auto start = std::chrono::steady_clock::now();
        for (int trip = block * trips; trip < (block + 1) * trips; ++trip) {
            line.store(2 * trip + 1, std::memory_order_release);
            while (line.load(std::memory_order_acquire) != 2 * trip + 2) PAUSE;
        }
        const std::chrono::duration<double, std::nano> taken =
            std::chrono::steady_clock::now() - start;
        best = std::min(best, taken.count() / trips);
    }
    other.join();
    std::printf("%.0f\n", best);
}
