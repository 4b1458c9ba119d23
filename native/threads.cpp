#include "threads.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <new>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>

#if defined(__linux__)
#include <sched.h>
#endif
#if !defined(_WIN32)
#include <pthread.h>
#endif
#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace multilayer {

// A thread of the pool, asleep until `ticket` changes.
struct Worker {
    std::atomic<std::uint32_t> ticket{0}, done{0};
    const std::function<void(int)>* work = nullptr;
    int number = 0;
#if defined(__linux__)
    pthread_t thread{};
    cpu_set_t processors{};  // on which it may run; none before they were set
#endif
};

struct Pool {
    std::mutex mutex;
    std::vector<Worker*> idle;  // reserved for all workers, so that returning one takes no memory
    std::size_t workers = 0;
    int callers = 0, helping = 0;
};

namespace {

// Long enough to bridge the gap between two phases, short enough not to take time from others.
constexpr int max_spins = 4000;

void pause() {
#if defined(__SSE2__)
    _mm_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

// Waits until `value` is no longer `old`: spinning at first, then asleep.
void wait_until_changed(const std::atomic<std::uint32_t>& value, std::uint32_t old) {
    for (int spin = 0; spin < max_spins; ++spin) {
        if (value.load(std::memory_order_acquire) != old) return;
        pause();
    }
    while (value.load(std::memory_order_acquire) == old) value.wait(old);
}

void worker_loop(Worker* self) {
    for (std::uint32_t ticket = 0;; ++ticket) {
        wait_until_changed(self->ticket, ticket);
        (*self->work)(self->number);
        self->done.store(ticket + 1, std::memory_order_release);
        self->done.notify_one();
    }
}

// It is never destroyed: at the end of the process, its threads may still look at it. After a fork,
// the child has none of the threads, and replaces the pool with a new one.
Pool* pool = nullptr;

Pool& the_pool() {
    static std::once_flag once;
    std::call_once(once, [] {
        pool = new Pool;
#if !defined(_WIN32)
        pthread_atfork(nullptr, nullptr, [] { pool = new Pool; });
#endif
    });
    return *pool;
}

// The system tends to run a thread on the processor of the one that wakes it, even if another one
// is idle; there it would wait until the caller, which waits for it, has spent its share of time.
// So helpers are kept off the processor that the caller runs on.
void keep_off_this_processor([[maybe_unused]] const std::vector<Worker*>& helpers) {
#if defined(__linux__)
    cpu_set_t allowed;
    const int here = sched_getcpu();
    if (here < 0 || sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
    if (CPU_COUNT(&allowed) > 1) CPU_CLR(static_cast<std::size_t>(here), &allowed);
    for (Worker* helper : helpers)
        if (!CPU_EQUAL(&helper->processors, &allowed) &&
            pthread_setaffinity_np(helper->thread, sizeof allowed, &allowed) == 0)
            helper->processors = allowed;
#endif
}

int allowed_by_cgroup() {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(
        std::fopen("/sys/fs/cgroup/cpu.max", "r"),
        [](std::FILE* f) { return f ? std::fclose(f) : 0; });
    double quota = 0, period = 0;
    if (!file || std::fscanf(file.get(), "%lf %lf", &quota, &period) != 2 || period <= 0)
        return 1024;  // no such file, or "max"
    return std::max(1, static_cast<int>(std::ceil(quota / period)));
}

int processors() {
#if defined(__linux__)
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
    return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

// MULTILAYER_NUM_THREADS, or 0 if it is not set.
int threads_of_environment() {
    const char* const text = std::getenv("MULTILAYER_NUM_THREADS");
    if (!text || !*text) return 0;
    char* end = nullptr;
    const long number = std::strtol(text, &end, 10);
    if (*end || number < 1 || number > 1024)
        throw std::invalid_argument("MULTILAYER_NUM_THREADS must be a number from 1 to 1024: '" +
                                    std::string(text) + "'");
    return static_cast<int>(number);
}

}  // namespace

int default_threads() {
    if (const int number = threads_of_environment()) return number;
    // Affinity may change during the life of the process; the quota of a cgroup hardly ever does.
    static const int quota = allowed_by_cgroup();
    return std::min(processors(), quota);
}

Team::Team(int wanted, bool single_thread) {
    // A wrong number is an error even where one thread is enough.
    if (single_thread && wanted == 0) threads_of_environment();
    const int most = single_thread ? 1 : wanted > 0 ? wanted : default_threads();
    helpers_.reserve(static_cast<std::size_t>(most - 1));
    if (most > 1) parts_ = std::make_unique<Part[]>(static_cast<std::size_t>(most));
    pool_ = &the_pool();
    Pool& p = *pool_;
    const std::lock_guard lock(p.mutex);
    int free = most - 1;
    // Simultaneous fits share the processors instead of overloading them.
    if (wanted == 0) free = std::min(free, most - 1 - p.callers - p.helping);
    for (; free > 0; --free) {
        if (p.idle.empty()) {
            try {
                p.idle.reserve(p.workers + 1);
                auto worker = std::make_unique<Worker>();
                std::thread thread(worker_loop, worker.get());
#if defined(__linux__)
                worker->thread = thread.native_handle();
#endif
                thread.detach();
                p.idle.push_back(worker.release());
                ++p.workers;
            } catch (const std::system_error&) {
                break;  // no more threads can be created: continue with those there are
            } catch (const std::bad_alloc&) {
                break;
            }
        }
        helpers_.push_back(p.idle.back());
        p.idle.pop_back();
        ++p.helping;
    }
    ++p.callers;
}

Team::~Team() {
    // After a fork, the child's pool knows nothing of this team, and its helpers do not exist
    // there.
    if (pool_ != &the_pool()) return;
    const std::lock_guard lock(pool_->mutex);
    --pool_->callers;
    pool_->helping -= static_cast<int>(helpers_.size());
    pool_->idle.insert(pool_->idle.end(), helpers_.begin(), helpers_.end());
}

void Team::run(const std::function<void(int)>& work) {
    if (helpers_.empty()) return work(0);
    ++phase_;
    keep_off_this_processor(helpers_);
    int number = 0;
    for (Worker* helper : helpers_) {
        helper->work = &work;
        helper->number = ++number;
        helper->ticket.fetch_add(1, std::memory_order_release);
        helper->ticket.notify_one();
    }
    work(0);
    for (Worker* helper : helpers_)
        wait_until_changed(helper->done, helper->ticket.load(std::memory_order_relaxed) - 1);
}

void Team::wait(std::uint32_t round) { wait_until_changed(round_, round); }

}  // namespace multilayer
