// Processes that train one net together, "ranks", each on rows of its own: which rows of a batch are whose, and what
// they count. Floor: engine. What is summed over the ranks is in rank_sums; MPI is behind Ranks.
#pragma once

#include <vector>

#include "engine/memory.hpp"
#include "engine/share.hpp"
#include "engine/source.hpp"

namespace chainfit {

// The others. Called on the caller's thread, by all ranks in the same order; throws where one of them has failed.
template <class T>
class Ranks {
   public:
    virtual ~Ranks() = default;
    // The sum over all ranks, in place.
    virtual void sum(double* values, Index count) = 0;
    // The same of numbers of the net, in the background: several may be on their way, until finish_sums().
    virtual void begin_sum(T* values, Index count) = 0;
    virtual void finish_sums() = 0;
    // Lets the sums that are on their way get on.
    virtual void poke() = 0;
};

// What a rank knows of the rows of all.
struct RankSettings {
    std::vector<Range> rows;        // of its order, a range for each batch of an epoch
    std::vector<Index> first_rows;  // of each: how many rows the batch has before them
    Index all_rows = 0;             // of an epoch, on all ranks ...
    Index batch_size = 1;           // ... and of a batch; the last one has the rest
    bool first = true;              // the rank whose gradient has the penalties in it
    bool weighted = false;          // whether rows have weights, on all ranks
    bool in_windows = false;        // whether some rank has windows: weights are summed batch by batch
    Index sync_every = 0;           // 0: gradients are summed; otherwise weights are averaged after so many steps
    double outer_rate = 1;          // of the outer step that then follows, with Nesterov's momentum
    double outer_momentum = 0;
};

// The batches of an epoch as one rank sees them.
template <class T>
class Shares {
   public:
    // What it is given outlives it. Windows end where no batch of this rank is cut.
    Shares(const RankSettings& settings, Ranks<T>& ranks, const Source<T>& source);

    Index batches() const { return static_cast<Index>(settings_.rows.size()); }
    Index all_rows() const { return settings_.all_rows; }
    const RankSettings& settings() const { return settings_; }
    Ranks<T>& ranks() const { return ranks_; }
    // Sums up what the batches of the next epoch weigh, or reads its first window.
    void begin_epoch();
    // This rank's rows of batch k, which follows batch k - 1; where it has none, one row that counts nothing.
    Batches<T> batch(Index k);
    // What batch k weighs, here and on all ranks, once it is there.
    double weight_here(Index k) const { return here_[static_cast<std::size_t>(k)]; }
    double weight(Index k) const { return all_[static_cast<std::size_t>(k)]; }

   private:
    Index rows_of(Index k) const;
    void read(const Samples<T>& samples, Index first);
    void weigh(Index k);

    const RankSettings& settings_;
    Ranks<T>& ranks_;
    const std::int64_t* order_;
    Windows<T>* windows_;                  // or null
    const Samples<T>* samples_ = nullptr;  // all rows, or a window of them
    Index first_ = 0;                      // of its rows
    std::vector<double> here_, all_;
    Share share_;
    T nothing_ = 0;
    Samples<T> idle_{};
};

}  // namespace chainfit
