// Which road a batch takes through a net: tiles of many rows, a few rows at a time, or one. Floor: engine.
// A matter of shapes alone, never of threads or of the machine, for the bits depend on it.
#pragma once

#include <memory>

#include "engine/step_few.hpp"
#include "engine/step_row.hpp"
#include "engine/step_tiles.hpp"

namespace chainfit {

// A net's steppers with the memory that they work in: made when first needed, and kept from run to run.
template <class T>
class Roads {
   public:
    // The net and its kernels outlive the object.
    explicit Roads(const Net<T>& net) : net_(net) {}

    const Net<T>& net() const { return net_; }

    // The stepper for batches of so many rows, with all its memory. Tiles where the update has no `whole_steps`, or
    // where the net drops units.
    Stepper<T>& choose(Index batch_rows, bool sparse, bool whole_steps, int max_threads);
    // Tiles, whatever the number of rows.
    Stepper<T>& tiles(Index batch_rows, bool sparse, int max_threads);
    // After TeamLost, for what waits for threads that no longer exist; and where the net's dropout has changed.
    void forget_tiles();

   private:
    struct Tiles {
        Index batch_rows = 0;
        bool sparse = false;
        int max_threads = 0;
        std::unique_ptr<TileStepper<T>> stepper;
    };

    const Net<T>& net_;
    Tiles tiles_[2];  // the last two: for full batches, and for the short one that ends an epoch
    std::unique_ptr<FewRowsStepper<T>> few_rows_;
    std::unique_ptr<RowStepper<T>> row_;
};

}  // namespace chainfit
