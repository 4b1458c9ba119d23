// The peak rate of multiply-adds of this machine. Random data stay in registers, so that only the
// arithmetic limits it. Prints GFLOP/s of float and of double, for one thread and for all.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <random>
#include <thread>
#include <vector>

// At least as many sums as multiply-adds are under way at once (8 to 16), but no more than find a
// register: there are 32, or 16. "v", "w" and "x" ask for any vector register in inline assembly;
// with "x" on AVX-512, GCC would use the first 16 only, and keep the others' values in memory.
#if defined(__AVX512F__)
constexpr int bytes = 64, columns = 8;
#define REGISTER "+v"
#elif defined(__aarch64__)
constexpr int bytes = 16, columns = 8;
#define REGISTER "+w"
#elif defined(__AVX__)
constexpr int bytes = 32, columns = 5;
#define REGISTER "+x"
#else
constexpr int bytes = 16, columns = 4;  // multiplies and adds apart: products need registers too
#define REGISTER "+x"
#endif

template <class T>
using Vector [[gnu::vector_size(bytes)]] = T;

template <class T>
constexpr int lanes = bytes / sizeof(T);

constexpr long steps = 10'000;  // not so many that the sums outgrow what is added to them

template <class T>
[[gnu::noinline]] T multiply_add(const Vector<T>* a) {  // a: columns, then two more
    Vector<T> w0 = a[columns], w1 = a[columns + 1];
    Vector<T> sums[2][columns] = {}, total = {};
    for (long step = 0; step < steps; ++step) {
        // The compiler must assume that both change, or it multiplies once and then only adds.
        asm volatile("" : REGISTER(w0), REGISTER(w1));
#pragma GCC unroll 16
        for (int j = 0; j < columns; ++j) {
            sums[0][j] += w0 * a[j];
            sums[1][j] += w1 * a[j];
        }
    }
    for (int j = 0; j < columns; ++j) total += sums[0][j] + sums[1][j];
    return total[0];
}

template <class T>
void work(int calls, unsigned seed, T& result) {
    std::mt19937 random(seed);
    std::uniform_real_distribution<T> uniform(-1, 1);
    Vector<T> a[columns + 2];
    for (auto& vector : a)
        for (int lane = 0; lane < lanes<T>; ++lane) vector[lane] = uniform(random);
    for (int call = 0; call < calls; ++call) result += multiply_add<T>(a);
}

template <class T>
double gflops(int threads) {
    const int calls = 2'000;
    double best = 0;
    for (int round = 0; round < 10; ++round) {
        std::vector<T> results(threads);
        std::vector<std::thread> team;
        const auto start = std::chrono::steady_clock::now();
        for (int t = 0; t < threads; ++t)
            team.emplace_back(work<T>, calls, t + 1, std::ref(results[t]));
        for (auto& thread : team) thread.join();
        const std::chrono::duration<double, std::nano> taken =
            std::chrono::steady_clock::now() - start;
        const double operations = 2.0 * 2 * columns * lanes<T> * steps * calls * threads;
        best = std::max(best, operations / taken.count());
    }
    return best;
}

int main() {
    const int all = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
    std::printf("{\"float32\": [%.1f, %.1f], \"float64\": [%.1f, %.1f]}\n", gflops<float>(1),
                gflops<float>(all), gflops<double>(1), gflops<double>(all));
}
