// The functions of kernels/math.hpp against long double.
#include <algorithm>
#include <cstring>

#include "../dispatch.hpp"
#include "check.hpp"

namespace tests {
namespace {

template <class T>
void test_functions() {
    using Wide = long double;
    const struct {
        const char* name;
        Wide (*exact)(Wide);
        double least, most;
    } functions[] = {
        {"exp", [](Wide x) { return std::exp(x); }, -800, 800},
        {"expm1", [](Wide x) { return std::expm1(x); }, -800, 60},
        {"log", [](Wide x) { return std::log(x); }, 0, 1e308},
        {"log1p", [](Wide x) { return std::log1p(x); }, 0, 1},
        {"tanh", [](Wide x) { return std::tanh(x); }, -1e308, 1e308},
        {"logistic", [](Wide x) { return 1 / (1 + std::exp(-x)); }, -800, 800},
        {"erf", [](Wide x) { return std::erf(x); }, -1e308, 1e308},
        {"softplus",
         [](Wide x) { return std::max<Wide>(x, 0) + std::log1p(std::exp(-std::abs(x))); }, -800,
         1e308},
    };
    std::mt19937_64 random(0);
    std::vector<T> x, y;
    const int bits = 8 * sizeof(T);
    for (int i = 0; i < 6001; ++i) {
        T number;
        const std::uint64_t pattern = random() >> (64 - bits);
        std::memcpy(&number, &pattern, sizeof number);
        if (i % 3 == 1) number = static_cast<T>(static_cast<double>(random()) / 9e18 - 1);
        if (i % 3 == 2) number = static_cast<T>(static_cast<double>(random()) / 1e17 - 92);
        x.push_back(number);
    }
    y.resize(x.size());
    for (const auto& [name, exact, least, most] : functions) {
        check(ml::kernels_in_use<T>().apply(name, x.data(), y.data(), static_cast<i64>(x.size())),
              "no function", name);
        for (std::size_t i = 0; i < x.size(); ++i) {
            if (std::isnan(x[i])) check(std::isnan(y[i]), name, "of NaN is", y[i]);
            if (!(x[i] >= static_cast<T>(least) && x[i] <= static_cast<T>(most))) continue;
            const Wide wanted = exact(x[i]);
            const T rounded = static_cast<T>(wanted);
            if (std::isinf(rounded)) {
                check(y[i] == rounded, name, "of", x[i], "is", y[i]);
                continue;
            }
            const T size = std::abs(rounded);
            const Wide unit = std::nextafter(size, std::numeric_limits<T>::infinity()) - size;
            const Wide error = std::abs(y[i] - wanted) / unit;
            check(error <= (sizeof(T) == 4 ? 4 : 2), name, "of", x[i], "is", y[i], "off by", error,
                  "units");
        }
    }
}

}  // namespace

void test_math() {
    test_functions<float>();
    test_functions<double>();
}

}  // namespace tests
