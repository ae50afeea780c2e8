// Which road a batch takes. Floor: engine.
#include "engine/roads.hpp"

#include <utility>

namespace chainfit {

template <class T>
Stepper<T>& Roads<T>::choose(Index batch_rows, bool sparse, bool whole_steps, int max_threads) {
    if (!whole_steps || net_.dropout.drops_any()) return tiles(batch_rows, sparse, max_threads);
    if (batch_rows == 1) {
        if (!row_) row_ = std::make_unique<RowStepper<T>>(net_);
        return *row_;
    }
    if (FewRowsStepper<T>::are_few(net_.network, batch_rows)) {
        if (!few_rows_) few_rows_ = std::make_unique<FewRowsStepper<T>>(net_);
        return *few_rows_;
    }
    return tiles(batch_rows, sparse, max_threads);
}

template <class T>
Stepper<T>& Roads<T>::tiles(Index batch_rows, bool sparse, int max_threads) {
    for (Tiles& tiles : tiles_)
        if (tiles.stepper && tiles.batch_rows == batch_rows && tiles.sparse == sparse &&
            tiles.max_threads == max_threads)
            return *tiles.stepper;
    std::swap(tiles_[0], tiles_[1]);
    tiles_[0].stepper.reset();  // before the new one, so that memory holds two at most
    tiles_[0] = {batch_rows, sparse, max_threads,
                 std::make_unique<TileStepper<T>>(net_, batch_rows, sparse, max_threads)};
    return *tiles_[0].stepper;
}

template <class T>
void Roads<T>::forget_tiles() {
    for (Tiles& tiles : tiles_) tiles = Tiles();
}

template class Roads<float>;
template class Roads<double>;

}  // namespace chainfit
