// Memory that runs out: whichever allocation fails, the caller gets std::bad_alloc and nothing
// worse, and the pool works as before.
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

#include "check.hpp"

namespace {

std::atomic<long> left{-1};  // allocations until one fails; negative if none does

void* allocate(std::size_t size, std::size_t alignment) {
    if (left.load() >= 0 && left.fetch_sub(1) == 0) throw std::bad_alloc();
    size = (size + alignment - 1) / alignment * alignment;
    if (void* memory = std::aligned_alloc(alignment, size)) return memory;
    throw std::bad_alloc();
}

}  // namespace

void* operator new(std::size_t size) { return allocate(size, alignof(std::max_align_t)); }
void* operator new[](std::size_t size) { return allocate(size, alignof(std::max_align_t)); }
void* operator new(std::size_t size, std::align_val_t alignment) {
    return allocate(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
    return allocate(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

namespace tests {
namespace {

// Calls f repeatedly, each time with one more allocation that succeeds, until none fails.
template <class F>
void starve(const char* what, F f) {
    long failures = 0;
    for (long granted = 0;; ++granted) {
        check(granted < 10'000, what, "never has memory enough");
        left = granted;
        try {
            f();
        } catch (const std::bad_alloc&) {
            ++failures;
            left = -1;
            continue;
        }
        const bool spared = left >= 0;
        left = -1;
        if (spared) break;  // otherwise f coped with the failure, for example with fewer helpers
    }
    check(failures > 0, what, "allocates nothing, so this tests nothing");
}

}  // namespace

void test_memory() {
    // Wide enough for a team, and more rows than a chunk holds.
    Case<double> example({30, 70, 5}, 3000, ml::Activation::relu, ml::Output::softmax);
    const auto network = example.network(0.1);
    const auto data = example.data(true, true);
    std::vector<double> H(3000 * 5);
    std::vector<std::vector<double>> gradients;
    std::vector<double*> pointers;
    for (const auto& theta : example.thetas) gradients.emplace_back(theta.size());
    for (auto& gradient : gradients) pointers.push_back(gradient.data());
    double J = 0;
    // From eleven threads on, the pool must grow while memory is short.
    for (const int threads : {1, 3, 11}) {
        starve("forward", [&] { ml::forward(network, data.X, H.data(), threads, never); });
        starve("cost", [&] { ml::cost(network, data, pointers, J, threads, never); });
    }
    ml::Descent descent;
    ml::Epochs epochs;
    epochs.count = 20;  // the list of their costs grows inside the team
    for (const int threads : {1, 3, 17})
        for (const std::int64_t batch : {1000, 3000}) {
            descent.batch_size = batch;
            starve("train", [&] {
                const auto report = ml::train(network, data, descent, {}, epochs, threads, never);
                check(report.costs.size() == 20, "epochs after want of memory");
            });
        }
    const SparseRows<double> rows(example);
    auto sparse = data;
    sparse.X = rows.matrix();
    epochs.count = 2;
    for (const int threads : {1, 3}) {
        starve("forward of sparse rows",
               [&] { ml::forward(network, sparse.X, H.data(), threads, never); });
        starve("cost of sparse rows",
               [&] { ml::cost(network, sparse, pointers, J, threads, never); });
        starve("train on sparse rows",
               [&] { ml::train(network, sparse, descent, {}, epochs, threads, never); });
    }
}

}  // namespace tests
