// The peak rate of fused multiply-adds of this machine: the random data are held in registers, so that
// only the arithmetic limits it. Prints GFLOP/s of float and of double for one thread and for all.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#if defined(__AVX512F__)
constexpr int bytes = 64;
#elif defined(__AVX__)
constexpr int bytes = 32;
#else
constexpr int bytes = 16;
#endif
constexpr int products = 9;  // three by three: enough to hide the latency, few enough for registers

template <class T>
double run(long steps, unsigned seed) {
    typedef T V __attribute__((vector_size(bytes)));
    constexpr int lanes = bytes / sizeof(T);
    auto random = [&] {
        V v;
        for (int i = 0; i < lanes; ++i) v[i] = T(rand_r(&seed)) / T(RAND_MAX) - T(0.5);
        return v;
    };
    V a0 = random(), a1 = random(), a2 = random(), w0 = random(), w1 = random(), w2 = random();
    V c00{}, c01{}, c02{}, c10{}, c11{}, c12{}, c20{}, c21{}, c22{};
    for (long k = 0; k < steps; ++k) {
        // The compiler must assume that these change, or it moves the products out of the loop.
        asm volatile("" : "+x"(w0), "+x"(w1), "+x"(w2));
        c00 += w0 * a0, c01 += w0 * a1, c02 += w0 * a2;
        c10 += w1 * a0, c11 += w1 * a1, c12 += w1 * a2;
        c20 += w2 * a0, c21 += w2 * a1, c22 += w2 * a2;
    }
    const V sum = c00 + c01 + c02 + c10 + c11 + c12 + c20 + c21 + c22;
    return static_cast<double>(sum[0]);
}

template <class T>
double gflops(int threads) {
    const long steps = 50'000'000;
    double best = 0;
    for (int round = 0; round < 5; ++round) {
        std::vector<double> sums(threads);
        std::vector<std::thread> pool;
        const auto start = std::chrono::steady_clock::now();
        for (int t = 0; t < threads; ++t)
            pool.emplace_back([&, t] { sums[t] = run<T>(steps, t + 1); });
        for (auto& thread : pool) thread.join();
        const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
        const double work = 2.0 * products * (bytes / sizeof(T)) * steps * threads;
        const double rate = work / taken.count() / 1e9;
        if (rate > best && sums[0] != 0) best = rate;
    }
    return best;
}

int main() {
    const int all = static_cast<int>(std::thread::hardware_concurrency());
    std::printf("{\"float32\": [%.1f, %.1f], \"float64\": [%.1f, %.1f]}\n", gflops<float>(1),
                gflops<float>(all), gflops<double>(1), gflops<double>(all));
}
