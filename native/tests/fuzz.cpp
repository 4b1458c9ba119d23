// A libFuzzer target: bytes become a network, rows, and settings of training, whose sizes and
// numbers may be any. Whatever the checks let through must run without touching other memory.
#include <cstring>
#include <memory>

#include "../checks.hpp"
#include "../dispatch.hpp"

namespace {

namespace ml = multilayer;
using i64 = std::int64_t;

class Bytes {
  public:
    Bytes(const std::uint8_t* data, std::size_t size) : at_(data), left_(size) {}

    template <class Number>
    Number raw() {
        Number number{};
        const std::size_t n = std::min(sizeof number, left_);
        if (n > 0) std::memcpy(&number, at_, n);
        at_ += n;
        left_ -= n;
        return number;
    }
    i64 below(i64 limit) { return raw<std::uint16_t>() % limit; }
    bool flag() { return raw<std::uint8_t>() & 1; }
    // Mostly below the limit; now and then anything, or what lies around the limit.
    i64 number(i64 limit) {
        const int kind = raw<std::uint8_t>();
        if (kind < 4) return raw<i64>();
        if (kind < 12) return limit + kind - 8;
        return below(limit);
    }
    template <class T>
    T real() {
        return raw<std::uint8_t>() < 4 ? static_cast<T>(raw<double>())
                                       : static_cast<T>(raw<std::int8_t>()) / 16;
    }
    bool empty() const { return left_ == 0; }

  private:
    const std::uint8_t* at_;
    std::size_t left_;
};

// An array of its own, so that AddressSanitizer sees each step out of it.
template <class T>
class Pool {
  public:
    template <class Make>
    T* array(i64 size, Make make) {
        arrays_.push_back(std::make_unique<T[]>(static_cast<std::size_t>(size)));
        T* const result = arrays_.back().get();
        for (i64 i = 0; i < size; ++i) result[i] = make();
        return result;
    }

  private:
    std::vector<std::unique_ptr<T[]>> arrays_;
};

template <class T>
class Attempt {
  public:
    explicit Attempt(Bytes bytes) : bytes_(bytes) {}

    void run() {
        network();
        data();
        const int threads = static_cast<int>(1 + bytes_.below(3));
        const auto poll = [&] { return polls_ > 0 && --polls_ == 0; };
        polls_ = bytes_.flag() ? 1 + bytes_.below(3) : 0;
        std::vector<T> H(static_cast<std::size_t>(data_.X.rows * network_.sizes.back()));
        ml::forward(network_, data_.X, H.data(), threads, poll);
        if (data_.X.rows == 0) return;
        double J = 0;
        std::vector<T*> gradients;
        for (std::size_t l = 0; bytes_.flag() && l < network_.thetas.size(); ++l)
            gradients.push_back(zeros(theta_size(l)));
        if (gradients.size() == network_.thetas.size()) {
            for (ml::Parameters<T>* part : network_.extra_parameters())
                part->gradient = zeros(part->size);
            ml::cost(network_, data_, gradients, J, threads, poll);
        }
        train(threads, poll);
    }

  private:
    T* zeros(i64 size) {
        return values_.array(size, [] { return T(0); });
    }
    // A few numbers again and again: so the bytes of an input are left for sizes and numbers.
    T* reals(i64 size) {
        T some[8];
        const i64 n = std::min<i64>(size, 1 + bytes_.below(8));
        for (i64 i = 0; i < n; ++i) some[i] = bytes_.real<T>();
        i64 i = 0;
        return values_.array(size, [&] { return some[i++ % n]; });
    }
    i64 theta_size(std::size_t l) const { return (network_.sizes[l] + 1) * network_.sizes[l + 1]; }

    void network() {
        const bool wide = bytes_.raw<std::uint8_t>() < 16;
        const auto units = [&] { return 1 + bytes_.below(wide ? 300 : 20); };
        auto& sizes = network_.sizes;
        const i64 layers = 1 + bytes_.below(3);
        for (i64 l = 0; l <= layers; ++l) sizes.push_back(units());
        ml::Objective& objective = network_.objective;
        if (bytes_.raw<std::uint8_t>() < 64) embed();
        for (i64 l = 0; l < layers; ++l) network_.thetas.push_back(reals(theta_size(l)));
        for (i64 l = 1; l < layers; ++l)
            objective.hidden.push_back(static_cast<ml::Activation>(bytes_.number(11)));
        objective.output = static_cast<ml::Output>(bytes_.number(4));
        objective.loss = static_cast<ml::Loss>(bytes_.flag() ? 0 : bytes_.number(6));
        objective.loss_number = bytes_.real<double>();
        objective.label_smoothing = bytes_.flag() ? 0.1 : 0;
        objective.lambda = bytes_.flag() ? 0.1 : 0;
        if (bytes_.raw<std::uint8_t>() < 32) objective.l1 = 0.01;
        for (i64 n = bytes_.flag() ? 0 : bytes_.below(4); n > 0; --n)
            objective.groups.push_back(sum(bytes_.number(sizes.back()), 1));
        if (bytes_.raw<std::uint8_t>() < 48)
            for (std::size_t l = 1; l + 1 < sizes.size(); ++l) {
                network_.mixes.emplace_back();
                network_.mixes.back().size = sizes[l];
                network_.mixes.back().values = reals(sizes[l]);
            }
        ml::check_network(network_);
    }

    static i64 sum(i64 a, i64 b) {  // which may overflow
        return static_cast<i64>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
    }

    void embed() {
        ml::Embedding<T>& embedding = network_.embedding;
        embedding.plain = bytes_.number(6);
        embedding.numbers = bytes_.number(3);
        embedding.frequencies = sum(bytes_.number(8), 1);
        embedding.dimensions = sum(bytes_.number(4), 1);
        embedding.width = bytes_.number(6);
        i64 row = 0;
        network_.first_rows = {bytes_.raw<std::uint8_t>() < 4 ? bytes_.raw<i64>() : 0};
        for (i64 category = bytes_.below(3); category > 0; --category)
            network_.first_rows.push_back(row = bytes_.raw<std::uint8_t>() < 4
                                                    ? bytes_.raw<i64>()
                                                    : sum(row, bytes_.number(9)));
        // Sizes are what the numbers say, where they say something that fits into memory.
        const auto fits = [](i64 number) { return number >= 0 && number < 64; };
        if (!fits(embedding.plain) || !fits(embedding.numbers) || !fits(embedding.frequencies) ||
            !fits(embedding.dimensions) || !fits(embedding.width) || !fits(row)) {
            embedding.columns = 1;
            ml::check_network(network_);
            throw std::invalid_argument("what does not fit was let through only by chance");
        }
        embedding.columns = embedding.plain + static_cast<i64>(network_.first_rows.size()) - 1;
        const auto own = [&](ml::Parameters<T>& part, i64 size) {
            part.size = size;
            part.values = reals(size);
        };
        own(embedding.periodic, embedding.numbers * embedding.numbers_of_one());
        own(embedding.tables, network_.first_rows.back() >= 0 && fits(network_.first_rows.back())
                                  ? network_.first_rows.back() * embedding.width
                                  : 0);
        own(embedding.scale, embedding.outputs());
        network_.sizes[0] = std::max<i64>(embedding.outputs(), 1);
    }

    void data() {
        const i64 m = bytes_.raw<std::uint8_t>() < 8 ? bytes_.below(400) : bytes_.below(40);
        const i64 columns = network_.columns(), K = network_.sizes.back();
        ml::Matrix<T>& X = data_.X;
        i64 stored = 0;
        if (bytes_.raw<std::uint8_t>() < 64 && network_.embedding.columns == 0) {
            i64 start = 0;
            const std::int64_t* starts = numbers_.array(m + 1, [&] {
                const i64 here = start;
                start +=
                    bytes_.raw<std::uint8_t>() < 2 ? bytes_.raw<std::int8_t>() : bytes_.below(4);
                return here;
            });
            stored = std::max<i64>(0, starts[m] + (bytes_.raw<std::uint8_t>() < 4 ? -1 : 0));
            X = {reals(stored), m, columns, 0, 0, starts, indices_.array(stored, [&] {
                     return static_cast<std::int32_t>(bytes_.number(columns));
                 })};
        } else {
            X = {reals(m * columns), m, columns, columns, 1};
            if (bytes_.flag()) X = {X.data, m, columns, 1, m};
        }
        if (bytes_.flag())
            data_.labels = indices_.array(
                m, [&] { return static_cast<std::int32_t>(bytes_.number(std::max<i64>(K, 2))); });
        else
            data_.Y = {reals(m * K + 1), m, K, K, 1};
        if (bytes_.flag()) data_.weights = reals(m);
        ml::check_data(network_, data_, stored);
    }

    template <class Poll>
    void train(int threads, const Poll& poll) {
        ml::Descent descent;
        const i64 m = data_.X.rows, rule = bytes_.number(8);
        descent.rule = static_cast<ml::Rule>(rule);
        descent.numbers = {0.01, 0.9, 0.9, 0.1, 0.1};
        descent.batch_size = bytes_.flag() ? m : sum(bytes_.number(m), 1);
        if (bytes_.raw<std::uint8_t>() < 32) descent.clip_norm = 1;
        if (bytes_.raw<std::uint8_t>() < 32) descent.max_norm = 1;
        for (std::size_t l = 0; bytes_.flag() && l < network_.thetas.size(); ++l)
            descent.dropout.push_back(
                l == 0 && network_.embedding.columns > 0 ? 0.0 : bytes_.real<double>());
        ml::Slots<T> slots;
        for (i64 s = bytes_.flag() && rule >= 0 && rule < 8 ? ml::rule_names[rule].slots
                                                            : bytes_.below(3);
             s > 0; --s) {
            std::vector<T*> slot;
            for (std::size_t l = 0; l < network_.thetas.size(); ++l)
                slot.push_back(zeros(theta_size(l)));
            for (ml::Parameters<T>* part : network_.extra_parameters())
                part->slots[slots.size()] = zeros(part->size);
            slots.push_back(slot);
        }
        ml::Epochs epochs;
        epochs.count = bytes_.below(3);
        epochs.steps_before = bytes_.number(1000);
        epochs.max_steps = bytes_.flag() ? epochs.max_steps : bytes_.number(50);
        i64 n_rates = 0;
        if (bytes_.flag()) {
            n_rates = bytes_.below(20);
            epochs.max_steps = std::min(epochs.max_steps, bytes_.number(n_rates + 1));
            epochs.rates = reals_.array(n_rates, [] { return 0.01; });
        }
        ml::Shuffle shuffle;
        if (bytes_.flag()) {
            i64 row = 0;
            shuffle.rows = numbers_.array(
                m, [&] { return bytes_.raw<std::uint8_t>() < 2 ? bytes_.raw<i64>() : row++; });
            std::uint32_t word = bytes_.raw<std::uint32_t>();
            shuffle.key = words_.array(624, [&] { return word = 1664525 * word + 1013904223; });
            shuffle.position = bytes_.number(625);
            epochs.shuffle = &shuffle;
        } else if (bytes_.flag()) {
            epochs.rows_of_epoch = bytes_.below(2 * m + 1);
            epochs.order = numbers_.array(epochs.count * epochs.rows_of_epoch,
                                          [&] { return bytes_.number(m); });
        }
        ml::check_training(network_, data_, descent, slots, epochs, n_rates);
        ml::Scores scores;
        scores.accuracy = bytes_.flag();
        ml::Validation<T> validation{data_, scores, {}};
        const bool scored = bytes_.flag() && data_.labels;
        if (scored) ml::check_scoring(data_, data_, scores);
        ml::train(network_, data_, descent, slots, epochs, threads, poll,
                  scored ? &validation : nullptr);
    }

    Bytes bytes_;
    i64 polls_ = 0;
    Pool<T> values_;
    Pool<i64> numbers_;
    Pool<std::int32_t> indices_;
    Pool<std::uint32_t> words_;
    Pool<double> reals_;
    ml::Network<T> network_;
    ml::Data<T> data_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Bytes bytes(data, size);
    const auto& sets = ml::instruction_sets();
    ml::use_instruction_set(sets[bytes.raw<std::uint8_t>() % sets.size()]->name);
    try {
        if (bytes.flag())
            Attempt<float>(bytes).run();
        else
            Attempt<double>(bytes).run();
    } catch (const std::invalid_argument&) {  // as Python's ValueError
    }
    return 0;
}
