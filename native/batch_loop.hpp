// The loop over batches: chunk by chunk, phase by phase, with the threads that are available.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include "dispatch.hpp"
#include "engine.hpp"
#include "team_size.hpp"
#include "threads.hpp"
#include "values_by_input.hpp"
#include "working_copies.hpp"
#include "workspace.hpp"

namespace multilayer {

// The numbers of operations on whole groups below which another thread costs more than it gains, as
// measured (docs/engine.md): two barriers for a batch, some 4 µs of work; and waking a thread for a
// call, some 0.3 ms of work on a virtual machine.
inline constexpr double worth_a_team = 1e4, worth_waking = 7e5;

// Roughly how many operations a pass over some rows takes. products: how often each weight is used.
template <class T>
double operations(const Workspace<T>& work, std::int64_t rows, int products) {
    double each = 0;
    for (const Layer<T>& layer : work.layers) {
        const bool plain =
            &layer != &work.layers.back() &&
            (layer.activation == Activation::relu || layer.activation == Activation::identity);
        const double in = &layer == &work.layers[0] ? work.inputs : static_cast<double>(layer.in);
        each += static_cast<double>(layer.out) * (products * (in + 1) + (plain ? 10 : 60));
    }
    // A periodic feature takes a cosine forward, and a sine as well backward.
    if (work.embedding)
        each += static_cast<double>(20 * products * work.embedding->numbers *
                                    work.embedding->frequencies);
    return each * static_cast<double>(rows) / work.kernels().group;
}

// How phase 1 of some rows is split between threads: into runs of whole groups, or, if there are so
// few that the threads would not get about the same, into runs of strips.
template <class T>
class Pieces {
  public:
    std::int64_t count;

    Pieces(std::int64_t rows, int threads, const Workspace<T>& work)
        : strips_(divide_up(rows, numbers_of_strip<T>)),
          unit_(work.kernels().group / numbers_of_strip<T>) {
        const std::int64_t groups = divide_up(strips_, unit_), fair = divide_up(groups, threads);
        const std::int64_t unfair = fair * threads * unit_ - strips_;
        if (8 * unfair > strips_ && strips_ >= threads) unit_ = 1;
        units_ = divide_up(strips_, unit_);
        count = divide_up(groups, std::min(fair, work.groups_at_a_time));
        if (unit_ == 1) count = divide_up(count, threads) * threads;
    }

    // The strip at which a piece begins, and the one before it ends.
    std::int64_t first(std::int64_t piece) const {
        return std::min(piece * units_ / count * unit_, strips_);
    }

  private:
    std::int64_t strips_, unit_, units_;
};

// The state of the loop over batches. Threads share it; all but the phases is called by one thread
// while the others wait.
template <class T>
class BatchLoop {
  public:
    BatchLoop(const Network<T>& network,
              const Data<T>& data,
              std::int64_t batch_size,
              bool backward,
              bool own_gradients,
              bool full_gradient = false,
              const Epochs* epochs = nullptr)  // null: every row once
        : work(network, kernels_in_use<T>(), data.X, batch_size, backward, own_gradients),
          copies(work.kernels(), work.layers, data.X.sparse()),
          objective_(network.objective),
          by_units_(full_gradient || network.objective.l1 != 0),
          batch_size_(batch_size),
          costs_(static_cast<std::size_t>(work.capacity / numbers_of_strip<T>)),
          penalties_(static_cast<std::size_t>(by_units_ ? work.unit_items : work.penalties)),
          magnitudes_(static_cast<std::size_t>(by_units_ ? work.unit_items : 0)),
          norms_(static_cast<std::size_t>(full_gradient ? work.unit_items : 0)) {
        task.layers = work.layers.data();
        task.n_layers = network.layers();
        if (work.embedding) task.embedding = &*work.embedding;
        task.first_extra_item = work.first_extra_item;
        task.output = objective_.output;
        task.groups = objective_.groups.data();
        task.n_groups = static_cast<int>(objective_.groups.size());
        task.loss = objective_.loss;
        task.loss_number = static_cast<T>(objective_.loss_number);
        task.smoothing = objective_.label_smoothing;
        task.X = data.X;
        task.Y = data.Y;
        task.labels = data.labels;
        task.classes = data.labels && objective_.output == Output::softmax &&
                       objective_.groups.empty() && objective_.loss == Loss::own &&
                       objective_.label_smoothing == 0;
        task.weights = data.weights;
        task.capacity = work.capacity;
        task.backward = backward;
        task.costs = costs_.data();
        task.penalized = objective_.lambda != 0;
        task.penalties = penalties_.data();
        task.magnitudes = magnitudes_.data();
        task.norms = norms_.data();
        task.full_gradient = task.store = full_gradient;
        double step = 0;  // operations of phase 2 that do not depend on the rows
        for (int l = 0; l < network.layers(); ++l) {
            arrays_of(l).theta = copies.add(l, network.thetas[static_cast<std::size_t>(l)]);
            if (own_gradients && (batch_size > work.capacity || full_gradient))
                arrays_of(l).gradient = copies.add(l, nullptr);
        }
        if (task.X.sparse()) {
            const Layer<T>& first = work.layers[0];
            task.sparse.transposed.rate = first.rate;
            task.sparse.transposed.bias_rate = first.bias_rate;
            task.sparse.items = first.panels;
            task.sparse.inputs_of_item = work.inputs_of_item;
            if (backward) {
                task.sparse.delta = work.examples_delta;
                values_by_input_.emplace(data.X, work.capacity, epochs).set_pointers(task.sparse);
                step = 4.0 * static_cast<double>(first.in * first.out) / work.kernels().group;
            }
        }
        operations_of_chunk_ = operations(work, std::min(batch_size, work.capacity), 3) + step;
    }

    // Whether there is too little to do for more than one thread, in so many batches.
    bool single_thread(double batches) const {
        const double chunks = batches * static_cast<double>(divide_up(batch_size_, work.capacity));
        return operations_of_chunk_ < worth_a_team || operations_of_chunk_ * chunks < worth_waking;
    }

    // The layer whose arrays the kernels use: layer 1 has transposed ones if X is sparse.
    Layer<T>& arrays_of(int l) {
        return task.X.sparse() && l == 0 ? task.sparse.transposed
                                         : work.layers[static_cast<std::size_t>(l)];
    }

    // The outputs of the rows go there as well, if the loss is the output unit's own.
    void give_outputs(T* H) {
        task.H = H;
        task.classes = false;
    }

    // Call it before the first batch, once all arrays have been added to `copies`.
    void begin(int threads) {
        copies.read_all(threads);
        if (by_units_)
            for (std::int64_t item = 0; item < work.unit_items; ++item)
                work.kernels().measure_penalty(task, item);
        else
            for (std::int64_t item = 0; item < work.items && task.penalized; ++item)
                work.kernels().sum_squares(task, item);
    }

    // Starts a batch: rows order[first] … order[first + n − 1].
    void start_batch(const std::int64_t* order, std::int64_t first, std::int64_t n) {
        task.order = order;
        task.first = first;
        batch_first_ = first;
        batch_end_ = first + n;
        sum_ = 0;
        total_ = static_cast<double>(n);
        if (task.weights) {
            total_ = 0;
            for (std::int64_t at = first; at < first + n; ++at)
                total_ += static_cast<double>(task.weights[order ? order[at] : at]);
        }
        divisor_ = objective_.penalty_rows > 0 ? objective_.penalty_rows : total_;
        task.scale = static_cast<T>(1 / total_);
        task.decay = static_cast<T>(objective_.lambda / divisor_);
        task.l1 = static_cast<T>(objective_.l1 / divisor_);
        start_chunk();
    }

    // After phase 1: adds up the costs of its strips, always in the same order. The cost of the
    // batch is known after its last chunk.
    void add_costs() {
        for (std::int64_t at = 0; at < strips(); ++at) sum_ += costs_[static_cast<std::size_t>(at)];
        if (!task.last_chunk) return;
        double squares = 0, magnitudes = 0;
        if (task.penalized)
            for (const double square : penalties_) squares += square;
        for (const double magnitude : magnitudes_) magnitudes += magnitude;
        cost = share * sum_ / total_ +
               (objective_.lambda / 2 * squares + objective_.l1 * magnitudes) / divisor_;
    }

    // Between phases 2 and 3: finds the factor of D that limits its norm to `most`.
    void clip(double most) {
        double squares = 0;
        for (const double square : norms_) squares += square;
        const double norm = std::sqrt(squares);
        task.clip = static_cast<T>(norm > most ? most / norm : 1);
    }

    // Goes to the next chunk of the batch; false if there is none.
    bool next_chunk() {
        if (task.last_chunk) return false;
        task.first += task.count;
        start_chunk();
        return true;
    }

    bool weightless() const { return total_ == 0; }

    // A number that tells the work of this loop from that of others.
    std::uint64_t work_number(int threads) const {
        std::uint64_t number = 0xcbf29ce484222325;  // FNV-1a
        const auto add = [&](std::int64_t part) {
            number = (number ^ static_cast<std::uint64_t>(part)) * 0x100000001b3;
        };
        for (const Layer<T>& layer : work.layers) {
            add(layer.in);
            add(layer.out);
        }
        add(work.capacity);
        add(work.kernels().group * 2 + task.backward);
        add(threads);
        add(sizeof(T));
        return number;
    }

    // Every thread of a team calls each of these, and takes pieces of the phase until none is left.
    void first_phase(Team& team, int thread) {
        const Pieces<T> pieces(task.count, team.size(), work);
        // If X is sparse, an additional piece comes first: it sorts the values for phase 2.
        const std::int64_t before = values_by_input_ ? 1 : 0;
        team.each(thread, pieces.count + before, [&](std::int64_t i) {
            if (i < before) return values_by_input_->sort(task);
            const std::int64_t from = pieces.first(i - before), to = pieces.first(i - before + 1);
            work.kernels().propagate(task, work.scratch(thread), from, static_cast<int>(to - from));
        });
    }

    void second_phase(Team& team, int thread) {
        team.each(thread, work.items,
                  [this](std::int64_t item) { work.kernels().update(task, item); });
    }

    void measure_gradient(Team& team, int thread) {
        team.each(thread, work.unit_items,
                  [this](std::int64_t item) { work.kernels().measure_gradient(task, item); });
    }

    void third_phase(Team& team, int thread) {
        team.each(thread, work.unit_items,
                  [this](std::int64_t item) { work.kernels().full_gradient_step(task, item); });
    }

    void save(Team& team, int thread) {
        team.each(thread, copies.pieces(), [this](std::int64_t i) { copies.write_back(i); });
    }

    Workspace<T> work;
    BatchTask<T> task;
    WorkingCopies<T> copies;
    bool saving = false;  // before the next phase 1, the caller's arrays are brought up to date
    double cost = 0;
    double share = 1;  // factor of the data's part of the reported cost
    double clip_norm = std::numeric_limits<double>::infinity();

  private:
    std::int64_t strips() const { return divide_up(task.count, numbers_of_strip<T>); }

    void start_chunk() {
        task.count = std::min(work.capacity, batch_end_ - task.first);
        task.place = task.first - batch_first_;
        task.first_chunk = task.place == 0;
        task.last_chunk = task.first + task.count == batch_end_;
    }

    const Objective& objective_;
    bool by_units_;  // penalties are summed by the items of phase 3
    std::int64_t batch_size_;
    double operations_of_chunk_ = 0;
    std::vector<double> costs_, penalties_, magnitudes_, norms_;
    double divisor_ = 1;
    std::optional<ValuesByInput<T>> values_by_input_;
    std::int64_t batch_first_ = 0, batch_end_ = 0;
    double sum_ = 0, total_ = 0;
};

// Works through at most so many batches, in slices of time, until next() returns false. One thread
// calls next() between two chunks, and proceed() after phase 1; if proceed() returns false, the
// loop ends there. Returns false if the poll stopped it.
template <class T, class Proceed, class Next>
bool run_batches(
    BatchLoop<T>& loop, double batches, int threads, const Poll& poll, Proceed proceed, Next next) {
    bool ended = false;
    TeamSize team_size(loop.single_thread(batches), loop.work_number(threads));
    while (!ended) {
        Team team(threads, !team_size.start_slice());
        loop.work.make_scratch(team.size());
        double chunks = 0;
        bool over = false;
        team.run([&](int thread) {
            while (!over) {
                if (loop.saving) {
                    loop.save(team, thread);
                    team.barrier([&] { loop.saving = false; });
                }
                loop.first_phase(team, thread);
                team.barrier([&] { over = ended = !proceed(); });
                if (over) return;
                if (loop.task.backward) loop.second_phase(team, thread);
                if (loop.task.full_gradient && loop.task.last_chunk) {
                    if (std::isfinite(loop.clip_norm)) {
                        team.barrier([] {});
                        loop.measure_gradient(team, thread);
                    }
                    team.barrier([&] { loop.clip(loop.clip_norm); });
                    loop.third_phase(team, thread);
                }
                team.barrier([&] {
                    ended = !next();
                    ++chunks;
                    over = ended || team_size.slice_over();
                });
            }
        });
        team_size.end_slice(chunks);
        if (!ended && poll()) return false;
    }
    return true;
}

}  // namespace multilayer
