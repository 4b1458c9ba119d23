// The pool: simultaneous teams, numbers, barriers, forks, and training in all of them.
#include "../threads.hpp"

#include <atomic>
#include <thread>

#include "check.hpp"

#if !defined(_WIN32)
#include <sys/wait.h>
#include <unistd.h>
#endif

namespace tests {
namespace {

// Calls f(0), …, f(n − 1), each in a thread of its own; an exception in one is thrown again.
template <class F>
void at_once(int n, F f) {
    std::vector<std::exception_ptr> errors(static_cast<std::size_t>(n));
    std::vector<std::thread> threads;
    for (int i = 0; i < n; ++i)
        threads.emplace_back([&, i] {
            try {
                f(i);
            } catch (...) {
                errors[static_cast<std::size_t>(i)] = std::current_exception();
            }
        });
    for (auto& thread : threads) thread.join();
    for (const auto& error : errors)
        if (error) std::rethrow_exception(error);
}

// Rounds of work on plain numbers: all threads read after a barrier what one wrote before it.
void use_team(int wanted, int rounds) {
    constexpr i64 n = 100;
    ml::Team team(wanted);
    check(wanted == 0 || team.size() <= wanted, "a team of", team.size(), "instead of", wanted);
    std::vector<i64> numbers(n);
    i64 total = 0, finished = 0;
    std::vector<int> present(static_cast<std::size_t>(team.size()));
    bool over = false, good = true;
    team.run([&](int thread) {
        ++present[static_cast<std::size_t>(thread)];
        while (!over) {
            team.each(thread, n, [&](i64 at) { ++numbers[at]; });
            team.barrier([&] {
                total = 0;
                for (const i64 number : numbers) total += number;
                good = good && total == n * (finished + 1);
            });
            team.each(thread, n, [&](i64 at) { numbers[at] = total / n; });
            team.barrier([&] { over = ++finished == rounds; });
        }
    });
    check(good && finished == rounds, "a number was taken twice, or never");
    for (const int times : present) check(times == 1, "a thread worked", times, "times");
}

template <class T>
std::vector<std::vector<T>> fit(int threads, bool mini_batches) {
    Case<T> example({20, 64, 64, 2}, 600, ml::Activation::relu, ml::Output::softmax);
    Slots<T> slots(example, 2);
    ml::Descent descent;
    descent.rule = ml::Rule::adam;
    descent.numbers = {0.001, 0.9, 0.999, 1e-8, 0};
    descent.batch_size = mini_batches ? 150 : 600;
    ml::Epochs epochs;
    epochs.count = 4;
    const auto report = ml::train(example.network(0.1), example.data(true, true), descent,
                                  slots.pointers(), epochs, threads, never);
    check(report.costs.size() == 4, "epochs of a fit");
    return example.thetas;
}

void test_fits_at_once() {
    const auto wanted = fit<float>(1, true);
    const auto wanted_too = fit<double>(1, false);
    at_once(6, [&](int i) {
        for (int again = 0; again < 3; ++again) {
            check(fit<float>(i % 4, true) == wanted, "other bits beside other fits");
            check(fit<double>(i % 3 + 1, false) == wanted_too, "other bits beside other fits");
        }
    });
}

#if !defined(_WIN32)
// A child has none of the threads of the pool; it must create its own.
void fork_and_fit(const std::vector<std::vector<float>>& wanted) {
    const pid_t child = ::fork();
    check(child >= 0, "no fork");
    if (child == 0) {
        bool good = false;
        try {
            good = fit<float>(3, true) == wanted;
            use_team(4, 20);
        } catch (...) {
            good = false;
        }
        ::_exit(good ? 0 : 1);
    }
    int status = 0;
    check(::waitpid(child, &status, 0) == child, "no child");
    check(status == 0, "the child ended with", status);
}

void test_quiet_forks() {
    const auto wanted = fit<float>(3, true);
    fork_and_fit(wanted);
    use_team(3, 20);
    // In a pause between two slices of work, when a signal handler may fork.
    pid_t child = -1;
    Case<float> example({20, 64, 64, 2}, 600, ml::Activation::relu, ml::Output::softmax);
    ml::Descent descent;
    descent.batch_size = 100;
    ml::Epochs epochs;
    epochs.count = 1'000'000;
    ml::train<float>(example.network(), example.data(true, false), descent, {}, epochs, 2,
                     [&] { return (child = ::fork()) >= 0; });
    if (child == 0) {
        ::alarm(60);  // in case the child waits for a thread that it does not have
        ::_exit(fit<float>(3, true) == wanted ? 0 : 1);
    }
    int status = 0;
    check(::waitpid(child, &status, 0) == child, "no child");
    check(status == 0, "the child of a pause ended with", status);
}
#endif

}  // namespace

void test_threads() {
    for (const int wanted : {0, 1, 2, 3, 7}) use_team(wanted, 100);
    at_once(8, [](int i) {
        for (int again = 0; again < 30; ++again) use_team((i + again) % 6, 10);
    });
    test_fits_at_once();
}

void test_forks() {
#if !defined(_WIN32)
    test_quiet_forks();
    // Forks while other threads are at work.
    const auto wanted = fit<float>(3, true);
    std::atomic<bool> over{false};
    at_once(3, [&](int i) {
        if (i == 0) {
            for (int again = 0; again < 5; ++again) fork_and_fit(wanted);
            over = true;
        }
        while (!over) use_team(i + 1, 20);
    });
#endif
}

}  // namespace tests
