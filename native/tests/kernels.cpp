// Forward propagation, cost and gradient against plain loops in double precision.
#include "reference.hpp"

namespace tests {
namespace {

template <class T, class U>
void close(const std::vector<T>& got, const std::vector<U>& wanted, const std::string& what) {
    check(got.size() == wanted.size(), what, "has another size");
    double scale = 1;
    for (const auto number : wanted) scale = std::max(scale, std::abs(static_cast<double>(number)));
    const double tolerance = scale * (sizeof(T) == 4 ? 3e-5 : 1e-12);
    for (std::size_t i = 0; i < got.size(); ++i) {
        const double error = std::abs(static_cast<double>(got[i]) - static_cast<double>(wanted[i]));
        check(error <= tolerance, what, "at", i, "is off by", error, "of", scale);
    }
}

template <class T>
std::string name_of(const Case<T>& example) {
    std::string name = sizeof(T) == 4 ? "float32" : "float64";
    for (const i64 size : example.sizes) name.append("-").append(std::to_string(size));
    return name.append(" m=").append(std::to_string(example.m));
}

// H, J and D of one case.
template <class T>
void test_case(Case<T> example, bool labelled, bool weighted, int threads) {
    const std::string name = name_of(example);
    const auto network = example.network(0.7);
    const auto data = example.data(labelled, weighted);
    std::vector<i64> rows(static_cast<std::size_t>(example.m));
    for (i64 row = 0; row < example.m; ++row) rows[row] = row;
    Reference reference(example);
    reference.propagate(example, rows, labelled, weighted, 0.7);

    std::vector<T> H(example.m * example.sizes.back()), wanted;
    ml::forward(network, data.X, H.data(), threads, never);
    for (const auto& h : reference.H) wanted.insert(wanted.end(), h.begin(), h.end());
    close(H, wanted, name + ": H");

    std::vector<std::vector<T>> gradients;
    std::vector<T*> pointers;
    for (const auto& theta : example.thetas) gradients.emplace_back(theta.size());
    for (auto& gradient : gradients) pointers.push_back(gradient.data());
    double J = 0, alone = 0;
    ml::cost(network, data, pointers, J, threads, never);
    ml::cost(network, data, {}, alone, threads, never);
    close(std::vector<T>{static_cast<T>(J)}, std::vector<double>{reference.J}, name + ": J");
    check(J == alone, name, ": J with and without gradient:", J, alone);
    for (std::size_t l = 0; l < gradients.size(); ++l)
        close(gradients[l], reference.D[l], name + ": D" + std::to_string(l + 1));
}

template <class T>
void test_widths() {
    using A = ml::Activation;
    constexpr int activations = std::size(ml::activation_names);
    std::vector<i64> widths{63, 64, 65, 127, 129};
    for (i64 width = 1; width <= 40; ++width) widths.push_back(width);
    for (const i64 n : widths) {
        const auto code = static_cast<A>(n % activations);
        const auto output = static_cast<ml::Output>(n % 4);
        const bool labelled = n % 3 == 0, weighted = n % 2 == 0;
        const int threads = static_cast<int>(n % 3) + 1;
        test_case<T>({{n, 7, 3}, 9, code, output}, labelled, weighted, threads);
        test_case<T>({{5, n, 3}, 9, code, output}, labelled, weighted, threads);
        test_case<T>({{3, 4, n}, 9, code, output}, labelled, weighted, threads);
        test_case<T>({{3, 4, 2}, n, code, output}, labelled, weighted, threads);
    }
    for (int code = 0; code < activations; ++code)
        for (int output = 0; output <= static_cast<int>(ml::Output::exp); ++output)
            test_case<T>({{6, 9, 11, 5}, 37, A(code), ml::Output(output)}, false, true, 2);
    test_case<T>({{4, 3}, 50, A::relu, ml::Output::softmax}, true, false, 2);
    test_case<T>({{1, 1}, 1, A::relu, ml::Output::identity}, false, false, 2);
    // More rows than the workspace holds, and enough work for a team.
    test_case<T>({{3, 70, 2}, 5003, A::relu, ml::Output::softmax}, false, true, 3);
}

// X in any layout, without a copy.
template <class T>
void test_layouts() {
    Case<T> example({11, 9, 4}, 70, ml::Activation::relu, ml::Output::softmax);
    const auto network = example.network();
    const auto plain = example.data(false, false).X;
    std::vector<T> wanted(70 * 4), got(70 * 4);
    ml::forward(network, plain, wanted.data(), 1, never);
    const auto same = [&](const ml::Matrix<T>& X, const char* what) {
        ml::forward(network, X, got.data(), 2, never);
        check(got == wanted, what, "layout differs");
    };
    std::vector<T> fortran(70 * 11), sparse(70 * 11 * 6),
        backwards(example.X.rbegin(), example.X.rend());
    for (i64 row = 0; row < 70; ++row)
        for (i64 column = 0; column < 11; ++column) {
            fortran[column * 70 + row] = plain(row, column);
            sparse[row * 66 + column * 3] = plain(row, column);
        }
    same({fortran.data(), 70, 11, 1, 70}, "Fortran");
    same({sparse.data(), 70, 11, 66, 3}, "strided");
    same({backwards.data() + 70 * 11 - 1, 70, 11, -11, -1}, "backwards");
}

}  // namespace

void test_kernels() {
    test_math();
    test_layouts<float>();
    test_layouts<double>();
    test_training();
    test_widths<float>();
    test_widths<double>();
}

}  // namespace tests
